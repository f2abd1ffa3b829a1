"""``file.directory``: a directory with the owner and mode that it should have, and what lies in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltern.library.file import place
from saltern.library.file.simple import move_away
from saltern.sdk import BadArgument, Changes, Conflict, Done, Host, Moment, NotFound, Stat, State

_ASPECTS = ("user", "group", "mode", "ignore_files", "ignore_dirs", "silent")


class Directory(State, frozen=True, kw_only=True):
    """Keep a directory.

    ``recurse`` names what is kept for all below it as well: ``user``, ``group``, ``mode`` (``dir_mode`` for
    directories, ``file_mode`` for files), without ``ignore_files`` or ``ignore_dirs``, down to ``max_depth``.
    ``clean`` removes what no ``file`` state keeps that this one requires, and what does not fit
    ``exclude_pat`` (globs, or regular expressions after ``E@``). Links below it are never followed.
    ``require`` is filled in by the engine.

    Example:
        - file.directory: {name: /srv/app, user: root, mode: '0755', makedirs: true}
    """

    user: place.Account = None
    group: place.Account = None
    mode: place.Mode = None
    dir_mode: place.Mode = None
    file_mode: place.Mode = None
    recurse: list[str] | None = None
    max_depth: int | None = None
    makedirs: bool = False
    clean: bool = False
    exclude_pat: str | list[str] | None = None
    follow_symlinks: bool = False
    force: bool = False
    backupname: str | None = None
    allow_symlink: bool = True
    children_only: bool = False
    require: tuple[str, ...] = ()

    def check(self, host: Host) -> Changes:
        """Return what would be made or set, by path. Raises Conflict for what is in its place."""
        path = place.absolute(self.name)
        self._refuse_unknown_aspects()
        there = host.stat(path, follow=self.allow_symlink)
        if there is None:
            return Changes({self.name: {"directory": "new"}})
        if there.kind != "directory":
            return self._in_its_place(there)
        found: dict[str, Any] = {}
        if not self.children_only:
            found |= self._named(self.name, self._for_directories(host).differs(there, self.user, self.group))
        for below, what in self._below(host, path) if self.recurse else ():
            wanted = self._for_what_is_below(host, what.kind)
            found |= self._named(below, wanted.differs(what, self.user, self.group))
        removed = self._others(host, path)
        for other in removed:
            found |= {one: {"removed": "Removed due to clean"} for one in _with_below(host, other)}
        return Changes(found, mend=removed)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Make it, and set what differs."""
        path = place.absolute(self.name)
        wanted = self._for_directories(host)
        for other in changes.mend or ():
            what = place.stat_of(host, other)
            (host.remove_tree if what.kind == "directory" else host.remove)(other)
        if "forced" in changes:
            host.remove(path)
        elif "backup" in changes:
            move_away(host, path, self.backupname or "")
        if host.stat(path, follow=self.allow_symlink) is None:
            place.make_parent(host, path, self.makedirs, self._mode(), wanted)
            bits = place.octal(self._mode())
            host.make_directory(path, 0o755 if bits is None else bits)
        elif not host.exists(path):
            raise NotFound(f"{path}: the link leads nowhere")
        if not self.children_only:
            real = host.real_path(path)
            wanted.give(host, real, host.stat(real) or Stat(kind="directory"))
        for below, what in self._below(host, path) if self.recurse else ():
            self._for_what_is_below(host, what.kind).give(host, below, what)
        removed = {"removed": changes.mend} if changes.mend else {}
        return Done(changes={**changes, **removed}, comment=self.says(changes, Moment.DONE))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"The directory {self.name} is in the correct state",
            Moment.WOULD: f"The directory {self.name} is set to be changed: {', '.join(changes)}",
            Moment.DONE: f"Directory {self.name} updated",
        }[moment]

    def _others(self, host: Host, path: str) -> list[str]:
        """Return what is to be removed. Raises Conflict for ``/``."""
        if self.clean and path == "/":
            raise Conflict("clean: true would remove all that is on this machine")
        kept = place.Kept(set(), set(self.require), self.exclude_pat)
        return list(kept.others(host, path)) if self.clean else []

    def _refuse_unknown_aspects(self) -> None:
        unknown = [one for one in self.recurse or () if one not in _ASPECTS]
        if unknown:
            raise BadArgument(f"recurse: {unknown[0]!r} is none of {', '.join(_ASPECTS)}")

    def _in_its_place(self, there: Stat) -> Changes:
        if self.force:
            return Changes({"forced": f"{there.kind} removed", self.name: {"directory": "new"}})
        if self.backupname is not None:
            return Changes({"backup": self.backupname, self.name: {"directory": "new"}})
        raise Conflict(
            f"Specified location {self.name} exists and is a {there.kind}",
            hint="write - force: true to remove it, or - backupname: x to keep it",
        )

    @staticmethod
    def _named(path: str, differences: dict[str, Any]) -> dict[str, Any]:
        return {path: differences} if differences else {}

    def _mode(self) -> place.Mode:
        return self.mode if self.dir_mode is None else self.dir_mode

    def _for_directories(self, host: Host) -> place.Wanted:
        return place.wanted(host, self.user, self.group, self._mode())

    def _for_what_is_below(self, host: Host, kind: str) -> place.Wanted:
        aspects = self.recurse or ()
        mode = self._mode()
        modes = {"directory": mode, "file": mode if self.file_mode is None else self.file_mode}
        return place.wanted(
            host,
            self.user if "user" in aspects else None,
            self.group if "group" in aspects else None,
            modes.get(kind) if "mode" in aspects else None,
        )

    def _below(self, host: Host, path: str, depth: int = 0) -> Iterator[tuple[str, Stat]]:
        """Give what lies below a directory with its path, links as themselves."""
        if self.max_depth is not None and depth >= self.max_depth:
            return
        aspects = self.recurse or ()
        for name in host.list_directory(path):
            below = f"{path}/{name}"
            what = host.stat(below, follow=False)
            if what is None:
                continue
            if what.kind == "directory":
                if "ignore_dirs" not in aspects:
                    yield below, what
                yield from self._below(host, below, depth + 1)
            elif "ignore_files" not in aspects:
                yield below, what


def _with_below(host: Host, path: str) -> Iterator[str]:
    """Give a path and all that lies below it, links not followed."""
    yield path
    there = host.stat(path, follow=False)
    if there is not None and there.kind == "directory":
        for name in host.list_directory(path):
            yield from _with_below(host, f"{path}/{name}")
