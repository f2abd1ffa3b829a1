"""What LVM says of its volumes, read from its programs' tables, and names it takes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from saltern.library import _filesystems
from saltern.sdk import BadArgument, Conflict, Host

#: Bytes that sizes of logical volumes are counted in.
SECTOR = 512

_PHYSICAL = (
    "Physical Volume Device",
    "Volume Group Name",
    "Physical Volume Size (kB)",
    "Internal Physical Volume Number",
    "Physical Volume Status",
    "Physical Volume (not) Allocatable",
    "Current Logical Volumes Here",
    "Physical Extent Size (kB)",
    "Total Physical Extents",
    "Free Physical Extents",
    "Allocated Physical Extents",
)
_GROUP = (
    "Volume Group Name",
    "Volume Group Access",
    "Volume Group Status",
    "Internal Volume Group Number",
    "Maximum Logical Volumes",
    "Current Logical Volumes",
    "Open Logical Volumes",
    "Maximum Logical Volume Size",
    "Maximum Physical Volumes",
    "Current Physical Volumes",
    "Actual Physical Volumes",
    "Volume Group Size (kB)",
    "Physical Extent Size (kB)",
    "Total Physical Extents",
    "Allocated Physical Extents",
    "Free Physical Extents",
    "UUID",
)
_LOGICAL = (
    "Logical Volume Name",
    "Volume Group Name",
    "Logical Volume Access",
    "Logical Volume Status",
    "Internal Logical Volume Number",
    "Open Logical Volumes",
    "Logical Volume Size",
    "Current Logical Extents Associated",
    "Allocated Logical Extents",
    "Allocation Policy",
    "Read Ahead Sectors",
    "Major Device Number",
    "Minor Device Number",
)
_NAME = re.compile(r"[A-Za-z0-9_+.][A-Za-z0-9_+.-]*")
_PATH = re.compile(r"/[A-Za-z0-9_+.:@=/-]+")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([bskmgtpe]?)(?:i?b)?", re.IGNORECASE)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}


def physical(host: Host) -> dict[str, dict[str, str]]:
    """Return physical volumes by device."""
    return _table(host, "pvdisplay", _PHYSICAL, 0)


def groups(host: Host) -> dict[str, dict[str, str]]:
    """Return volume groups by name."""
    return _table(host, "vgdisplay", _GROUP, 0)


def logical(host: Host) -> dict[str, dict[str, str]]:
    """Return logical volumes by path."""
    return _table(host, "lvdisplay", _LOGICAL, 0)


def name(text: str) -> str:
    """Return the name of a group or a volume. Raises BadArgument for what LVM takes for none."""
    if not _NAME.fullmatch(text) or text in (".", ".."):
        raise BadArgument(f"{text!r} is no name of a volume or a group")
    return text


def path(text: str) -> str:
    """Return the path of a device. Raises BadArgument for what is none."""
    if not _PATH.fullmatch(text):
        raise BadArgument(f"{text!r} is no path of a device", hint="write /dev/sdb1")
    return text


def device(host: Host, text: str) -> str:
    """Return a device as LVM has it: links such as those of /dev/disk lead to it. Raises BadArgument."""
    there = path(text)
    return there if there.startswith("/dev/mapper/") else host.real_path(there)


def devices(host: Host, given: str | Sequence[str]) -> list[str]:
    """Return devices, named in a list or in one text with commas between. Raises BadArgument."""
    names = [one.strip() for one in given.split(",")] if isinstance(given, str) else given
    if not [one for one in names if one]:
        raise BadArgument("no device is named", hint="write devices: [/dev/sdb1]")
    return [device(host, one) for one in names]


def refuse_content(host: Host, text: str, force: bool) -> None:
    """Raise Conflict when a device holds something, unless that may be overwritten."""
    kind = _filesystems.kind_on(host, text)
    if kind and kind != "LVM2_member" and not force:
        raise Conflict(f"{text} holds {kind}", hint="force: true overwrites it")


def bytes_of(size: str) -> int | None:
    """Return how many bytes ``10G`` are, MiB where no unit is given; None for what is no size."""
    met = _SIZE.fullmatch(size)
    if met is None:
        return None
    unit = met[2].lower() or "m"
    factor = {"b": 1, "s": SECTOR}.get(unit) or 1024 ** _POWERS[unit]
    return int(float(met[1]) * factor)


def _table(host: Host, program: str, columns: Sequence[str], key: int) -> dict[str, dict[str, str]]:
    """Return the rows of a table with colons between, by one of their columns."""
    found = {}
    for line in host.run(program, "-c").splitlines():
        # a new physical volume is shown with words of warning before it: "is a new physical volume of …"
        cells = line.strip().removeprefix('"').split(":")
        if len(cells) >= len(columns):
            found[cells[key]] = dict(zip(columns, cells, strict=False))
    return found
