"""What the kernel has mounted, and which device a name means."""

from __future__ import annotations

import posixpath
import re

import msgspec

from saltern.sdk import BadArgument, CommandFailed, Host

_TABLE = "/proc/self/mountinfo"
#: Where udev keeps links from what a device is known by.
_LINKS = {
    "UUID": "by-uuid",
    "LABEL": "by-label",
    "PARTUUID": "by-partuuid",
    "PARTLABEL": "by-partlabel",
    "ID": "by-id",
}


class Mounted(msgspec.Struct, frozen=True, kw_only=True):
    """A mounted file system. ``root`` is the directory of it that is seen at ``directory``."""

    number: str
    parent: str
    major: str
    minor: str
    root: str
    directory: str
    options: tuple[str, ...]
    kind: str
    device: str
    super_options: tuple[str, ...]

    @property
    def place(self) -> tuple[str, str, str]:
        """What is mounted, whatever it is called: the file system's numbers, and a directory in it."""
        return self.major, self.minor, self.root


def mounts(host: Host) -> list[Mounted]:
    """Return what is mounted, the last one mounted at the end."""
    lines = (line.partition(" - ") for line in host.text(_TABLE).splitlines())
    return [_parsed(before.split(" "), after.split(" ")) for before, sign, after in lines if sign]


def at(host: Host, directory: str) -> Mounted | None:
    """Return what is seen at a directory; None when nothing is mounted just there."""
    here = [one for one in mounts(host) if one.directory == directory]
    return here[-1] if here else None


def holding(host: Host, path: str) -> Mounted:
    """Return the file system that a path lies on."""
    fits = [one for one in mounts(host) if path == one.directory or path.startswith(_slash(one.directory))]
    return max(enumerate(fits), key=lambda pair: (len(pair[1].directory), pair[0]))[1]


def directory(host: Host, name: str) -> str:
    """Return a mount point as the kernel has it. Raises BadArgument for what is no absolute path."""
    if not name.startswith("/") or "\n" in name or "\0" in name:
        raise BadArgument(f"{name!r} is no mount point", hint="write an absolute path")
    return host.real_path(name)


def device(host: Host, name: str) -> str:
    """Return a device's path where ``UUID=…``, ``LABEL=…`` or a link mean one; else the name as it is."""
    kind, sign, value = name.partition("=")
    if sign and kind in _LINKS:
        value = value.strip("\"'")
        link = f"/dev/disk/{_LINKS[kind]}/{_udev(value)}"
        name = link if host.exists(link) else _found(host, f"{kind}={value}") or name
    return host.real_path(name) if name.startswith("/") else name


def is_of(host: Host, wanted: str, found: Mounted, bind: bool) -> bool:
    """Tell whether what is mounted is of this device, or with ``bind`` this directory."""
    if bind:
        return bound(host, wanted) == found.place
    if wanted == found.device or device(host, wanted) == device(host, found.device):
        return True
    if found.device.startswith("/dev/loop"):
        backing = f"/sys/block/{posixpath.basename(found.device)}/loop/backing_file"
        return host.text(backing, "").strip() == host.real_path(wanted)
    return ":" in wanted and wanted.rstrip("/") == found.device.rstrip("/")


def bound(host: Host, path: str) -> tuple[str, str, str]:
    """Return what a bind mount of a directory shows."""
    real = host.real_path(path)
    below = holding(host, real)
    inside = posixpath.relpath(real, below.directory)
    return below.major, below.minor, posixpath.normpath(posixpath.join(below.root, inside))


def _found(host: Host, token: str) -> str:
    """Ask for a device where no links are kept."""
    if host.which("findfs") is None:
        return ""
    try:
        return host.run("findfs", token).strip()
    except CommandFailed:
        return ""


def _udev(value: str) -> str:
    """Write a value as udev names links: what isn't plain in hexadecimal."""
    return re.sub(r"[^\w#+\-.:=@/]|/", lambda met: "".join(f"\\x{one:02x}" for one in met[0].encode()), value)


def _parsed(before: list[str], after: list[str]) -> Mounted:
    major, _, minor = before[2].partition(":")
    return Mounted(
        number=before[0],
        parent=before[1],
        major=major,
        minor=minor,
        root=_unescaped(before[3]),
        directory=_unescaped(before[4]),
        options=tuple(before[5].split(",")),
        kind=after[0],
        device=_unescaped(after[1]),
        super_options=tuple(_unescaped(after[2]).split(",")),
    )


def _unescaped(word: str) -> str:
    r"""Read the kernel's ``\040`` for a space, and the like."""
    return re.sub(r"\\([0-7]{3})", lambda met: chr(int(met[1], 8)), word)


def _slash(path: str) -> str:
    return path if path.endswith("/") else f"{path}/"
