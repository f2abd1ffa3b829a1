"""POSIX access control lists of files: who else may read, write and enter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, cast

import msgspec

from saltern.library._firewall import asked, demanded, said
from saltern.sdk import BadArgument, Changes, CommandFailed, Host, Moment, NotFound, State

REQUIRES = ("getfacl", "setfacl")

Kind = Literal["user", "group", "mask", "other"]

_KINDS = {"u": "user", "g": "group", "m": "mask", "o": "other"}
_NUMBERS = {"r": 4, "w": 2, "x": 1}
#: Paths that one call of a program gets.
_AT_ONCE = 500
_ESCAPED = re.compile(r"\\(\d{3}|\\)")
_NAME = re.compile(r"[A-Za-z0-9_.$][A-Za-z0-9_.$@\\ -]*", re.ASCII)


class Entry(msgspec.Struct, frozen=True):
    """One entry: of whom, and ``r``, ``w``, ``x`` in that order as far as permitted."""

    default: bool
    kind: str
    who: str
    permissions: str


class Listing(msgspec.Struct, frozen=True):
    """The list of one file or directory."""

    path: str
    about: dict[str, Any]  # owner, group, and flags if there are any
    entries: tuple[Entry, ...]


def version(host: Host) -> str:
    """Return the version of ``getfacl``: ``2.3.1``.

    Example:
        saltern run '*' acl.version
    """
    return demanded(host, "getfacl", "--version").split()[1]


def getfacl(host: Host, *args: str, recursive: bool = False) -> dict[str, Any]:
    """Return the lists of files.

    ``{path: {comment: {file, owner, group}, user: [{name: {octal, permissions}}], …, defaults: {…}}}``;
    ``recursive`` takes in what lies below directories. Raises NotFound.

    Example:
        saltern run '*' acl.getfacl /srv/data /home
    """
    return {one.path: _shown(one) for path in args for one in _listings(host, path, recursive)}


def wipefacls(host: Host, *args: str, recursive: bool = False) -> bool:
    """Remove all entries beside those of mode bits from files. Raises CommandFailed.

    Example:
        saltern run '*' acl.wipefacls /srv/data recursive=True
    """
    demanded(host, "setfacl", "-b", *_flags(recursive), "--", *map(_path, args))
    return True


def modfacl(
    host: Host, acl_type: str, acl_name: str = "", perms: str = "", *args: str, recursive: bool = False
) -> bool:
    """Set an entry of files. ``acl_type``: ``user``, ``group``, ``mask`` or ``other``; ``d:user`` a default.

    Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' acl.modfacl user app rwx /srv/data recursive=True
    """
    _change(host, _flags(recursive), "-m", f"{_about(acl_type, acl_name)}:{_permissions(perms)}", args)
    return True


def delfacl(host: Host, acl_type: str, acl_name: str = "", *args: str, recursive: bool = False) -> bool:
    """Remove an entry from files. Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' acl.delfacl user app /srv/data
    """
    _change(host, _flags(recursive), "-x", _about(acl_type, acl_name), args)
    return True


class _OfNames(State, frozen=True, kw_only=True):
    """What the states of lists share: entries of one kind in the list of ``name``."""

    acl_type: str
    recurse: bool = False

    def listings(self, host: Host) -> list[Listing]:
        """Return the lists meant. Raises NotFound."""
        return list(_listings(host, self.name, self.recurse))

    def held(self, listing: Listing) -> dict[str, str]:
        """Return the permissions by name that a list has entries for."""
        default, kind = _kind(self.acl_type)
        return {
            one.who: one.permissions for one in listing.entries if (one.default, one.kind) == (default, kind)
        }

    def change(self, host: Host, how: str, entries: str, paths: list[str]) -> None:
        """Set or remove entries; a link that has come into the tree meanwhile is not followed."""
        _change(host, [], how, entries, [path for path in paths if path == self.name])
        below = [path for path in paths if path != self.name]
        for start in range(0, len(below), _AT_ONCE):
            _change(host, ["-P"], how, entries, below[start : start + _AT_ONCE])

    def can_have(self, host: Host, listing: Listing) -> bool:
        """Tell whether such an entry can be there: only directories have defaults."""
        found = host.stat(listing.path)
        return not _kind(self.acl_type)[0] or (found is not None and found.kind == "directory")


class _Present(_OfNames, frozen=True, kw_only=True):
    perms: str = ""
    force: bool = False

    def wanted(self) -> list[str]:
        raise NotImplementedError

    def check(self, host: Host) -> Changes:
        """Return which entries are missing or otherwise. Raises NotFound, BadArgument."""
        wanted = dict.fromkeys(self.wanted(), _permissions(self.perms))
        wrong: dict[str, dict[str, Any]] = {}
        for one in self.listings(host):
            held = self.held(one) if self.can_have(host, one) else wanted
            if self._differs(held, wanted):
                wrong[one.path] = {
                    name: {"old": held.get(name, ""), "new": new} for name, new in wanted.items()
                }
                wrong[one.path] |= self._extra(held, wanted)
        return Changes(wrong)

    def apply(self, host: Host, changes: Changes) -> None:
        """Set them; with ``force`` the others of this kind go. Raises CommandFailed."""
        for path, entries in changes.items():
            extra = [_about(self.acl_type, name) for name in entries if name not in self.wanted()]
            if extra:
                self.change(host, "-x", ",".join(extra), [path])
        entries = (f"{_about(self.acl_type, name)}:{_permissions(self.perms)}" for name in self.wanted())
        self.change(host, "-m", ",".join(entries), list(changes))

    def _differs(self, held: dict[str, str], wanted: dict[str, str]) -> bool:
        return any(held.get(name) != value for name, value in wanted.items()) or bool(
            self._extra(held, wanted)
        )

    def _extra(self, held: dict[str, str], wanted: dict[str, str]) -> dict[str, Any]:
        if not self.force:
            return {}
        return {name: {"old": held[name], "new": ""} for name in held if name and name not in wanted}

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Permissions are in the desired state",
            Moment.WOULD: f"New permissions will be applied for {', '.join(self.wanted())}: {self.perms}",
            Moment.DONE: f"Applied new permissions for {', '.join(self.wanted())}: {self.perms}",
        }[moment]


class _Absent(_OfNames, frozen=True, kw_only=True):
    perms: str = ""

    def unwanted(self) -> list[str]:
        raise NotImplementedError

    def check(self, host: Host) -> Changes:
        """Return which entries have to go. Raises NotFound, BadArgument."""
        found: dict[str, Any] = {}
        for one in self.listings(host):
            held = self.held(one)
            there = [name for name in self.unwanted() or sorted(filter(None, held)) if name in held]
            found |= {one.path: {name: {"old": held[name], "new": ""} for name in there}} if there else {}
        return Changes(found)

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove them. Raises CommandFailed."""
        for path, entries in changes.items():
            self.change(host, "-x", ",".join(_about(self.acl_type, name) for name in entries), [path])

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "ACLs are in the desired state",
            Moment.WOULD: "Removing permissions",
            Moment.DONE: "Permissions have been removed",
        }[moment]


class Present(_Present, frozen=True, kw_only=True):
    """Keep an entry in a file's access control list; ``name`` is the file.

    ``acl_type`` is ``user``, ``group``, ``mask`` or ``other``, with ``d:`` before it (``d:user``) what new
    files in a directory get. ``recurse`` keeps it on all below, too; ``force`` removes the entries of others
    of this kind.

    Example:
        - acl.present: {name: /srv/data, acl_type: user, acl_name: app, perms: rwx, recurse: true}
    """

    acl_name: str = ""

    def wanted(self) -> list[str]:
        """Return the one name."""
        return [self.acl_name]


class ListPresent(_Present, frozen=True, kw_only=True):
    """Keep entries for several users or groups, with the same permissions.

    Example:
        - acl.list_present: {name: /srv/data, acl_type: user, acl_names: [app, deploy], perms: rx}
    """

    acl_names: list[str] = []  # noqa: RUF012  msgspec copies it

    def wanted(self) -> list[str]:
        """Return the names."""
        return self.acl_names or [""]


class Absent(_Absent, frozen=True, kw_only=True):
    """See that a file's access control list has no entry for a user or group.

    Example:
        - acl.absent: {name: /srv/data, acl_type: user, acl_name: app}
    """

    acl_name: str = ""

    def unwanted(self) -> list[str]:
        """Return the one name."""
        return [_named(self.acl_name)]


class ListAbsent(_Absent, frozen=True, kw_only=True):
    """See that a file's access control list has no entries for some users or groups; without names, for any.

    Example:
        - acl.list_absent: {name: /srv/data, acl_type: user, acl_names: [app, deploy]}
    """

    acl_names: list[str] = []  # noqa: RUF012  msgspec copies it

    def unwanted(self) -> list[str]:
        """Return the names."""
        return [_named(one) for one in self.acl_names]


def _listings(host: Host, path: str, recursive: bool) -> Iterator[Listing]:
    done = asked(host, "getfacl", "-pE", *_flags(recursive), "--", _path(path))
    if done.retcode != 0:
        if "No such file" in said(done):
            raise NotFound(f"{path} does not exist")
        raise CommandFailed(said(done), retcode=done.retcode)
    for block in done.stdout.decode(errors="surrogateescape").split("\n\n"):
        if block.strip():
            yield _parsed(block.splitlines())


def _parsed(lines: list[str]) -> Listing:
    about: dict[str, Any] = {}
    entries = []
    for line in lines:
        if line.startswith("# "):
            name, _, value = line[2:].partition(": ")
            about[name] = _ESCAPED.sub(_character, value)
        else:
            default = line.startswith("default:")
            kind, who, permissions = line.removeprefix("default:").split(":")[:3]
            entries.append(Entry(default, kind, _ESCAPED.sub(_character, who), permissions.replace("-", "")))
    return Listing(path=about["file"], about=about, entries=tuple(entries))


def _character(found: re.Match[str]) -> str:
    return "\\" if found[1] == "\\" else chr(int(found[1], 8))


def _shown(listing: Listing) -> dict[str, Any]:
    shown: dict[str, Any] = {"comment": listing.about}
    for one in listing.entries:
        at = shown.setdefault("defaults", {}) if one.default else shown
        octal = sum(_NUMBERS[letter] for letter in one.permissions)
        rights = {name: letter in one.permissions for name, letter in _RIGHTS}
        owner = listing.about.get({"user": "owner"}.get(one.kind, one.kind), "")
        value = {"octal": octal, "permissions": rights}
        if one.kind in ("user", "group"):
            at.setdefault(one.kind, []).append({one.who or owner: value})
        else:
            at[one.kind] = {"": value}
    return shown


_RIGHTS = (("read", "r"), ("write", "w"), ("execute", "x"))


def _change(host: Host, flags: list[str], how: str, entries: str, paths: Iterable[str]) -> None:
    given = [_path(one) for one in paths]
    if not given:
        return
    done = asked(host, "setfacl", *flags, how, entries, "--", *given)
    if done.retcode != 0:
        hint = "is there such a user or group?" if "Invalid argument near" in said(done) else ""
        raise CommandFailed(f"setfacl {how} {entries}: {said(done)}", retcode=done.retcode, hint=hint)


def _flags(recursive: bool) -> list[str]:
    return ["-R"] if recursive else []


def _path(path: str) -> str:
    if not path or "\0" in path:
        raise BadArgument(f"{path!r} is no path")
    return path


def _kind(acl_type: str) -> tuple[bool, Kind]:
    """Return whether a default is meant, and of whom. Raises BadArgument."""
    bare = re.sub(r"^(?:d|default):", "", acl_type)
    kind = _KINDS.get(bare, bare)
    if kind not in _KINDS.values():
        raise BadArgument(
            f"{acl_type!r} is no kind of entry", hint="user, group, mask or other; d:user for defaults"
        )
    return bare != acl_type, cast("Kind", kind)


def _about(acl_type: str, name: str) -> str:
    default, kind = _kind(acl_type)
    return f"{'default:' if default else ''}{kind}:{_named(name)}"


def _named(name: str) -> str:
    if name and not _NAME.fullmatch(name):
        raise BadArgument(f"{name!r} is no name of a user or group")
    return name


def _permissions(permissions: str) -> str:
    """Return permissions as ``rwx`` in that order, those that are there. Raises BadArgument."""
    given: Iterable[str] = str(permissions)
    if given in [str(number) for number in range(8)]:
        given = [letter for letter, number in _NUMBERS.items() if int(permissions) & number]
    if set(given) - set("rwx-"):
        raise BadArgument(f"{permissions!r} are no permissions", hint="rwx, r-x, or 5")
    return "".join(letter for letter in "rwx" if letter in given)
