"""Arrays of disks that the kernel keeps (mdadm)."""

from __future__ import annotations

import re
from typing import Any

from saltern.library import _filesystems
from saltern.sdk import BadArgument, Changes, CommandFailed, Conflict, Host, Moment, NotFound, State

_OPTION = re.compile(r"[a-z][a-z-]*")
_DEVICE = re.compile(r"/[A-Za-z0-9_+.:@=/-]+")
#: Options of mdadm that lead to another thing than making an array, or that are given otherwise.
_NOT_OPTIONS = ("level", "raid-devices", "create", "assemble", "grow", "stop", "zero-superblock", "monitor")
_LEVELS = ("linear", "raid0", "raid1", "raid4", "raid5", "raid6", "raid10", "0", "1", "4", "5", "6", "10")

Options = dict[str, str | int | None]


def list_(host: Host) -> dict[str, dict[str, str]]:
    """Return the arrays in use by device, with what mdadm says of them: ``{device, metadata, UUID …}``.

    Example:
        saltern run '*' raid.list
    """
    found = {}
    for line in host.run("mdadm", "--detail", "--scan").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "ARRAY":
            pairs = dict(word.split("=", 1) for word in words[2:] if "=" in word)
            found[words[1]] = {"device": words[1], **pairs}
    return found


def detail(host: Host, device: str = "/dev/md0") -> dict[str, Any]:
    """Return what mdadm says of an array, and ``members`` by their numbers. Raises NotFound.

    Example:
        saltern run '*' raid.detail /dev/md0
    """
    if not host.exists(_device(device)):
        raise NotFound(f"{device} is not in use", hint="raid.list lists the arrays")
    found: dict[str, Any] = {"members": {}}
    for line in host.run("mdadm", "--detail", device).splitlines():
        met = re.fullmatch(r"\s+(\d+|-)\s+(\d+)\s+(\d+)\s+(\d+|-)\s+(.*?)(?:\s+(/\S+))?", line)
        if met:
            names = ("number", "major", "minor", "raiddevice", "state", "device")
            found["members"][met[4]] = {
                name: value or "" for name, value in zip(names, met.groups(), strict=True)
            }
        elif " : " in line:
            name, _, value = line.partition(" : ")
            found[name.strip().lower().replace(" ", "_").replace("(", "").replace(")", "")] = value.strip()
    return found


def examine(host: Host, device: str, quiet: bool = False) -> dict[str, str]:
    """Return what a member says of its array: ``{ARRAY, metadata, UUID, name}``; nothing for no member.

    ``quiet`` is accepted as Salt has it.

    Example:
        saltern run '*' raid.examine /dev/sdb1
    """
    try:
        words = host.run("mdadm", "--examine", "--brief", _device(device)).split()
    except CommandFailed:
        return {}
    pairs = dict(word.split("=", 1) for word in words[2:] if "=" in word)
    return {"ARRAY": words[1], **pairs} if words[:1] == ["ARRAY"] and len(words) > 1 else {}


def create(
    host: Host,
    name: str,
    level: str | int,
    devices: list[str],
    metadata: str | None = None,
    chunk: int | None = None,
    options: Options | None = None,
    test_mode: bool = False,
) -> str:
    """Make an array; return what mdadm says, or with ``test_mode`` the command. Raises CommandFailed.

    ``options`` are further ones of mdadm, without their dashes; ``missing`` among the devices leaves a gap.

    Example:
        saltern run web1 raid.create /dev/md0 level=1 devices=[/dev/sdb1,/dev/sdc1]
    """
    argv = _creation(name, level, devices, {**_given(metadata, chunk), **(options or {})})
    return " ".join(argv) if test_mode else host.run(*argv, timeout=600.0)


def assemble(
    host: Host, name: str, devices: list[str], options: Options | None = None, test_mode: bool = False
) -> str:
    """Put an array into use whose members are there; return what mdadm says, or the command.

    Example:
        saltern run web1 raid.assemble /dev/md0 devices=[/dev/sdb1,/dev/sdc1]
    """
    argv = ["mdadm", "--assemble", _device(name), *_words(options or {}), *map(_device, devices)]
    return " ".join(argv) if test_mode else host.run(*argv, timeout=600.0)


def stop(host: Host, device: str) -> bool:
    """Take an array out of use; its members stay what they are. Raises CommandFailed for one in use.

    Example:
        saltern run web1 raid.stop /dev/md0
    """
    host.run("mdadm", "--stop", _device(device))
    return True


def add(host: Host, name: str, device: str) -> bool:
    """Add a disk to an array, as a spare or for one that is missing. Raises CommandFailed.

    Example:
        saltern run web1 raid.add /dev/md0 /dev/sdd1
    """
    host.run("mdadm", "--manage", _device(name), "--add", _device(device))
    return True


def destroy(host: Host, device: str) -> bool:
    """Take an array out of use for ever: its members forget it. Raises NotFound, CommandFailed.

    Example:
        saltern run web1 raid.destroy /dev/md0
    """
    members = [one["device"] for one in detail(host, device)["members"].values() if one["device"]]
    stop(host, device)
    for one in members:
        host.run("mdadm", "--zero-superblock", one)
    path = _config(host)
    left = [line for line in host.text(path, "").splitlines() if line.split()[:2] != ["ARRAY", device]]
    if host.exists(path):
        host.write(path, "".join(f"{line}\n" for line in left).encode())
    return True


def save_config(host: Host) -> bool:
    """Keep the arrays in mdadm's file, so that they are put into use at boot by the same names.

    On Debian the first file system of the boot takes them too. Raises CommandFailed.

    Example:
        saltern run web1 raid.save_config
    """
    path = _config(host)
    now = [line for line in host.run("mdadm", "--detail", "--scan").splitlines() if line.startswith("ARRAY")]
    old = [line for line in host.text(path, "").splitlines() if not line.startswith("ARRAY")]
    text = "".join(f"{line}\n" for line in [*old, *now])
    if text == host.text(path, ""):
        return True
    host.write(path, text.encode())
    if host.which("update-initramfs"):
        host.run("update-initramfs", "-u", timeout=600.0)
    return True


class Present(State, frozen=True, kw_only=True):
    """Keep an array in use; ``name`` is its device.

    It is put into use when its members are those of one, made when none of them is, and kept in mdadm's
    file. A member that holds something else is only taken with ``force: true``. ``metadata``, ``chunk``,
    ``run`` and ``options`` are those of ``raid.create``.

    Example:
        - raid.present: {name: /dev/md0, level: 1, devices: [/dev/sdb1, /dev/sdc1]}
    """

    level: str | int
    devices: list[str]
    metadata: str | None = None
    chunk: int | None = None
    run: bool = False
    force: bool = False
    options: Options | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be made, put into use, or given members. Raises Conflict."""
        _creation(self.name, self.level, self.devices, {})
        wanted = [host.real_path(one) for one in self._named()]
        if host.real_path(self.name) in {host.real_path(one) for one in list_(host)}:
            members = detail(host, self.name)["members"].values()
            there = {host.real_path(one["device"]) for one in members if one["device"]}
            lacking = [one for one in wanted if one not in there]
            return Changes({"added": lacking} if lacking else {}, mend=lacking)
        arrays = {one: examine(host, one).get("UUID") for one in wanted}
        known = {one for one in arrays.values() if one}
        if not known:
            return Changes({"created": self.name}, mend="create")
        if len(known) > 1 or None in arrays.values():
            raise Conflict(
                f"{self.name}: the devices are of different arrays: {arrays}",
                hint="raid.examine tells of each; mdadm --zero-superblock makes one free",
            )
        return Changes({"assembled": self.name}, mend="assemble")

    def apply(self, host: Host, changes: Changes) -> None:
        """Do it, and keep it in mdadm's file. Raises Conflict, CommandFailed."""
        if changes.mend == "assemble":
            assemble(host, self.name, self._named())
        elif changes.mend == "create":
            self._refuse_content(host, self._named())
            more: Options = {"run": None} if self.run or self.force else {}
            given = _given(self.metadata, self.chunk)
            argv = _creation(self.name, self.level, self.devices, {**given, **(self.options or {}), **more})
            host.run(*argv, timeout=600.0)
        else:
            self._refuse_content(host, changes.mend)
            for one in changes.mend:
                add(host, self.name, one)
        save_config(host)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        if moment is Moment.CORRECT:
            return f"Raid {self.name} already present."
        verb = next(iter(changes))
        return f"Raid will be {verb}: {self.name}" if moment is Moment.WOULD else f"Raid {self.name} {verb}."

    def _named(self) -> list[str]:
        return [one for one in self.devices if one != "missing"]

    def _refuse_content(self, host: Host, devices: list[str]) -> None:
        for one in devices:
            held = _filesystems.kind_on(host, one)
            if held and not self.force:
                raise Conflict(f"{one} holds {held}", hint="force: true overwrites it")


class Absent(State, frozen=True, kw_only=True):
    """See that there is no such array: it is taken out of use, and its members forget it.

    Example:
        - raid.absent: /dev/md0
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        there = host.real_path(_device(self.name)) in {host.real_path(one) for one in list_(host)}
        return Changes({"removed": self.name} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Destroy it. Raises CommandFailed, as for one that is mounted."""
        destroy(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Raid {self.name} already absent.",
            Moment.WOULD: f"Raid {self.name} is set to be destroyed.",
            Moment.DONE: f"Raid {self.name} has been destroyed",
        }[moment]


def _device(path: str) -> str:
    if not _DEVICE.fullmatch(path):
        raise BadArgument(f"{path!r} is no path of a device", hint="write /dev/sdb1")
    return path


def _creation(name: str, level: str | int, devices: list[str], options: Options) -> list[str]:
    if str(level).lower() not in _LEVELS:
        raise BadArgument(f"level = {level!r}", hint=f"one of {', '.join(_LEVELS)}")
    if not devices:
        raise BadArgument("no device is named", hint="devices: [/dev/sdb1, /dev/sdc1]")
    members = [one if one == "missing" else _device(one) for one in devices]
    head = ["mdadm", "--create", _device(name), "--level", str(level), "--raid-devices", str(len(members))]
    return [*head, *_words(options), *members]


def _given(metadata: str | None, chunk: int | None) -> Options:
    """Return those of two options that are given."""
    both: Options = {"metadata": metadata, "chunk": chunk}
    return {name: value for name, value in both.items() if value is not None}


def _words(options: Options) -> list[str]:
    """Return options as words; one without a value stands alone."""
    words = []
    for name, value in options.items():
        if not _OPTION.fullmatch(name) or name in _NOT_OPTIONS or "\0" in str(value):
            raise BadArgument(f"{name!r} is no option of an array's making")
        words.append(f"--{name}" if value is None else f"--{name}={value}")
    return words


def _config(host: Host) -> str:
    return "/etc/mdadm/mdadm.conf" if host.exists("/etc/mdadm") else "/etc/mdadm.conf"
