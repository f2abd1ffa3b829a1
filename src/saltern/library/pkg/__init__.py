"""Packages of the operating system: what is installed, what could be, and changing it."""

from __future__ import annotations

from saltern.library.pkg.providers import found
from saltern.sdk import Host


def unavailable(host: Host) -> str:
    """Return why there are no packages here."""
    return "" if found(host) else "no package manager that is known is on this host"
