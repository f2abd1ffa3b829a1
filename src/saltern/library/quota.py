"""Quotas of file systems: limits of accounts and groups, and whether they count."""

from __future__ import annotations

import re
from typing import Any, Literal

from saltern.sdk import BadArgument, Changes, Host, Moment, NotFound, State

_COLUMNS = (
    "block-used",
    "block-soft-limit",
    "block-hard-limit",
    "block-grace",
    "file-used",
    "file-soft-limit",
    "file-hard-limit",
    "file-grace",
)
_GRACE = re.compile(r"Block grace time: (.+?); Inode grace time: (.+)")


def report(host: Host, mount: str) -> dict[str, Any]:
    """Return a file system's quotas: ``{mount point: {User Quotas, Group Quotas}}``, blocks in KiB.

    Example:
        saltern run '*' quota.report /home
    """
    return {mount: {"User Quotas": _quotas(host, mount, "-u"), "Group Quotas": _quotas(host, mount, "-g")}}


def warn(host: Host) -> None:
    """Write to those who are over their limits. Raises CommandFailed.

    Example:
        saltern run '*' quota.warn
    """
    host.run("quotawarn")


def stats(host: Host) -> dict[str, str]:
    """Return the kernel's counts of what it does for quotas.

    Example:
        saltern run '*' quota.stats
    """
    pairs = (line.partition(": ") for line in host.run("quotastats").splitlines())
    return {name.strip(): value.strip() for name, sign, value in pairs if sign}


def on(host: Host, device: str) -> bool:
    """Have a file system's quotas count. Raises CommandFailed.

    Example:
        saltern run web1 quota.on /home
    """
    host.run("quotaon", "-vaug" if device == "all" else "-vug", *_named(device))
    return True


def off(host: Host, device: str) -> bool:
    """Have a file system's quotas count no longer. Raises CommandFailed.

    Example:
        saltern run web1 quota.off /home
    """
    host.run("quotaoff", "-vaug" if device == "all" else "-vug", *_named(device))
    return True


def get_mode(host: Host, device: str) -> dict[str, dict[str, str]]:
    """Return whether quotas count: ``{mount point: {user: on, group: off, device}}``; ``device`` or ``all``.

    Example:
        saltern run '*' quota.get_mode /home
    """
    from saltern.sdk import Command
    from saltern.sdk.host import PLAIN_LOCALE

    words = ["-pa"] if device == "all" else ["-p", *_named(device)]
    done = host.execute(Command(argv=("quotaon", *words), env=PLAIN_LOCALE, timeout=60.0))
    found: dict[str, dict[str, str]] = {}  # its code says how many are on
    for line in (done.stdout + done.stderr).decode(errors="replace").splitlines():
        met = re.fullmatch(r"(\w+) quota on (\S+) \((.+)\) is (\w+)(?: .*)?", line.strip())
        if met:
            found.setdefault(met[2], {"device": met[3]})[met[1]] = met[4]
    if not found:
        said = done.stderr.decode(errors="replace").strip()
        raise NotFound(f"no quotas on {device}" + (f": {said}" if said else ""))
    return found


def get(host: Host, device: str, user: str | None = None, group: str | None = None) -> dict[str, Any]:
    """Return the limits of an account or a group on a file system. Raises NotFound.

    Example:
        saltern run '*' quota.get /home user=app
    """
    kind, name = _who(user, group)
    found = _quotas(host, device, "-u" if kind == "Users" else "-g")[kind]
    if name not in found:
        raise NotFound(f"{name} has no quota on {device}")
    return {kind: {name: found[name]}}


def set_(
    host: Host,
    device: str,
    user: str | None = None,
    group: str | None = None,
    block_soft: int | None = None,
    block_hard: int | None = None,
    file_soft: int | None = None,
    file_hard: int | None = None,
) -> dict[str, Any]:
    """Set limits of an account or a group, those that are given; blocks are KiB, 0 is no limit.

    Return them as ``quota.get`` does. Raises BadArgument, CommandFailed.

    Example:
        saltern run web1 quota.set /home user=app block_soft=1000000 block_hard=1200000
    """
    kind, name = _who(user, group)
    now = _quotas(host, device, "-u" if kind == "Users" else "-g")[kind].get(name, {})
    given = {
        "block-soft-limit": block_soft,
        "block-hard-limit": block_hard,
        "file-soft-limit": file_soft,
        "file-hard-limit": file_hard,
    }
    limits = [str(now.get(key, 0)) if value is None else str(value) for key, value in given.items()]
    host.run("setquota", "-u" if kind == "Users" else "-g", name, *limits, *_named(device))
    return get(host, device, user, group)


class Mode(State, frozen=True, kw_only=True):
    """Keep a file system's quotas counting, or not; ``name`` is its mount point.

    ``mode`` is ``on`` or ``off``, which YAML also takes for yes and no.

    Example:
        - quota.mode: {name: /home, mode: "on", quotatype: user}
    """

    mode: bool | Literal["on", "off"]
    quotatype: Literal["user", "group"]

    def check(self, host: Host) -> Changes:
        """Return that it has to be switched. Raises NotFound where there are no quotas."""
        now = get_mode(host, self.name).get(self.name, {}).get(self.quotatype)
        return Changes({} if now == self._wanted() else {"quota": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Switch it. Raises CommandFailed."""
        kind = "-vu" if self.quotatype == "user" else "-vg"
        host.run("quotaon" if self._wanted() == "on" else "quotaoff", kind, *_named(self.name))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Quota for {self.name} already set to {self._wanted()}",
            Moment.WOULD: f"Quota for {self.name} needs to be set to {self._wanted()}",
            Moment.DONE: f"Set quota for {self.name} to {self._wanted()}",
        }[moment]

    def _wanted(self) -> str:
        return {True: "on", False: "off"}[self.mode] if isinstance(self.mode, bool) else self.mode


def _quotas(host: Host, mount: str, who: str) -> dict[str, Any]:
    kind = "Users" if who == "-u" else "Groups"
    found: dict[str, Any] = {kind: {}}
    for line in host.run("repquota", "-vp", who, *_named(mount)).splitlines():
        words = line.split()
        if met := _GRACE.match(line):
            found |= {"Block Grace Time": met[1], "Inode Grace Time": met[2]}
        elif len(words) == len(_COLUMNS) + 2 and re.fullmatch("[-+]{2}", words[1]):
            found[kind][words[0]] = {key: int(value) for key, value in zip(_COLUMNS, words[2:], strict=True)}
    return found


def _who(user: str | None, group: str | None) -> tuple[str, str]:
    if bool(user) == bool(group):
        raise BadArgument("exactly one of user and group has to be given", hint="user=app")
    name = user or group or ""
    if name.startswith("-") or "\n" in name or "\0" in name:
        raise BadArgument(f"{name!r} is no name of an account or a group")
    return ("Users" if user else "Groups"), name


def _named(device: str) -> list[str]:
    """Return the words that name a file system: none for all."""
    if device == "all":
        return []
    if not device.startswith("/") or "\n" in device or "\0" in device:
        raise BadArgument(f"{device!r} is no file system", hint="write its mount point, or all")
    return [device]
