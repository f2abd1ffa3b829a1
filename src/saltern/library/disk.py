"""File systems and block devices: how full, what kind, how busy."""

from __future__ import annotations

import re
from typing import Any

from saltern.library import _filesystems, _proc
from saltern.library._filesystems import Mount
from saltern.sdk import BadArgument, Changes, Conflict, Host, Moment, NotFound, State

#: Seconds to wait for file systems to answer; a network file system without its server never does.
PATIENCE = 10.0


def mounts(host: Host) -> list[Mount]:
    """Return what is mounted: ``{device, directory, kind, options}`` each.

    Example:
        saltern run '*' disk.mounts
    """
    return _filesystems.mounted(host)


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
    return _filesystems.known(host, device, token)


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


def format_(
    host: Host,
    device: str,
    fs_type: str = "ext4",
    inode_size: int | None = None,
    lazy_itable_init: bool | None = None,
    fat: int | None = None,
    force: bool = False,
) -> bool:
    """Make a file system on a device. Raises Conflict for one that holds something, or is mounted.

    ``force`` overwrites what it holds, never what is mounted. ``inode_size`` and ``lazy_itable_init`` are
    for the ext kinds, ``fat`` is the width of a vfat's table.

    Example:
        saltern run web1 disk.format /dev/sdb1 fs_type=xfs
    """
    _filesystems.make(host, device, fs_type, inode_size, lazy_itable_init, fat, force)
    return True


def tune(
    host: Host,
    device: str,
    read_ahead: int | None = None,
    filesystem_read_ahead: int | None = None,
    read_only: bool | None = None,
) -> dict[str, str]:
    """Set how a device reads ahead (sectors), or whether it can be written; return its numbers.

    Example:
        saltern run web1 disk.tune /dev/sda read_ahead=1024
    """
    wanted = {"getra": read_ahead, "getfra": filesystem_read_ahead, "getro": read_only}
    _filesystems.tune(host, device, {name: int(value) for name, value in wanted.items() if value is not None})
    return dump(host, device)


def resize2fs(host: Host, device: str) -> bool:
    """Have an ext file system fill its device. Raises CommandFailed.

    Example:
        saltern run web1 disk.resize2fs /dev/sdb1
    """
    host.run("resize2fs", _filesystems.checked(device), timeout=None)
    return True


def wipe(host: Host, device: str) -> bool:
    """Take all signs of file systems, tables and volumes from a device. Raises CommandFailed.

    Example:
        saltern run web1 disk.wipe /dev/sdb1
    """
    host.run("wipefs", "-a", "--", _filesystems.checked(device))
    return True


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


class Status(State, frozen=True, kw_only=True):
    """Fail when a file system is too full, or too empty; nothing is changed. ``name`` is its mount point.

    ``maximum`` and ``minimum`` are percent, or KiB with ``absolute: true``; of what is used, or with
    ``free: true`` of what is free.

    Example:
        - disk.status: {name: /, maximum: "90%"}
    """

    maximum: int | str | None = None
    minimum: int | str | None = None
    absolute: bool = False
    free: bool = False

    def check(self, host: Host) -> Changes:
        """Return nothing. Raises Conflict outside of the limits, NotFound where nothing is mounted."""
        found = usage(host).get(self.name)
        if found is None:
            raise NotFound(f"Disk mount {self.name} not present", hint="disk.mounts lists what is")
        low, high = self._limit(self.minimum), self._limit(self.maximum)
        now = self._measured(found)
        what, unit = "free" if self.free else "used", " KB" if self.absolute else "%"
        if low is not None and now < low:
            raise Conflict(f"Disk {what} space is below minimum of {low}{unit} at {now}{unit}")
        if high is not None and now > high:
            raise Conflict(f"Disk {what} space is above maximum of {high}{unit} at {now}{unit}")
        return Changes()

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"Disk {'free' if self.free else 'used'} space in acceptable range"

    def _measured(self, found: dict[str, str]) -> int:
        if self.absolute:
            return int(found["available" if self.free else "used"])
        full = int(found["capacity"].rstrip("%"))
        return 100 - full if self.free else full

    def _limit(self, given: int | str | None) -> int | None:
        if given is None:
            return None
        text = str(given).removesuffix("%").strip()
        if not text.isdigit() or (not self.absolute and int(text) > 100):
            raise BadArgument(f"{given!r} is no limit", hint="write 90, or KiB with absolute: true")
        return int(text)


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
