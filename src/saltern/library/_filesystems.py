"""What block devices hold, what of it is mounted, and making file systems on them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from saltern.sdk import BadArgument, CommandFailed, Conflict, Host, NotSupported

#: What ``blockdev`` sets by what it reads.
SETTERS = {"getra": "--setra", "getfra": "--setfra"}
#: The word by which a maker of file systems overwrites what there is.
_FORCE = {"xfs": "-f", "btrfs": "-f", "f2fs": "-f", "ext2": "-F", "ext3": "-F", "ext4": "-F", "ntfs": "-F"}


class Mount(msgspec.Struct, frozen=True):
    """A mounted file system."""

    device: str
    directory: str
    kind: str
    options: str


def mounted(host: Host) -> list[Mount]:
    """Return what is mounted, the last one mounted at the end."""
    lines = (line.split() for line in host.text("/proc/mounts").splitlines())
    return [Mount(*(_unescaped(word) for word in words[:4])) for words in lines if len(words) >= 4]


def known(host: Host, device: str | None = None, token: str | None = None) -> dict[str, dict[str, str]]:
    """Return what block devices are called and hold, by device: one, or those that ``token`` fits."""
    argv = ["blkid", *(["-t", token] if token else []), *([device] if device else [])]
    try:
        lines = host.run(*argv).splitlines()
    except CommandFailed as error:
        if error.retcode == 2:  # nothing found
            return {}
        raise
    pairs = (line.partition(": ") for line in lines)
    return {name: dict(re.findall(r'(\S+)="(.*?)"', values)) for name, _, values in pairs}


def checked(device: str) -> str:
    """Return a device's path. Raises BadArgument for what is none."""
    if not device.startswith("/") or "\n" in device or "\0" in device:
        raise BadArgument(f"{device!r} is no path of a device", hint="write /dev/sdb1")
    return device


def kind_on(host: Host, device: str) -> str:
    """Return what a device holds, a file system or a table of partitions; empty when it is nothing known."""
    path = host.real_path(checked(device))
    found = known(host, path).get(path, {})
    return found.get("TYPE") or found.get("PTTYPE", "")


def make(
    host: Host,
    device: str,
    kind: str,
    inode_size: int | None,
    lazy: bool | None,
    fat: int | None,
    force: bool,
) -> None:
    """Make a file system. Raises Conflict for a device with content, NotSupported, CommandFailed."""
    path = host.real_path(checked(device))
    there = next((one for one in mounted(host) if one.device in (device, path)), None)
    if there is not None:
        raise Conflict(f"{device} is mounted at {there.directory}", hint="mount.unmounted unmounts it")
    held = kind_on(host, device)
    if held and not force:
        raise Conflict(f"{device} holds {held}", hint="force: true overwrites it")
    program = _maker(host, kind)
    host.run(program, *_words(kind, inode_size, lazy, fat, bool(held)), path, timeout=None)


def tune(host: Host, device: str, wanted: Mapping[str, int]) -> None:
    """Set a device's numbers: those of ``SETTERS``, and ``getro``. Raises CommandFailed."""
    path = checked(device)
    for name, value in wanted.items():
        if name == "getro":
            host.run("blockdev", "--setro" if value else "--setrw", path)
        else:
            host.run("blockdev", SETTERS[name], str(value), path)


def _maker(host: Host, kind: str) -> str:
    if not kind.replace("-", "").replace(".", "").isalnum():
        raise BadArgument(f"fs_type = {kind!r} is no kind of file system", hint="write ext4")
    program = "mkswap" if kind == "swap" else f"mkfs.{kind}"
    if host.which(program) is None:
        raise NotSupported(f"{program} is not on this host", hint="install the programs of that file system")
    return program


def _words(kind: str, inode_size: int | None, lazy: bool | None, fat: int | None, force: bool) -> list[str]:
    words = [_FORCE[kind]] if force and kind in _FORCE else []
    if inode_size is not None:
        words += ["-i", f"size={inode_size}"] if kind == "xfs" else ["-I", str(inode_size)]
    if lazy is not None and kind.startswith("ext"):
        words += ["-E", f"lazy_itable_init={int(lazy)}"]
    if fat is not None:
        words += ["-F", str(fat)]
    return words


def _unescaped(word: str) -> str:
    r"""Read the kernel's ``\040`` for a space, and the like."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), word)
