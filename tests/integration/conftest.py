"""Tests on a whole installation: whatever fails shows what everybody logged."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from saltern.testing.site import Site


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs of the site a failed test used."""
    report = yield
    if report.failed:
        for value in item.funcargs.values():
            if isinstance(value, Site):
                report.sections.append(("logs of the site", value.logs()))
    return report


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with the agents ``a``, ``b`` and ``c``, for all tests of a module."""
    settings = {"acknowledge": 2.0, "disconnected_grace": 15.0, "silence": 15.0}
    with Site(tmp_path_factory.mktemp("site"), jobs=settings) as made:
        made.add("a", "b", "c")
        yield made
