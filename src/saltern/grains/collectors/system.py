"""The operating system: its name, family and release, with the values Salt's users target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from saltern.grains.distributions import family_of, name_of
from saltern.sdk import Host

_NEVER_QUOTED = re.compile(r"""^\s*([A-Za-z_][A-Za-z0-9_]*)=(["']?)(.*?)\2\s*$""")
#: Their os-release holds a major number only; the file beside it knows more.
_FULL_RELEASE = {"centos": "/etc/centos-release"}
#: For these the fingerprint is made of ``os``, for the others of ``osfullname``.
_SHORT_FINGER = ("Debian", "Raspbian", "AlmaLinux")
#: For these it carries the whole release, for the others the major number.
_LONG_FINGER = ("Ubuntu", "Pop", "NixOS")


def collect(host: Host) -> dict[str, Any]:
    """Return ``os``, ``os_family``, ``osfullname``, ``osrelease…``, ``oscodename``, ``osarch``, ``lsb_…``."""
    release = _assignments(host.text("/etc/os-release", "") or host.text("/usr/lib/os-release", ""))
    lsb = _assignments(host.text("/etc/lsb-release", ""))
    if not release:
        return {"os": host.uname().system, "os_family": "Unknown", "osarch": host.uname().machine}
    facts = _named(release) | {"osrelease": _release(host, release), "oscodename": _codename(release)}
    facts = {key: value for key, value in facts.items() if value}
    return {
        **_lsb(release, lsb),
        **facts,
        **_numbers(facts),
        "osarch": _architecture(host, facts["os_family"]),
    }


def _assignments(text: str) -> dict[str, str]:
    """Return the shell-like assignments of os-release(5)."""
    found = (_NEVER_QUOTED.match(line) for line in text.splitlines())
    return {match[1]: re.sub(r'\\([\\"$`])', r"\1", match[3]) for match in found if match}


def _named(release: Mapping[str, str]) -> dict[str, Any]:
    name, identifier = release.get("NAME", "Linux").strip(), release.get("ID", "linux")
    full = {"openSUSE Leap": "Leap", "openSUSE Tumbleweed": "Tumbleweed"}.get(name, name)
    system = "SUSE" if "suse" in release.get("CPE_NAME", "").lower() else name_of(name, identifier)
    family = family_of(system, identifier, release.get("ID_LIKE", ""))
    return {"os": system, "os_family": family, "osfullname": full}


def _release(host: Host, release: Mapping[str, str]) -> str:
    """Return the release as exactly as the distribution tells it anywhere."""
    version = release.get("VERSION_ID", "")
    path = _FULL_RELEASE.get(release.get("ID", ""))
    if path is not None and "Stream" not in release.get("NAME", ""):
        found = re.search(r"\d+(\.\d+)+", host.text(path, ""))
        return found[0] if found else version
    return version


def _codename(release: Mapping[str, str]) -> str:
    """Return the codename: given as such, or in brackets behind the version, or the pretty name."""
    given = release.get("VERSION_CODENAME", "")
    bracketed = re.search(r"\((.+)\)", release.get("VERSION", ""))
    if given or not bracketed:
        return given or release.get("PRETTY_NAME", "")
    keeps_pretty_name = release.get("ID") in ("centos", "opensuse-leap", "sles")
    return release.get("PRETTY_NAME", "") if keeps_pretty_name else bracketed[1]


def _lsb(release: Mapping[str, str], lsb: Mapping[str, str]) -> dict[str, str]:
    given = {f"lsb_{key.lower()}": value for key, value in lsb.items() if key.startswith("DISTRIB_")}
    if given:
        return given
    named = {
        "lsb_distrib_id": release.get("NAME", ""),
        "lsb_distrib_release": release.get("VERSION_ID", ""),
        "lsb_distrib_codename": release.get("VERSION_CODENAME") or release.get("PRETTY_NAME", ""),
    }
    return {key: value for key, value in named.items() if value}


def _numbers(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what follows from ``osrelease``: its parts, the major number, and ``osfinger``."""
    release = facts.get("osrelease")
    if not release:
        return {}
    parts = [int(part) if part.isdigit() else part for part in release.split(".")]
    name = facts["os"] if facts["os"] in _SHORT_FINGER else facts["osfullname"]
    number = release if facts["os"] in _LONG_FINGER else parts[0]
    found = {"osrelease_info": parts, "osfinger": f"{name}-{number}"}
    return found | {"osmajorrelease": parts[0]} if isinstance(parts[0], int) else found


def _architecture(host: Host, family: str) -> str:
    """Return the architecture as the system's packages name it."""
    if family == "Debian" and host.which("dpkg"):
        return host.run("dpkg", "--print-architecture").strip()
    if family in ("RedHat", "Suse") and host.which("rpm"):
        return host.run("rpm", "--eval", "%{_host_cpu}").strip()
    return host.uname().machine
