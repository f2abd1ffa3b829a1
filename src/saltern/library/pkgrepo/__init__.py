"""Where packages come from: the repositories a package manager looks in."""

from __future__ import annotations

from saltern.library.pkg.providers import found
from saltern.sdk import Host

_SERVED = ("apt-get", "dnf5", "dnf", "yum", "zypper")


def unavailable(host: Host) -> str:
    """Return why repositories can't be kept here."""
    row = found(host)
    if row is None or row[0] not in _SERVED:
        return "repositories are kept for apt, dnf, yum and zypper"
    return ""
