"""``file.directory``: a directory with the owner and mode that it should have, and what lies in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltern.library.file import place
from saltern.library.file.simple import move_away
from saltern.sdk import BadArgument, Changes, Conflict, Host, Moment, NotFound, NotSupported, Stat, State

_ASPECTS = ("user", "group", "mode", "ignore_files", "ignore_dirs", "silent")


class Directory(State, frozen=True, kw_only=True):
    """Keep a directory.

    ``recurse`` names what is kept for all below it as well: ``user``, ``group``, ``mode`` (``dir_mode`` for
    directories, ``file_mode`` for files), without ``ignore_files`` or ``ignore_dirs``. Links below it are
    never followed.

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

    def check(self, host: Host) -> Changes:
        """Return what would be made or set, by path. Raises Conflict for what is in its place."""
        path = place.absolute(self.name)
        self._refuse_what_is_not_served()
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
        return Changes(found)

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it, and set what differs."""
        path = place.absolute(self.name)
        wanted = self._for_directories(host)
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

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"The directory {self.name} is in the correct state",
            Moment.WOULD: f"The directory {self.name} is set to be changed: {', '.join(changes)}",
            Moment.DONE: f"Directory {self.name} updated",
        }[moment]

    def _refuse_what_is_not_served(self) -> None:
        if self.clean:
            raise NotSupported("clean: true is not served yet", hint="name what shall go: file.absent")
        if self.follow_symlinks:
            raise NotSupported(
                "follow_symlinks: true is not served: a link could lead out of the directory",
                hint="keep the link's target by a state of its own",
            )
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
        modes = {"directory": self._mode(), "file": self.file_mode}
        return place.wanted(
            host,
            self.user if "user" in aspects else None,
            self.group if "group" in aspects else None,
            modes.get(kind) if "mode" in aspects else None,
        )

    def _below(self, host: Host, path: str, depth: int = 0) -> Iterator[tuple[str, Stat]]:
        """Give what lies below a directory with its path, links as themselves."""
        if self.max_depth is not None and depth > self.max_depth:
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
