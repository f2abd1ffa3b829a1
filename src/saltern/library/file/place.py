"""What the states of ``file`` share: paths, modes, owners, differences as people read them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from saltern.sdk import BadArgument, Conflict, Host, NotFound, Stat, User
from saltern.sdk.traverse import traverse

Mode = str | int | None
Account = str | int | None

_STICKY, _WRITABLE_BY_ALL = 0o1000, 0o002


def absolute(path: str) -> str:
    """Return a path as it is to be used. Raises BadArgument unless it is absolute."""
    if not path.startswith("/"):
        raise BadArgument(f"Specified file {path} is not an absolute path", hint="write /… in full")
    return posixpath.normpath(path)


def octal(mode: Mode) -> int | None:
    """Return permission bits: 644, 0644 and '0644' all mean rw-r--r--. Raises BadArgument."""
    if mode is None:
        return None
    try:
        bits = int(str(mode), 8)
    except ValueError:
        bits = -1
    if not 0 <= bits <= 0o7777:
        raise BadArgument(f"mode = {mode!r} is not octal", hint="write mode: '0644'")
    return bits


def shown(bits: int) -> str:
    """Return permission bits as people write them: ``0644``."""
    return f"{bits:04o}"


class Wanted(msgspec.Struct, frozen=True):
    """Owner, group and mode that something is to have; None leaves one alone."""

    uid: int | None = None
    gid: int | None = None
    mode: int | None = None

    def differs(self, there: Stat, user: Account, group: Account) -> dict[str, Any]:
        """Return what is otherwise, by its name; owners as they were asked for."""
        found: dict[str, Any] = {}
        if self.uid is not None and there.uid != self.uid:
            found["user"] = user
        if self.gid is not None and there.gid != self.gid:
            found["group"] = group
        if self.mode is not None and there.kind != "link" and there.mode != self.mode:
            found["mode"] = shown(self.mode)
        return found

    def give(self, host: Host, path: str, there: Stat) -> None:
        """Set what is otherwise: the owner first, for that takes special bits away."""
        uid = self.uid if self.uid != there.uid else None
        gid = self.gid if self.gid != there.gid else None
        if uid is not None or gid is not None:
            host.set_owner(path, uid, gid)
        if self.mode is not None and there.kind != "link":
            now = host.stat(path, follow=False)
            if now is not None and now.mode != self.mode:
                host.set_mode(path, self.mode)

    def owner(self, host: Host, there: Stat | None) -> User | None:
        """Return to whom a file that is written anew shall belong; None for whom it does already."""
        if self.uid is None and self.gid is None:
            return None
        kept = there or host.user()
        uid = kept.uid if self.uid is None else self.uid
        gid = kept.gid if self.gid is None else self.gid
        return User(name=str(uid), uid=uid, gid=gid)


def wanted(host: Host, user: Account, group: Account, mode: Mode) -> Wanted:
    """Return what is asked for. Raises NotFound for an account that isn't there, BadArgument."""
    uid = None if user is None or user == "" else _uid(host, user)
    gid = None if group is None or group == "" else _gid(host, group)
    return Wanted(uid, gid, octal(mode))


def _uid(host: Host, user: str | int) -> int:
    return user if isinstance(user, int) else host.user(int(user) if user.isdigit() else user).uid


def _gid(host: Host, group: str | int) -> int:
    return group if isinstance(group, int) else host.group(int(group) if group.isdigit() else group).gid


def found(host: Host, path: str, follow: bool = True) -> tuple[str, Stat | None]:
    """Return where a path leads, behind links when they are to be followed, and what lies there.

    Raises Conflict for a link that a stranger may have put into a directory where all may write.
    """
    there = host.stat(path, follow=False)
    if not follow or there is None or there.kind != "link":
        return path, there
    real = followed(host, path)
    return real, host.stat(real)


def followed(host: Host, path: str) -> str:
    """Return where a path leads, behind links. Raises Conflict as ``found`` does."""
    there = host.stat(path, follow=False)
    if there is None or there.kind != "link":
        return path
    folder = host.stat(posixpath.dirname(path))
    shared = folder is not None and folder.mode & _STICKY and folder.mode & _WRITABLE_BY_ALL
    if folder is not None and shared and there.uid not in (host.user().uid, folder.uid):
        raise Conflict(
            f"{path} is a link that belongs to user id {there.uid}, in a directory where all may write",
            hint="it may have been put there to have another file overwritten; remove it",
        )
    return host.real_path(path)


def stat_of(host: Host, path: str) -> Stat:
    """Return what lies at a path, a link as itself. Raises NotFound."""
    there = host.stat(path, follow=False)
    if there is None:
        raise NotFound(f"{path}: no such file or directory")
    return there


def make_parent(host: Host, path: str, makedirs: bool, mode: Mode, owner: Wanted) -> None:
    """See that the directory a path lies in is there. Raises NotFound unless it may be made."""
    parent = posixpath.dirname(path)
    if host.stat(parent) is not None:
        return
    if not makedirs:
        raise NotFound(f"Parent directory not present: {parent}", hint="write - makedirs: true")
    bits = octal(mode)
    missing = _missing(host, parent)
    host.make_directory(parent, 0o755 if bits is None else bits)
    for one in missing:
        there = host.stat(one)
        if there is not None:
            Wanted(owner.uid, owner.gid, bits).give(host, one, there)


def _missing(host: Host, path: str) -> list[str]:
    found: list[str] = []
    while host.stat(path) is None:
        found.append(path)
        path = posixpath.dirname(path)
    return found


def difference(old: bytes, new: bytes, path: str) -> str:
    """Return a unified diff, or a word on why there is none."""
    try:
        before, after = old.decode(), new.decode()
    except UnicodeDecodeError:
        return "Replace binary file with text file" if _is_text(new) else "Replace binary file"
    if "\0" in before or "\0" in after:
        return "Replace binary file"
    import difflib

    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), fromfile=path, tofile=path
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


def decoded(data: bytes) -> str:
    """Return a file's content as text; bytes that are no UTF-8 come back as they were by ``encoded``."""
    return data.decode(errors="surrogateescape")


def encoded(text: str) -> bytes:
    """Return text as a file's content; see ``decoded``."""
    return text.encode(errors="surrogateescape")


def expression(pattern: str) -> str:
    """Return a regular expression that is valid. Raises BadArgument."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise BadArgument(f"{pattern!r} is no regular expression: {error}") from None
    return pattern


def digest(name: str, data: bytes) -> str:
    """Return a hash in hexadecimal. Raises BadArgument for an unknown kind."""
    import hashlib

    if name not in hashlib.algorithms_available or name.startswith("shake"):
        raise BadArgument(f"there is no hash {name!r}", hint="sha256 is one")
    return hashlib.new(name, data, usedforsecurity=False).hexdigest()


def keep_copy(host: Host, path: str, there: Stat, ending: str | bool) -> None:
    """Copy a file, with owner and mode, to its name with ``ending`` (``.bak`` for true, none for false)."""
    if ending:
        owner = Wanted(there.uid, there.gid).owner(host, there)
        copy = f"{path}{ending if isinstance(ending, str) else '.bak'}"
        host.write(copy, host.read(path), there.mode, owner)


def looked_up(data: Any, key: str, delimiter: str, name: str) -> Any:
    """Return what pillar or grains hold at a path. Raises NotFound."""
    found = traverse(data, key, _ABSENT, delimiter)
    if found is _ABSENT:
        raise NotFound(f"there is nothing at {key!r} in pillar or grains to fill {name} with")
    return found


def back_up(host: Host, path: str, backup: str | bool) -> None:
    """Keep what a file holds below the data directory, where ``backup: minion`` asks for it.

    ``file.list_backups`` shows what is kept, ``file.restore_backup`` brings it back.
    """
    import datetime

    there = host.stat(path)
    if backup not in ("minion", "both", True) or there is None or there.kind != "file":
        return
    stamp = datetime.datetime.fromtimestamp(host.now(), datetime.UTC).strftime("%a_%b_%d_%H:%M:%S_%f_%Y")
    copy = f"{backups(host)}{path}_{stamp}"
    host.make_directory(posixpath.dirname(copy), 0o700)
    host.write(copy, host.read(path), there.mode, Wanted(there.uid, there.gid).owner(host, there))


def backups(host: Host) -> str:
    """Return the directory in which former contents are kept."""
    return f"{host.data}/file_backup"


def matches(pattern: str, path: str) -> bool:
    """Tell whether a path, or its last part, fits a glob, or has in it what fits after ``E@``."""
    if pattern.startswith("E@"):
        return re.search(expression(pattern[2:]), path) is not None
    return fnmatchcase(path, pattern) or fnmatchcase(posixpath.basename(path), pattern)


class Kept(msgspec.Struct, frozen=True):
    """What stays when a directory is cleaned: ``paths``, ``whole`` with what lies below, what fits patterns.

    Directories above any of it stay too.
    """

    paths: set[str]
    whole: set[str]
    patterns: str | list[str] | None = None

    def others(self, host: Host, top: str, folder: str = "") -> Iterator[str]:
        """Give what lies below ``top`` and does not stay; nothing that lies in what is given."""
        here = f"{top}/{folder}".rstrip("/")
        for name in host.list_directory(here):
            relative = f"{folder}/{name}".lstrip("/")
            path = f"{top}/{relative}"
            if self._fits(relative) or path in self.whole:
                continue
            there = host.stat(path, follow=False)
            if there is not None and there.kind == "directory" and self._is_above(path):
                yield from self.others(host, top, relative)
            elif path not in self.paths:
                yield path

    def _fits(self, relative: str) -> bool:
        every = [self.patterns] if isinstance(self.patterns, str) else self.patterns or []
        return any(matches(one, relative) for one in every)

    def _is_above(self, path: str) -> bool:
        return path in self.paths or any(one.startswith(f"{path}/") for one in self.paths | self.whole)


def accumulated(host: Host, path: str) -> dict[str, list[str]]:
    """Return what ``file.accumulated`` has gathered for a file in this run, to read or to add to."""
    found: dict[str, list[str]] = host.supply.notes.setdefault(f"accumulated {path}", {})
    return found


_ABSENT = object()


def rendered(host: Host, data: bytes, engine: str, where: str, *layers: Mapping[str, Any] | None) -> bytes:
    """Return a template rendered with ``layers`` of names, later ones above earlier ones."""
    context = {name: value for layer in layers for name, value in (layer or {}).items()}
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Conflict(f"{where}: a template must be UTF-8 text: {error}") from None
    return host.supply.render(engine, text, context, where).encode()
