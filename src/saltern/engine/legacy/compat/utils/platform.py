"""``salt.utils.platform``: which system this is."""

from __future__ import annotations

import platform
import sys


def is_linux() -> bool:
    """Tell whether this is Linux."""
    return sys.platform.startswith("linux")


def is_windows() -> bool:
    """Tell whether this is Windows."""
    return sys.platform.startswith("win")


def is_darwin() -> bool:
    """Tell whether this is macOS."""
    return sys.platform.startswith("darwin")


def is_sunos() -> bool:
    """Tell whether this is Solaris or a relative."""
    return sys.platform.startswith("sunos")


def is_freebsd() -> bool:
    """Tell whether this is FreeBSD."""
    return sys.platform.startswith("freebsd")


def is_netbsd() -> bool:
    """Tell whether this is NetBSD."""
    return sys.platform.startswith("netbsd")


def is_openbsd() -> bool:
    """Tell whether this is OpenBSD."""
    return sys.platform.startswith("openbsd")


def is_aix() -> bool:
    """Tell whether this is AIX."""
    return sys.platform.startswith("aix")


def is_junos() -> bool:
    """Tell whether this is Junos OS: it is not."""
    return False


def is_smartos() -> bool:
    """Tell whether this is SmartOS."""
    return is_sunos() and "joyent" in platform.version()


def is_proxy() -> bool:
    """Tell whether this stands for another machine: it does not."""
    return False


def is_photonos() -> bool:
    """Tell whether this is Photon OS."""
    return _release_says("photon")


def is_fedora() -> bool:
    """Tell whether this is Fedora."""
    return _release_says("fedora")


def _release_says(name: str) -> bool:
    try:
        return platform.freedesktop_os_release().get("ID") == name
    except OSError:
        return False


def get_machine_identifier() -> str:
    """Return the machine's id, empty where there is none."""
    try:
        with open("/etc/machine-id") as file:
            return file.read().strip()
    except OSError:
        return ""
