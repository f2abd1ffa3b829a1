"""The kernel: what it is, how it was started."""

from __future__ import annotations

import shlex
from typing import Any

from saltern.sdk import Host


def collect(host: Host) -> dict[str, Any]:
    """Return ``kernel*``, ``nodename``, ``cpuarch`` from uname(2), and the command line as pairs."""
    uname = host.uname()
    return {
        "kernel": uname.system,
        "nodename": uname.node,
        "kernelrelease": uname.release,
        "kernelversion": uname.version,
        "cpuarch": uname.machine,
        "kernelparams": [_parameter(word) for word in _words(host.text("/proc/cmdline", ""))],
    }


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a lone quote is legal there
        return line.split()


def _parameter(word: str) -> tuple[str, str | None]:
    """Return name and value; no value where there is no ``=``."""
    name, equals, value = word.partition("=")
    return name, value.strip('"') if equals else None
