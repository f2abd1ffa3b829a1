"""Which package manager serves which host: one table."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from saltern.library.pkg.manager import PackageManager
from saltern.sdk import Host, NotSupported

#: By the grain ``os_family``: the program that must be there, the module beside this one, its class.
TABLE: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "Debian": (("apt-get", "apt", "Apt"),),
    "RedHat": (("dnf5", "dnf", "Dnf"), ("dnf", "dnf", "Dnf"), ("yum", "dnf", "Dnf")),
    "Suse": (("zypper", "zypper", "Zypper"),),
    "Alpine": (("apk", "apk", "Apk"),),
    "Arch": (("pacman", "pacman", "Pacman"),),
    "MacOS": (("brew", "brew", "Brew"),),
}


def found(host: Host) -> tuple[str, str, str] | None:
    """Return the row that serves a host: that of its family, else the first whose program is there."""
    family = TABLE.get(str(host.grains.get("os_family", "")), ())
    rows = [*family, *(row for rows in TABLE.values() for row in rows)]
    return next((row for row in rows if host.which(row[0]) is not None), None)


def manager(host: Host) -> PackageManager:
    """Return the host's package manager. Raises NotSupported."""
    row = found(host)
    if row is None:
        raise NotSupported("no package manager that is known is on this host", hint=", ".join(_programs()))
    program, module, name = row
    kind = getattr(import_module(f"saltern.library.pkg.{module}"), name)
    made: PackageManager = kind(host, program) if module == "dnf" else kind(host)
    return made


def _programs() -> list[str]:
    return [row[0] for rows in TABLE.values() for row in rows]
