"""Unpacking into a directory, so that nothing outside of it is touched and no link is gone through."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterable, Sequence

import msgspec

from saltern.library.archive.entries import Entry, shown
from saltern.library.archive.formats import Archive, content
from saltern.library.archive.options import Rules
from saltern.library.file.place import Wanted
from saltern.sdk import Conflict, Host, NotFound, Stat, User

#: Set-user-id, set-group-id and sticky bits are not taken from an archive unless told.
_PLAIN = 0o777
_LATEST = float(1 << 33)
_KINDS = {"hard": "file"}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What of an archive is not in a directory: paths that are missing, and that are something else."""

    missing: list[str]
    strange: list[str]
    owned_otherwise: list[str]


def looked_at(host: Host, entries: Sequence[Entry], target: str, owner: Wanted) -> Found:
    """Return what of an archive is not in a directory."""
    missing, strange, owned = [], [], []
    for entry in entries:
        there = host.stat(posixpath.join(target, entry.path), follow=False)
        if there is None:
            missing.append(entry.path)
        elif there.kind != _KINDS.get(entry.kind, entry.kind):
            strange.append(entry.path)
        elif (owner.uid not in (None, there.uid)) or (owner.gid not in (None, there.gid)):
            owned.append(entry.path)
    above = {part for entry in entries for part in _directories(entry.path)} - {one.path for one in entries}
    for path in sorted(above):
        there = host.stat(posixpath.join(target, path), follow=False)
        if there is not None and there.kind != "directory":
            strange.append(path)
    return Found(missing=missing, strange=strange, owned_otherwise=owned)


def _directories(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def differing(host: Host, archive: Archive, entries: Iterable[Entry], target: str, path: str) -> list[str]:
    """Return the files whose content, and the links whose target, is not the archive's."""
    found = []
    for entry in entries:
        place = posixpath.join(target, entry.path)
        there = host.stat(place, follow=False)
        if there is None:
            continue
        if entry.kind == "link" and there.target != entry.target:
            found.append(entry.path)
        if entry.kind == "file" and not _is_same(host, archive, entry, place, there, path):
            found.append(entry.path)
    return found


def _is_same(host: Host, archive: Archive, entry: Entry, place: str, there: Stat, path: str) -> bool:
    if there.size != entry.size:
        return False
    with host.open(place) as file:
        return all(file.read(len(piece)) == piece for piece in content(archive, entry, path))


class Unpacking(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how to unpack."""

    host: Host
    target: str
    rules: Rules
    owner: Wanted
    permissions: bool = True
    path: str = ""  # of the archive, to be named in errors

    def all(self, archive: Archive, entries: Sequence[Entry]) -> None:
        """Unpack: directories, files, their other names, links at last. Raises what the host raises."""
        kinds: dict[str, list[Entry]] = {}
        for entry in entries:
            kinds.setdefault(entry.kind, []).append(entry)
        directories = sorted(kinds.get("directory", ()), key=lambda one: one.path)
        for entry in directories:
            self._directory(entry)
        for entry in kinds.get("file", ()):
            self._file(archive, entry)
        for entry in (*kinds.get("pipe", ()), *kinds.get("device", ())):
            self._node(entry)
        for entry in kinds.get("hard", ()):
            self._parent(entry.path)
            self.host.remove(self._place(entry.path))
            self.host.hard_link(self._place(entry.path), self._place(entry.target))
        for entry in kinds.get("link", ()):
            self._parent(entry.path)
            self.host.link(self._place(entry.path), entry.target)
            self._own(entry)
        for entry in reversed(directories):
            self._finish(entry)

    def own(self, paths: Iterable[str]) -> None:
        """Give what lies at paths to whom all is to belong."""
        for path in paths:
            self.host.set_owner(self._place(path), self.owner.uid, self.owner.gid)

    def _place(self, path: str) -> str:
        return posixpath.join(self.target, path)

    def _parent(self, path: str) -> None:
        """See that the directories above a path are there, and are directories. Raises Conflict."""
        for above in _directories(path):
            there = self.host.stat(self._place(above), follow=False)
            if there is None:
                self.host.make_directory(self._place(above))
                self.own([above])
            elif there.kind != "directory":
                raise Conflict(f"{self._place(above)} is a {there.kind}, not a directory")

    def _directory(self, entry: Entry) -> None:
        self._parent(entry.path)
        place = self._place(entry.path)
        there = self.host.stat(place, follow=False)
        if there is not None and there.kind != "directory":
            raise Conflict(f"{place} is a {there.kind}, not a directory")
        self.host.make_directory(place, (self._mode(entry) or 0o755) | 0o700)

    def _file(self, archive: Archive, entry: Entry) -> None:
        self._parent(entry.path)
        place = self._place(entry.path)
        self._refuse_link(place)
        uid, gid = self._ids(entry)
        owner = User(name=str(uid), uid=uid, gid=gid) if uid is not None and gid is not None else None
        self.host.pour(place, content(archive, entry, self.path), self._mode(entry), owner)
        self._times(entry)

    def _refuse_link(self, place: str) -> None:
        there = self.host.stat(place, follow=False)
        if there is not None and there.kind != "file":
            raise Conflict(f"{shown(place)} is a {there.kind}, not a file", hint="- force: true replaces it")

    def _node(self, entry: Entry) -> None:
        self._parent(entry.path)
        place = self._place(entry.path)
        self.host.remove(place)
        kind = "pipe" if entry.kind == "pipe" else "block" if entry.block else "character"
        self.host.make_node(place, kind, self._mode(entry) or 0o600, entry.device)  # type: ignore[arg-type]
        self._own(entry)

    def _finish(self, entry: Entry) -> None:
        """Give a directory its owner, mode and time, when nothing more is put into it."""
        self._own(entry)
        mode = self._mode(entry)
        if mode is not None:
            self.host.set_mode(self._place(entry.path), mode)
        self._times(entry)

    def _own(self, entry: Entry) -> None:
        uid, gid = self._ids(entry)
        if uid is not None or gid is not None:
            self.host.set_owner(self._place(entry.path), uid, gid)

    def _mode(self, entry: Entry) -> int | None:
        if not self.permissions:
            return None
        return entry.mode if self.rules.permissions else entry.mode & _PLAIN

    def _times(self, entry: Entry) -> None:
        if self.rules.times and 0 < entry.modified < _LATEST:
            self.host.set_times(self._place(entry.path), entry.modified, entry.modified)

    def _ids(self, entry: Entry) -> tuple[int | None, int | None]:
        """Return to whom an entry is to belong: as told, else as root whom the archive says."""
        mine = self.host.user()
        uid, gid = (
            _known(self.host, entry, self.rules) if mine.uid == 0 and self.rules.owners else (None, None)
        )
        uid, gid = (mine.uid if uid is None else uid), (mine.gid if gid is None else gid)
        given = self.owner
        return (uid if given.uid is None else given.uid), (gid if given.gid is None else given.gid)


def _known(host: Host, entry: Entry, rules: Rules) -> tuple[int | None, int | None]:
    """Return the ids of an entry's owner and group, by their names where this host has them."""
    if rules.numeric:
        return entry.uid, entry.gid
    uid, gid = entry.uid, entry.gid
    with contextlib.suppress(NotFound):
        uid = host.user(entry.user).uid if entry.user else uid
    with contextlib.suppress(NotFound):
        gid = host.group(entry.group).gid if entry.group else gid
    return uid, gid


def limited(paths: Sequence[str], trim: bool | int) -> list[str]:
    """Return paths as they may be shown, the first of many: 100 of them, or as many as told."""
    most = 100 if trim is True else int(trim) or len(paths)
    return [shown(path) for path in paths[:most]]
