"""Block devices: how they read ahead, and the file systems on them."""

from __future__ import annotations

import msgspec

from saltern.library import _filesystems, disk
from saltern.sdk import Changes, Host, Moment, NotFound, State


class Tuned(State, frozen=True, kw_only=True):
    """Keep a device's numbers: how many sectors it reads ahead, and whether it can be written.

    Example:
        - blockdev.tuned: {name: /dev/sda, read-ahead: 1024, read-only: false}
    """

    read_ahead: int | None = msgspec.field(default=None, name="read-ahead")
    filesystem_read_ahead: int | None = msgspec.field(default=None, name="filesystem-read-ahead")
    read_only: bool | None = msgspec.field(default=None, name="read-only")
    read_write: bool | None = msgspec.field(default=None, name="read-write")

    def check(self, host: Host) -> Changes:
        """Return ``{getra, getfra, getro}``, those that differ. Raises NotFound."""
        if not host.exists(_filesystems.checked(self.name)):
            raise NotFound(f"Changes to {self.name} cannot be applied. Not a block device. ")
        wanted = self._wanted()
        now = disk.dump(host, self.name, list(wanted)) if wanted else {}
        return Changes(
            {
                name: {"old": now[name], "new": str(value)}
                for name, value in wanted.items()
                if now[name] != str(value)
            }
        )

    def apply(self, host: Host, changes: Changes) -> None:
        """Set them. Raises CommandFailed."""
        _filesystems.tune(host, self.name, {name: int(one["new"]) for name, one in changes.items()})

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Block device {self.name} already in correct state",
            Moment.WOULD: f"Changes to {self.name} will be applied",
            Moment.DONE: f"Block device {self.name} successfully modified",
        }[moment]

    def _wanted(self) -> dict[str, int]:
        locked = self.read_only if self.read_write is None else not self.read_write
        given = {"getra": self.read_ahead, "getfra": self.filesystem_read_ahead, "getro": locked}
        return {name: int(value) for name, value in given.items() if value is not None}


class Formatted(State, frozen=True, kw_only=True):
    """Keep a file system on a device.

    A device that holds something else is only formatted with ``force: true``, a mounted one never.

    Example:
        - blockdev.formatted: {name: /dev/sdb1, fs_type: xfs}
    """

    fs_type: str = "ext4"
    force: bool = False
    inode_size: int | None = None
    lazy_itable_init: bool | None = None
    fat: int | None = None

    def check(self, host: Host) -> Changes:
        """Return what it holds and shall hold. A device that isn't there yet holds nothing."""
        there = host.exists(_filesystems.checked(self.name))
        now = _filesystems.kind_on(host, self.name) if there else ""
        return Changes({} if now == self.fs_type else {"old": now, "new": self.fs_type})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it. Raises NotFound, Conflict, NotSupported, CommandFailed."""
        if not host.exists(self.name):
            raise NotFound(f"{self.name} does not exist")
        disk.format_(
            host, self.name, self.fs_type, self.inode_size, self.lazy_itable_init, self.fat, self.force
        )

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"{self.name} already formatted with {self.fs_type}",
            Moment.WOULD: f"Changes to {self.name} will be applied",
            Moment.DONE: f"{self.name} has been formatted with {self.fs_type}",
        }[moment]
