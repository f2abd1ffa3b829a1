"""The time zone, and whether the hardware clock counts in UTC."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from saltern.sdk import BadArgument, Changes, Host, Moment, NotFound, NotSupported, State

_ZONES = "/usr/share/zoneinfo"
_LINK, _NAME_FILE, _ADJUST = "/etc/localtime", "/etc/timezone", "/etc/adjtime"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+_-]*(/[A-Za-z0-9][A-Za-z0-9+_-]*)*")
#: Files beside the zones, and other countings of the same ones.
_NO_ZONES = ("posix", "right", "posixrules", "localtime", "Factory")


def get_zone(host: Host) -> str:
    """Return the time zone: ``Europe/Berlin``. Raises NotSupported where it can't be told.

    Example:
        saltern run '*' timezone.get_zone
    """
    found = _of_link(host) or host.text(_NAME_FILE, "").strip() or _of_content(host)
    if found:
        return found
    if not host.exists(_LINK):
        return "UTC"  # what the C library takes then
    raise NotSupported(f"{_LINK} is none of the zones in {_ZONES}", hint="timezone.set_zone sets one of them")


def get_zonecode(host: Host) -> str:
    """Return the zone's present abbreviation: ``CET``, ``CEST``.

    Example:
        saltern run '*' timezone.get_zonecode
    """
    return host.run("date", "+%Z").strip()


def get_offset(host: Host) -> str:
    """Return how far local time is from UTC at present: ``+0100``.

    Example:
        saltern run '*' timezone.get_offset
    """
    return host.run("date", "+%z").strip()


def set_zone(host: Host, timezone: str) -> bool:
    """Set the time zone. Raises NotFound for one that the host doesn't know.

    Example:
        saltern run '*' timezone.set_zone Europe/Berlin
    """
    path = _zone_file(host, timezone)
    host.link(_LINK, f"..{path}" if path.startswith("/usr/") else path)
    if host.exists(_NAME_FILE):
        host.write(_NAME_FILE, f"{timezone}\n".encode())
    return True


def zone_compare(host: Host, timezone: str) -> bool:
    """Tell whether the host's time runs as in a zone, whatever it is called. Raises NotFound.

    Example:
        saltern run '*' timezone.zone_compare Europe/Berlin
    """
    wanted = _zone_file(host, timezone)
    now = _LINK if host.exists(_LINK) else f"{_ZONES}/UTC"
    return host.read(now) == host.read(wanted)


def list_(host: Host) -> list[str]:
    """Return the zones the host knows.

    Example:
        saltern run '*' timezone.list
    """
    return sorted(_zones(host))


def get_hwclock(host: Host) -> str:
    """Return how the hardware clock counts: ``UTC``, or ``localtime``.

    Example:
        saltern run '*' timezone.get_hwclock
    """
    lines = host.text(_ADJUST, "").splitlines()
    return "localtime" if len(lines) > 2 and lines[2].strip() == "LOCAL" else "UTC"


def set_hwclock(host: Host, clock: str) -> bool:
    """Have the hardware clock count in ``UTC`` or in ``localtime``; it is set from the system's.

    Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' timezone.set_hwclock UTC
    """
    kinds = {"utc": "UTC", "localtime": "localtime"}
    if clock.lower() not in kinds:
        raise BadArgument(f"clock = {clock!r}", hint="write UTC or localtime")
    _count_in(host, clock.lower() == "utc")
    return True


class System(State, frozen=True, kw_only=True):
    """Keep the host's time zone; with ``utc`` the hardware clock in UTC, else in local time.

    ``utc: null`` leaves that clock alone.

    Example:
        - timezone.system: {name: Europe/Berlin, utc: true}
    """

    utc: bool | None = True

    def check(self, host: Host) -> Changes:
        """Return ``{timezone, utc}``, those that differ. Raises NotFound."""
        changes: dict[str, Any] = {}
        if _now(host) != self.name and not zone_compare(host, self.name):
            changes["timezone"] = self.name
        if self.utc is not None and self.utc != (get_hwclock(host) == "UTC"):
            changes["utc"] = self.utc
        return Changes(changes)

    def apply(self, host: Host, changes: Changes) -> None:
        """Set them. Raises CommandFailed."""
        if "timezone" in changes:
            set_zone(host, self.name)
        if "utc" in changes:
            _count_in(host, bool(self.utc))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        if moment is Moment.CORRECT:
            return f"Timezone {self.name} already set" + self._clock("UTC already set to {}")
        zone = "Timezone {} needs to be set" if moment is Moment.WOULD else "Set timezone {}"
        clock = "UTC needs to be set to {}" if moment is Moment.WOULD else "Set UTC to {}"
        said = [zone.format(self.name)] if "timezone" in changes else []
        said += [clock.format(self.utc)] if "utc" in changes else []
        return ", ".join(said)

    def _clock(self, text: str) -> str:
        return "" if self.utc is None else f", {text.format(self.utc)}"


def _now(host: Host) -> str:
    try:
        return get_zone(host)
    except NotSupported:
        return ""


def _of_link(host: Host) -> str:
    found = host.stat(_LINK, follow=False)
    if found is None or found.kind != "link":
        return ""
    target = posixpath.normpath(posixpath.join("/etc", found.target))
    return target.removeprefix(f"{_ZONES}/") if target.startswith(f"{_ZONES}/") else ""


def _of_content(host: Host) -> str:
    """Return the zone whose file was copied; of several names of one zone the first."""
    if not host.exists(_LINK):
        return ""
    content = host.read(_LINK)
    return next((one for one in sorted(_zones(host)) if host.read(f"{_ZONES}/{one}") == content), "")


def _zone_file(host: Host, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadArgument(f"{name!r} is no name of a time zone", hint="write Europe/Berlin")
    path = f"{_ZONES}/{name}"
    found = host.stat(path)
    if found is None or found.kind != "file":
        hint = "timezone.list shows those it knows" if host.exists(_ZONES) else "install the package tzdata"
        raise NotFound(f"this host knows no time zone {name}", hint=hint)
    return path


def _zones(host: Host) -> set[str]:
    found = set()
    waiting = [""]
    while waiting:
        below = waiting.pop()
        for name in host.list_directory(f"{_ZONES}/{below}" if below else _ZONES):
            path = f"{below}/{name}" if below else name
            there = host.stat(f"{_ZONES}/{path}")
            if path in _NO_ZONES or not _NAME.fullmatch(path) or there is None:
                continue
            if there.kind == "directory":
                waiting.append(path)
            else:
                found.add(path)
    return found


def _count_in(host: Host, utc: bool) -> None:
    if host.exists("/run/systemd/system") and host.which("timedatectl"):
        host.run("timedatectl", "set-local-rtc", "0" if utc else "1")
    else:
        host.run("hwclock", "--systohc", "--utc" if utc else "--localtime")
