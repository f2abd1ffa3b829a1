"""File systems kept mounted or not, swap space in use, entries of /etc/fstab there or not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from saltern.library import disk
from saltern.library.mount import FSTAB, Options, kernel, lines, memory, rm_fstab, set_fstab
from saltern.library.mount.act import attach, detach, needs_unmounting, reattach, swap_on, swap_table
from saltern.library.mount.options import SECRET, Extra, missing, split
from saltern.sdk import Action, Changes, Done, Host, Moment, NotFound, State

#: What is said of an entry in the file of mounts: when it is so, would be so, has become so.
_ENTRY = {
    "new": (
        "{} needs to be written to the fstab in order to be made persistent.",
        "Added new entry to the fstab.",
    ),
    "update": ("{} needs to be updated in the fstab.", "Updated the entry in the fstab."),
}
_BINDS = {"bind", "rbind"}


class Mounted(State, frozen=True, kw_only=True):
    """Keep a file system mounted; ``name`` is where.

    ``device`` is a device, ``UUID=…``, ``LABEL=…``, what a network file system calls its source, or with the
    option ``bind`` a directory. With other options than wanted it is mounted again, with another device
    unmounted and mounted. ``mkmnt`` makes the directory. ``persist: false`` leaves /etc/fstab alone,
    ``mount: false`` changes that alone; ``match_on`` and ``not_change`` say which entry and whether to
    change it.

    Options in ``hidden_opts`` aren't compared. Options that are never shown once mounted are compared with
    those it was mounted with; further ones are named in ``extra_mount_invisible_options``, those with a
    value in ``extra_mount_invisible_keys`` and, by kind of file system, ``extra_mount_ignore_fs_keys``;
    ``extra_mount_translate_options`` says how one is shown. ``device_name_regex`` are expressions for what
    the device may be called once mounted.

    Example:
        - mount.mounted: {name: /srv/data, device: "LABEL=data", fstype: ext4, opts: [noatime], mkmnt: true}
    """

    device: str
    fstype: str
    mkmnt: bool = False
    opts: Options | None = "defaults"
    dump: int = 0
    pass_num: int = 0
    config: str = FSTAB
    persist: bool = True
    mount: bool = True
    user: str | None = None
    match_on: Options = "auto"
    not_change: bool = False
    device_name_regex: list[str] | None = None
    extra_mount_invisible_options: list[str] | None = None
    extra_mount_invisible_keys: list[str] | None = None
    extra_mount_ignore_fs_keys: dict[str, list[str]] | None = None
    extra_mount_translate_options: dict[str, str] | None = None
    hidden_opts: Options | None = None
    bind_mount_copy_active_opts: bool = True

    def check(self, host: Host) -> Changes:
        """Return ``{mount, umount, persist}``, those that have to be done."""
        path = kernel.directory(host, self.name)
        changes: dict[str, Any] = {}
        there = kernel.at(host, path)
        if self.mount:
            changes |= {"mount": True} if there is None else self._differs(host, path, there)
        how = self._entry(host, path, test=True) if self.persist else "present"
        if how != "present":
            changes["persist"] = "update" if how == "change" else "new"
        return Changes(changes, mend=self._warnings(), comment=self._would(changes))

    def apply(self, host: Host, changes: Changes) -> Done:
        """Mount it, or mount it again, and have it mounted at boot. Raises NotFound, CommandFailed."""
        path, options = kernel.directory(host, self.name), split(self.opts)
        if "umount" in changes and "mount" in changes:
            detach(host, path, self.user)
        if "mount" in changes:
            attach(host, path, self.device, self.fstype, options, self.mkmnt, self.user)
        elif "umount" in changes:
            reattach(host, path, self.device, self.fstype, options, self.user)
        if "persist" in changes:
            self._entry(host, path, test=False)
        return Done(changes=dict(changes), comment=self._has(changes), warnings=changes.mend)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        said = "Target was already mounted" if self.mount else "Target was not asked to be mounted"
        return f"{said}. Entry already exists in the fstab." if self.persist else said

    def when_watched(self, changed: Sequence[str]) -> State | None:
        """Return that it has to be mounted again."""
        return _Again(
            name=self.name, device=self.device, kind=self.fstype, options=split(self.opts), user=self.user
        )

    def _differs(self, host: Host, path: str, there: kernel.Mounted) -> dict[str, Any]:
        """Return what has to be done to what is mounted there."""
        options = split(self.opts)
        if not self._is_ours(host, there, bind=not _BINDS.isdisjoint(options)):
            wanted, now = self.device, there.device
            why = f"Forced unmount because devices don't match. Wanted: {wanted}, current: {now}"
            return {"umount": why, "mount": True}
        hidden = split(self.hidden_opts)
        compared = [one for one in options if one not in hidden]
        given = memory.options_of(host, path, self.device)
        lacking = missing(host, compared, there, given, self._extra())
        if not lacking:
            return {}
        how = "unmount and mount" if needs_unmounting(self.fstype) else "remount"
        return {"umount": f"Forced {how} because options ({','.join(lacking)}) changed"}

    def _is_ours(self, host: Host, there: kernel.Mounted, bind: bool) -> bool:
        if any(re.match(one, there.device) for one in self.device_name_regex or ()):
            return True
        return kernel.is_of(host, self.device, there, bind)

    def _extra(self) -> Extra:
        return Extra(
            invisible=self.extra_mount_invisible_options or (),
            invisible_keys=self.extra_mount_invisible_keys or (),
            ignored_keys=self.extra_mount_ignore_fs_keys or {},
            translated=self.extra_mount_translate_options or {},
        )

    def _entry(self, host: Host, path: str, test: bool) -> str:
        return set_fstab(
            host,
            path,
            self.device,
            self.fstype,
            split(self.opts),
            self.dump,
            self.pass_num,
            self.config,
            test,
            self.match_on,
            self.not_change,
        )

    def _warnings(self) -> tuple[str, ...]:
        secret = any(one.partition("=")[0] in SECRET for one in split(self.opts))
        if not (self.persist and secret):
            return ()
        return (f"{self.config} holds a password and may be read by all: write credentials=FILE instead",)

    def _would(self, changes: dict[str, Any]) -> str:
        said = [f"{self.name} would be mounted"] if "mount" in changes else []
        if "umount" in changes:
            said.append(str(changes["umount"]).replace("Forced", "Would be forced:", 1))
        if "persist" in changes:
            said.append(_ENTRY[changes["persist"]][0].format(self.name))
        return ". ".join(said)

    def _has(self, changes: Changes) -> str:
        done = "Target was successfully mounted"
        first = done if "mount" in changes else "Target was already mounted"
        if "umount" in changes and "mount" not in changes:
            first = "Target was mounted again with other options"
        if not self.persist:
            return first
        entry = (
            _ENTRY[changes["persist"]][1] if "persist" in changes else "Entry already exists in the fstab."
        )
        return f"{first}. {entry}"


class _Again(Action, frozen=True, kw_only=True):
    """A mounted file system that is mounted again."""

    device: str
    kind: str
    options: list[str]
    user: str | None

    def check(self, host: Host) -> Changes:
        return Changes({self.name: "remounted"})

    def apply(self, host: Host, changes: Changes) -> None:
        reattach(host, kernel.directory(host, self.name), self.device, self.kind, self.options, self.user)

    def says(self, changes: Changes, moment: Moment) -> str:
        return f"{self.name} {'would be' if moment is Moment.WOULD else ''} remounted".replace("  ", " ")


class Unmounted(State, frozen=True, kw_only=True):
    """See that nothing is mounted at a path, or not that device; with ``persist`` nor at boot.

    Example:
        - mount.unmounted: {name: /mnt/old, persist: true}
    """

    device: str | None = None
    config: str = FSTAB
    persist: bool = False
    user: str | None = None

    def check(self, host: Host) -> Changes:
        """Return ``{umount, persist}``, those that have to be done."""
        path = kernel.directory(host, self.name)
        layers = [one for one in kernel.mounts(host) if one.directory == path and self._is_meant(host, one)]
        changes: dict[str, Any] = {"umount": True} if layers else {}
        if self.persist and any(self._is_entry(one, path) for one in lines.entries(host, self.config)):
            changes["persist"] = "purged"
        return Changes(changes, mend=len(layers))

    def apply(self, host: Host, changes: Changes) -> None:
        """Unmount it, and take it from the file. Raises CommandFailed."""
        path = kernel.directory(host, self.name)
        for _ in range(changes.mend):
            detach(host, path, self.user)
        if "persist" in changes:
            rm_fstab(host, path, self.device, self.config)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        if moment is Moment.WOULD:
            mounted = f"Mount point {self.name} is mounted but should not be"
            entry = f"The entry of {self.name} will be removed from {self.config}"
            said = {"umount": mounted, "persist": entry}
            return ". ".join(said[one] for one in changes)
        first = "successfully" if "umount" in changes else "already"
        entry = "Removed target from fstab" if "persist" in changes else "fstab entry not found"
        return f"Target was {first} unmounted" + (f". {entry}" if self.persist else "")

    def _is_meant(self, host: Host, there: kernel.Mounted) -> bool:
        return self.device is None or kernel.is_of(host, self.device, there, bind=False)

    def _is_entry(self, one: lines.Entry, path: str) -> bool:
        return one.directory == path and self.device in (None, one.device)


class Swap(State, frozen=True, kw_only=True):
    """Keep a device or a file in use as swap space, also at boot unless ``persist: false``.

    Example:
        - mount.swap: /swapfile
    """

    persist: bool = True
    config: str = FSTAB

    def check(self, host: Host) -> Changes:
        """Return ``{swap, persist}``, those that have to be done."""
        device = kernel.device(host, self.name)
        changes = {} if device in swap_table(host) else {"swap": self.name}
        how = self._entry(host, device, test=True) if self.persist else "present"
        if how != "present":
            changes["persist"] = "update" if how == "change" else "new"
        return Changes(changes, mend=device)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Use it, and have it used at boot. Raises CommandFailed."""
        found: dict[str, Any] = {}
        if "swap" in changes:
            swap_on(host, self.name)
            found = dict(swap_table(host).get(changes.mend, {}))
        if "persist" in changes:
            self._entry(host, changes.mend, test=False)
            found["persist"] = changes["persist"]
        return Done(changes=found)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        would = moment is Moment.WOULD
        if "swap" in changes:
            first = f"Swap {self.name} is set to be activated" if would else f"Swap {self.name} activated"
        else:
            first = f"Swap {self.name} already active"
        if not self.persist:
            return first
        if "persist" not in changes:
            return f"{first}. Entry already exists in the fstab."
        needs, has = _ENTRY[changes["persist"]]
        return f"{first}. {needs.format(self.name) if would else has}"

    def _entry(self, host: Host, device: str, test: bool) -> str:
        """Have an entry for it; one that has the device by another name counts."""
        for one in lines.entries(host, self.config):
            if one.kind == "swap" and kernel.device(host, one.device) == device:
                return "present"
        return set_fstab(host, "none", self.name, "swap", config=self.config, test=test)


MountBy = Literal["device", "label", "uuid", "partlabel", "partuuid"]


class FstabPresent(State, frozen=True, kw_only=True):
    """Keep an entry in /etc/fstab, and mount nothing; ``name`` is the device.

    ``mount_by`` writes it by its label or id instead. ``mount`` and ``fs_mount`` are accepted as Salt has
    them; they mean something on AIX only.

    Example:
        - mount.fstab_present: {name: /dev/sdb1, fs_file: /srv, fs_vfstype: ext4, fs_mntops: noatime}
    """

    fs_file: str
    fs_vfstype: str
    fs_mntops: Options = "defaults"
    fs_freq: int = 0
    fs_passno: int = 0
    mount_by: MountBy | None = None
    config: str = FSTAB
    mount: bool = True
    match_on: Options = "auto"
    not_change: bool = False
    fs_mount: bool = True

    def check(self, host: Host) -> Changes:
        """Return whether the entry has to be added, or changed."""
        how = self._put(host, test=True)
        return Changes({} if how == "present" else {"persist": how})

    def apply(self, host: Host, changes: Changes) -> None:
        """Write it."""
        self._put(host, test=False)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        if moment is Moment.CORRECT:
            return f"{self.fs_file} entry is already in {self.config}."
        verb = "added" if changes["persist"] == "new" else "updated"
        if moment is Moment.WOULD:
            verb = "will be written" if verb == "added" else "will be updated"
        return f"{self.fs_file} entry {verb} in {self.config}."

    def _put(self, host: Host, test: bool) -> str:
        return set_fstab(
            host,
            self.fs_file,
            _known_by(host, self.name, self.mount_by),
            self.fs_vfstype,
            self.fs_mntops,
            self.fs_freq,
            self.fs_passno,
            self.config,
            test,
            self.match_on,
            self.not_change,
        )


class FstabAbsent(State, frozen=True, kw_only=True):
    """See that /etc/fstab has no entry of a device at a mount point, by whatever name it has the device.

    Example:
        - mount.fstab_absent: {name: /dev/sdb1, fs_file: /srv}
    """

    fs_file: str
    mount_by: MountBy | None = None
    config: str = FSTAB

    def check(self, host: Host) -> Changes:
        """Return that an entry has to go."""
        there = self._devices(host)
        return Changes({"persist": "removed"} if there else {}, mend=there)

    def apply(self, host: Host, changes: Changes) -> None:
        """Take it out."""
        text = lines.without(host.text(self.config), self.fs_file, changes.mend)
        host.write(self.config, text.encode())

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        verb = {
            Moment.CORRECT: "is already missing in",
            Moment.WOULD: "will be removed from",
            Moment.DONE: "removed from",
        }[moment]
        return f"{self.fs_file} entry {verb} {self.config}."

    def _devices(self, host: Host) -> list[str]:
        """Return the names by which the file has the device at this mount point."""
        wanted = kernel.device(host, self.name)
        here = [one.device for one in lines.entries(host, self.config) if one.directory == self.fs_file]
        return [one for one in here if one == self.name or kernel.device(host, one) == wanted]


def _known_by(host: Host, name: str, how: MountBy | None) -> str:
    """Return a device by its path, label or id. Raises NotFound where it has none."""
    if how is None:
        return name
    path = kernel.device(host, name)
    if how == "device":
        return path
    value = disk.blkid(host, path).get(path, {}).get(how.upper())
    if value is None:
        raise NotFound(f"{name} has no {how}", hint="disk.blkid shows what it has")
    return f"{how.upper()}={value}"
