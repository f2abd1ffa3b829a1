"""File systems and block devices: how full, what kind, how busy."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from saltern.library import _proc
from saltern.sdk import CommandFailed, Host, NotFound

#: Seconds to wait for file systems to answer; a network file system without its server never does.
PATIENCE = 10.0


class Mount(msgspec.Struct, frozen=True):
    """A mounted file system."""

    device: str
    directory: str
    kind: str
    options: str


def mounts(host: Host) -> list[Mount]:
    """Return what is mounted: ``{device, directory, kind, options}`` each.

    Example:
        saltern run '*' disk.mounts
    """
    lines = (line.split() for line in host.text("/proc/mounts").splitlines())
    return [Mount(*(_unescaped(word) for word in words[:4])) for words in lines if len(words) >= 4]


def usage(host: Host, args: str | None = None) -> dict[str, dict[str, str]]:
    """Return ``{filesystem, 1K-blocks, used, available, capacity}`` by mount point.

    ``args`` are letters of df(1)'s options: ``l`` for local file systems, ``a`` for all.

    Example:
        saltern run '*' disk.usage
    """
    columns = ("filesystem", "1K-blocks", "used", "available", "capacity")
    return {at: dict(zip(columns, words, strict=True)) for at, words in _df(host, "-kP", args).items()}


def inodeusage(host: Host, args: str | None = None) -> dict[str, dict[str, str]]:
    """Return ``{inodes, used, free, use, filesystem}`` by mount point.

    Example:
        saltern run '*' disk.inodeusage
    """
    return {
        at: {"inodes": total, "used": used, "free": free, "use": percentage, "filesystem": name}
        for at, (name, total, used, free, percentage) in _df(host, "-iP", args).items()
    }


def percent(host: Host, args: str | None = None) -> dict[str, str] | str:
    """Return how full file systems are (``23%``) by mount point; with a path, how full that one is.

    Example:
        saltern run '*' disk.percent /var
    """
    full: dict[str, str] = {at: words[4] for at, words in _df(host, "-kP", None).items()}
    if args is None:
        return full
    if args not in full:
        raise NotFound(f"nothing is mounted at {args}", hint="disk.mounts lists what is")
    return full[args]


def blkid(host: Host, device: str | None = None, token: str | None = None) -> dict[str, dict[str, str]]:
    """Return block devices' labels, ids and kinds by device; one device's, or of those with ``TOKEN=value``.

    Example:
        saltern run '*' disk.blkid token='TYPE=ext4'
    """
    argv = ["blkid", *(["-t", token] if token else []), *([device] if device else [])]
    try:
        lines = host.run(*argv).splitlines()
    except CommandFailed as error:
        if error.retcode == 2:  # nothing found
            return {}
        raise
    pairs = (line.partition(": ") for line in lines)
    return {name: dict(re.findall(r'(\S+)="(.*?)"', values)) for name, _, values in pairs}


def fstype(host: Host, device: str) -> str:
    """Return the kind of file system on a device; empty where there is none to be seen.

    Example:
        saltern run '*' disk.fstype /dev/sda1
    """
    mounted = (mount.kind for mount in mounts(host) if mount.device == device)
    return next(mounted, "") or blkid(host, device).get(device, {}).get("TYPE", "")


def get_fstype_from_path(host: Host, path: str) -> str:
    """Return the kind of the file system that a path lies on.

    Example:
        saltern run '*' disk.get_fstype_from_path /var/log
    """
    return host.run("df", "-PT", path, timeout=PATIENCE).splitlines()[-1].split()[1]


def dump(host: Host, device: str, args: list[str] | None = None) -> dict[str, str]:
    """Return a block device's numbers (sizes in bytes or sectors), or those named in ``args``.

    Example:
        saltern run '*' disk.dump /dev/sda
    """
    wanted = args or ["getro", "getsz", "getss", "getpbsz", "getiomin", "getioopt", "getra", "getsize64"]
    numbers = host.run("blockdev", *(f"--{name}" for name in wanted), device).splitlines()
    return dict(zip(wanted, numbers, strict=True))


def iostat(
    host: Host, interval: float = 1, count: int = 5, disks: list[str] | str | None = None
) -> dict[str, dict[str, float]]:
    """Watch block devices ``count`` times ``interval`` seconds; return their averages by device.

    ``tps`` transfers a second, ``kB_read/s`` and ``kB_wrtn/s``, ``util`` percent of the time busy.

    Example:
        saltern run '*' disk.iostat interval=1 count=3 disks=sda
    """
    wanted = [disks] if isinstance(disks, str) else disks
    before = _proc.disks(host)
    host.sleep(interval * count)
    after = _proc.disks(host)
    names = wanted or [name for name in after if not name.startswith(("loop", "ram", "zram"))]
    return {name: _rates(before[name], after[name], interval * count) for name in names if name in before}


def _rates(before: dict[str, int], after: dict[str, int], seconds: float) -> dict[str, float]:
    change = {key: (after[key] - before[key]) / seconds for key in _proc.DISK_FIELDS}
    return {
        "tps": round(change["reads_issued"] + change["writes_completed"], 2),
        "kB_read/s": round(change["sectors_read"] / 2, 2),
        "kB_wrtn/s": round(change["sectors_written"] / 2, 2),
        "util": round(change["ms_spent_in_io"] / 10, 2),
    }


def _df(host: Host, how: str, more: str | None) -> dict[str, Any]:
    """Return df(1)'s first five columns by mount point. Some file system's error does not spoil the rest."""
    from saltern.sdk import Command, TimedOut

    extra = [f"-{more.lstrip('-')}"] if more else []
    done = host.execute(
        Command(argv=("df", how, *extra), timeout=PATIENCE, env={"LC_ALL": "C", "POSIXLY_CORRECT": None})
    )
    if done.timed_out:
        raise TimedOut("a file system does not answer", hint="leave network file systems out: args=l")
    found = {}
    for line in done.stdout.decode(errors="replace").splitlines()[1:]:
        name, *numbers, rest = re.split(r"\s+", line, maxsplit=5)
        if len(numbers) == 4:
            found[rest] = (name, *numbers)
    return found


def _unescaped(word: str) -> str:
    r"""Read the kernel's ``\040`` for a space, and the like."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), word)
