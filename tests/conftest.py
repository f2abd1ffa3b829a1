"""What a run of the tests says at its end."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests ran on real hosts, and on what: a skip must not look like a success."""
    ran = Counter(
        value
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "real_host" and report.when == "call"
    )
    for what, number in ran.items():
        terminalreporter.write_line(f"{number} tests on real hosts: {what}")
