"""Accounts, groups and passwords, as the host's files have them, or what else it asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from saltern.sdk import BadArgument, Command, Host
from saltern.sdk.host import PLAIN_LOCALE

PASSWD, GROUP, SHADOW = "/etc/passwd", "/etc/group", "/etc/shadow"
#: What stands for a password where people can see it.
REDACTED = "XXX-REDACTED-XXX"


class Account(msgspec.Struct, frozen=True):
    """A line of ``/etc/passwd``."""

    name: str
    password: str
    uid: int
    gid: int
    gecos: str
    home: str
    shell: str

    @property
    def words(self) -> tuple[str, ...]:
        """What is known of the person: full name, room, telephone at work and at home, and the rest."""
        found = [*self.gecos.split(",", 4), "", "", "", "", ""]
        return tuple(found[:5])


class GroupEntry(msgspec.Struct, frozen=True):
    """A line of ``/etc/group``."""

    name: str
    password: str
    gid: int
    members: tuple[str, ...]


class Shadow(msgspec.Struct, frozen=True):
    """A line of ``/etc/shadow``; numbers are days, -1 for one that isn't set."""

    name: str
    password: str
    changed: int = -1
    minimum: int = -1
    maximum: int = -1
    warn: int = -1
    inactive: int = -1
    expires: int = -1


def checked(name: str, what: str = "user") -> str:
    """Return a name as it is. Raises BadArgument for one that would be an option, or spoil a file's lines."""
    if not name or name.startswith("-") or any(sign in name for sign in ":,/\n\0"):
        raise BadArgument(f"{name!r} is no name of a {what}")
    return name


def field(text: str, what: str) -> str:
    """Return text that may stand in a field. Raises BadArgument for one that would end it."""
    if any(sign in text for sign in ":\n\0"):
        raise BadArgument(f"{what}: a colon or a line's end can't be in it")
    return text


def accounts(host: Host) -> list[Account]:
    """Return all accounts: those in the file, then those that the host knows from elsewhere."""
    return _all(host, "passwd", _accounts)


def account(host: Host, name: str) -> Account | None:
    """Return an account by its name; None when there is none."""
    found: Account | None = _one(host, "passwd", _accounts, name)
    return found


def groups(host: Host) -> list[GroupEntry]:
    """Return all groups: those in the file, then those that the host knows from elsewhere."""
    return _all(host, "group", _groups)


def group(host: Host, name: str | int) -> GroupEntry | None:
    """Return a group by its name or number; None when there is none."""
    found: GroupEntry | None = _one(host, "group", _groups, str(name))
    if found is None and str(name).isdigit():
        return next((one for one in groups(host) if one.gid == int(name)), None)
    return found


def groups_of(host: Host, who: Account) -> list[str]:
    """Return the names of the groups an account is in, the primary one among them, sorted."""
    return sorted({one.name for one in groups(host) if one.gid == who.gid or who.name in one.members})


def shadow(host: Host, name: str) -> Shadow | None:
    """Return what is kept of an account's password; None when nothing is. Raises NotAllowed."""
    lines = host.text(SHADOW, "").splitlines()
    parts = next((line.split(":") for line in lines if line.startswith(f"{name}:")), [])
    if len(parts) < 2:
        return None
    days = [int(one) if one.lstrip("-").isdigit() else -1 for one in parts[2:8]]
    return Shadow(parts[0], parts[1], *days)


def run(host: Host, *argv: str, stdin: str = "") -> bool:
    """Run a program that changes accounts, and return True. Secrets go through ``stdin`` alone.

    Raises CommandFailed with what it says.
    """
    host.run(*argv, stdin=stdin.encode())
    return True


def names(given: str | Sequence[str] | None) -> list[str]:
    """Return names written as a list, or in one text with commas between."""
    if given is None:
        return []
    return [one.strip() for one in given.split(",") if one.strip()] if isinstance(given, str) else list(given)


def _accounts(text: str) -> Iterator[Account]:
    for parts in _lines(text, 7):
        if parts[2].isdigit() and parts[3].isdigit():
            yield Account(parts[0], parts[1], int(parts[2]), int(parts[3]), parts[4], parts[5], parts[6])


def _groups(text: str) -> Iterator[GroupEntry]:
    for parts in _lines(text, 4):
        if parts[2].isdigit():
            yield GroupEntry(parts[0], parts[1], int(parts[2]), tuple(filter(None, parts[3].split(","))))


def _lines(text: str, width: int) -> Iterator[list[str]]:
    """Give the fields of each line that has them; comments and NIS' markers have not."""
    for line in text.splitlines():
        parts = line.split(":")
        if len(parts) == width and not line.startswith(("#", "+", "-")):
            yield parts


def _all(host: Host, database: str, read: Any) -> list[Any]:
    own = list(read(host.text(f"/etc/{database}", "")))
    seen = {one.name for one in own}
    return own + [one for one in read(_asked(host, database)) if one.name not in seen]


def _one(host: Host, database: str, read: Any, name: str) -> Any:
    found = _named(read(host.text(f"/etc/{database}", "")), name)
    if found is not None or not name or name.startswith("-"):
        return found
    return _named(read(_asked(host, database, name)), name)


def _named(entries: Iterable[Any], name: str) -> Any:
    return next((one for one in entries if one.name == name), None)


def _asked(host: Host, *words: str) -> str:
    """Return what the host's name service says, LDAP included; nothing where it can't be asked."""
    if host.which("getent") is None:
        return ""
    done = host.execute(Command(argv=("getent", *words), env=PLAIN_LOCALE, timeout=30.0))
    return done.stdout.decode(errors="replace")
