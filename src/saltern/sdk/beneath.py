"""Paths resolved one directory at a time, so that nobody can swap one under us.

Whoever may write in a directory on the way to a file may put a link there while we work. So each directory is
opened beneath the one before it, and what is done is done in the directory that was opened. A link that a
stranger made (neither root nor this process's user) is followed only into directories that are the stranger's
own: it can't be used to have another's file changed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Links that are followed on the way to one path.
_MOST_LINKS = 40


@contextmanager
def opened(path: str, *, follow: bool = False) -> Iterator[tuple[int, str]]:
    """Give the directory a path lies in, as a file descriptor, and the path's last name there.

    With ``follow`` a link of that name is followed as well. Raises OSError; ELOOP for a stranger's link.
    """
    walk = _Walk(path)
    try:
        name = walk.to_the_end(follow)
        walk.refuse_strangers(path)
        yield walk.directory, name
    finally:
        os.close(walk.directory)


class _Walk:
    def __init__(self, path: str) -> None:
        self.directory = os.open("/", _DIRECTORY)
        self._left = os.path.abspath(path).split("/")[1:]
        self._links = 0
        self._strangers: set[int] = set()

    def to_the_end(self, follow: bool) -> str:
        """Go into every directory of the path; return the last name, which may not be there."""
        while True:
            name = self._left.pop(0)
            if name in ("", "."):
                if not self._left:
                    return "."
                continue
            is_last = not self._left
            there = self._look(name, may_be_missing=is_last)
            if there is not None and stat.S_ISLNK(there.st_mode) and (follow or not is_last):
                self._follow(name, there)
            elif is_last:
                return name
            else:
                self._enter(os.open(name, _DIRECTORY, dir_fd=self.directory))

    def refuse_strangers(self, path: str) -> None:
        """Raise OSError when a stranger's link has led into a directory that is not the stranger's."""
        owner = os.fstat(self.directory).st_uid
        if self._strangers - {owner}:
            raise OSError(errno.ELOOP, "a link that belongs to somebody else", path)

    def _look(self, name: str, *, may_be_missing: bool) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            if may_be_missing:
                return None
            raise

    def _follow(self, name: str, link: os.stat_result) -> None:
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, "too many links", name)
        if link.st_uid not in (0, os.geteuid()):
            self._strangers.add(link.st_uid)
        target = os.readlink(name, dir_fd=self.directory)
        if target.startswith("/"):
            self._enter(os.open("/", _DIRECTORY))
        self._left = [*target.split("/"), *self._left]

    def _enter(self, directory: int) -> None:
        os.close(self.directory)
        self.directory = directory
