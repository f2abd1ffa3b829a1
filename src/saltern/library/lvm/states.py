"""Physical volumes, volume groups and logical volumes, kept there or away."""

from __future__ import annotations

from saltern.library.lvm import (
    Names,
    lvcreate,
    lvremove,
    lvresize,
    pvcreate,
    pvremove,
    vgcreate,
    vgextend,
    vgremove,
)
from saltern.library.lvm import tables as volumes
from saltern.library.lvm.words import size_words
from saltern.sdk import Changes, Conflict, Host, Moment, State


class PvPresent(State, frozen=True, kw_only=True):
    """Keep a device a physical volume. One that holds something else is only taken with ``force: true``.

    Example:
        - lvm.pv_present: /dev/sdb1
    """

    force: bool = False

    def check(self, host: Host) -> Changes:
        """Return that it has to become one."""
        there = volumes.device(host, self.name) in volumes.physical(host)
        return Changes({} if there else {"created": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it one. Raises Conflict, CommandFailed."""
        volumes.refuse_content(host, self.name, self.force)
        pvcreate(host, [self.name], force=self.force)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return _said(moment, "Physical Volume", self.name, "already present", "created")


class PvAbsent(State, frozen=True, kw_only=True):
    """See that a device is no physical volume.

    Example:
        - lvm.pv_absent: /dev/sdb1
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to be removed."""
        there = volumes.device(host, self.name) in volumes.physical(host)
        return Changes({"removed": self.name} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed, as for one that is in a group."""
        pvremove(host, [self.name])

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return _said(moment, "Physical Volume", self.name, "does not exist", "removed")


class VgPresent(State, frozen=True, kw_only=True):
    """Keep a volume group with these devices; others that it has stay.

    Example:
        - lvm.vg_present: {name: data, devices: [/dev/sdb1, /dev/sdc1]}
    """

    devices: Names
    force: bool = False

    def check(self, host: Host) -> Changes:
        """Return that it has to be made, or which devices it lacks. Raises Conflict for another group's."""
        wanted = volumes.devices(host, self.devices)
        if volumes.name(self.name) not in volumes.groups(host):
            return Changes({"created": self.name}, mend=wanted)
        owner = {device: one["Volume Group Name"] for device, one in volumes.physical(host).items()}
        for one in wanted:
            if owner.get(one, "") not in ("", self.name):
                raise Conflict(f"{one} is part of the volume group {owner[one]}")
        lacking = [one for one in wanted if owner.get(one) != self.name]
        return Changes(dict.fromkeys(lacking, f"added to {self.name}"), mend=lacking)

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it, or add what it lacks. Raises Conflict, CommandFailed."""
        for one in changes.mend:
            if one not in volumes.physical(host):
                volumes.refuse_content(host, one, self.force)
        if "created" in changes:
            vgcreate(host, self.name, changes.mend, self.force)
        else:
            vgextend(host, self.name, changes.mend, self.force)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        verb = "created" if "created" in changes else "extended"
        return _said(moment, "Volume Group", self.name, "already present", verb)


class VgAbsent(State, frozen=True, kw_only=True):
    """See that there is no such volume group; its logical volumes go with it.

    Example:
        - lvm.vg_absent: data
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to be removed."""
        there = volumes.name(self.name) in volumes.groups(host)
        return Changes({"removed": self.name} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        vgremove(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return _said(moment, "Volume Group", self.name, "already absent", "removed")


class LvPresent(State, frozen=True, kw_only=True):
    """Keep a logical volume in a group.

    ``size`` (``10G``) or ``extents`` (``100%FREE``) are what it is made with. One that is there is made
    larger when ``size`` says so, with ``resizefs`` its file system too; smaller only with ``force``.
    ``snapshot``, ``thinvolume``, ``thinpool`` and ``pv`` are those of ``lvm.lvcreate``.

    Example:
        - lvm.lv_present: {name: www, vgname: data, size: 10G, resizefs: true}
    """

    vgname: str
    size: str | None = None
    extents: str | int | None = None
    snapshot: str | None = None
    pv: str | None = None
    thinvolume: bool = False
    thinpool: bool = False
    force: bool = False
    resizefs: bool = False
    stripes: int | None = None
    type: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be made, or its sizes in bytes. Raises Conflict to make it smaller."""
        path = f"/dev/{volumes.name(self.vgname.partition('/')[0])}/{volumes.name(self.name)}"
        size_words(self.size, self.extents, self.thinvolume)
        found = volumes.logical(host).get(path)
        if found is None:
            return Changes({"created": self.name})
        wanted, now = self._bytes(host), int(found["Logical Volume Size"]) * volumes.SECTOR
        if wanted is None or wanted == now:
            return Changes()
        if wanted < now and not self.force:
            raise Conflict(
                f"{path} has {now} bytes, which is more than {self.size}",
                hint="force: true makes it smaller, and may destroy what is on it",
            )
        return Changes({"resized": {"old": now, "new": wanted}}, mend=path)

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it, or give it its size. Raises CommandFailed."""
        if "resized" in changes:
            lvresize(host, self.size, changes.mend, None, self.force, self.resizefs)
            return
        given = {"stripes": self.stripes, "type": self.type}
        lvcreate(
            host,
            self.name,
            self.vgname,
            self.size,
            self.extents,
            self.snapshot,
            self.pv,
            self.thinvolume,
            self.thinpool,
            self.force,
            **{name: value for name, value in given.items() if value is not None},
        )

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        verb = "resized" if "resized" in changes else "created"
        return _said(moment, "Logical Volume", self.name, "already present", verb)

    def _bytes(self, host: Host) -> int | None:
        """Return the size that is asked for, in whole extents; None when it is not a plain size."""
        exact = volumes.bytes_of(self.size) if self.size and not self.snapshot else None
        group = volumes.groups(host).get(self.vgname.partition("/")[0])
        if exact is None or group is None:
            return None
        extent = int(group["Physical Extent Size (kB)"]) * 1024
        return -(-exact // extent) * extent


class LvAbsent(State, frozen=True, kw_only=True):
    """See that a group has no such logical volume.

    Example:
        - lvm.lv_absent: {name: www, vgname: data}
    """

    vgname: str

    def check(self, host: Host) -> Changes:
        """Return that it has to be removed."""
        path = f"/dev/{volumes.name(self.vgname)}/{volumes.name(self.name)}"
        return Changes({"removed": self.name} if path in volumes.logical(host) else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed, as for one that is mounted."""
        lvremove(host, self.name, self.vgname)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return _said(moment, "Logical Volume", self.name, "already absent", "removed")


def _said(moment: Moment, what: str, name: str, already: str, verb: str) -> str:
    return {
        Moment.CORRECT: f"{what} {name} {already}",
        Moment.WOULD: f"{what} {name} is set to be {verb}",
        Moment.DONE: f"{verb.capitalize()} {what} {name}",
    }[moment]
