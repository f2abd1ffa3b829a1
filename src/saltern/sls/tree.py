"""Where files come from: a tree for each environment."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol

import msgspec

from saltern.foundation.errors import NotAllowed, SalternError, Unavailable

#: Bytes of one file that are willingly read.
_LARGEST = 64 * 1024 * 1024
#: A root under this name serves every environment that has none; the name in its path is replaced.
ANY_ENVIRONMENT = "__env__"


class Source(msgspec.Struct, frozen=True):
    """A file's content, and its path as people know it (for messages)."""

    data: bytes
    shown: str


class Tree(Protocol):
    """The files of all environments. Paths are relative, with slashes, and never leave the tree."""

    def environments(self) -> Sequence[str]:
        """Return the environments' names, ``base`` first."""

    def has_environment(self, saltenv: str) -> bool:
        """Tell whether there is such an environment, named or served by a root for any."""

    def read(self, saltenv: str, path: str) -> Source | None:
        """Return a file; None when there is none. Raises SalternError when it can't be read."""

    def files(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all files of an environment, sorted."""


class LocalTree:
    """Directories of this machine; of several for one environment, the first that has a file gives it.

    What is listed is remembered: make one for each run. A link may point within its root, never out.
    """

    def __init__(self, roots: Mapping[str, Sequence[str]]) -> None:
        """Take the directories of each environment."""
        self._roots = {name: tuple(paths) for name, paths in roots.items()}
        self._listed: dict[str, tuple[str, ...]] = {}

    def environments(self) -> Sequence[str]:
        """Return the environments' names, ``base`` first."""
        return sorted(self._roots, key=lambda name: name != "base")

    def has_environment(self, saltenv: str) -> bool:
        """Tell whether there is such an environment, named or served by a root for any."""
        return saltenv in self._roots or ANY_ENVIRONMENT in self._roots

    def read(self, saltenv: str, path: str) -> Source | None:
        """Return a file; None when there is none. Raises NotAllowed for one that lies outside its root."""
        if not is_inside(path):
            raise NotAllowed(f"{path!r} leaves the tree", hint="paths begin at the file root, without '..'")
        for root in self._directories(saltenv):
            data = root.read(path)
            if data is not None:
                return Source(data, os.path.join(root.path, path))
        return None

    def files(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all files of an environment, sorted."""
        if saltenv not in self._listed:
            found = {path for root in self._directories(saltenv) for path in root.walk()}
            self._listed[saltenv] = tuple(sorted(found))
        return self._listed[saltenv]

    def _directories(self, saltenv: str) -> list[_Root]:
        if saltenv in self._roots:
            return [_Root(path) for path in self._roots[saltenv]]
        if not is_inside(saltenv) or "/" in saltenv:
            return []
        patterns = self._roots.get(ANY_ENVIRONMENT, ())
        return [_Root(path.replace(ANY_ENVIRONMENT, saltenv)) for path in patterns]


def is_inside(path: str) -> bool:
    """Tell whether a relative path has only names in it: no root, no ``..``, nothing empty, no NUL."""
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


class _Root:
    """One directory, beneath which files are opened."""

    def __init__(self, path: str) -> None:
        self.path = path

    @cached_property
    def _real(self) -> str:
        return os.path.realpath(self.path)

    def read(self, path: str) -> bytes | None:
        """Return a regular file's content, None when there is none."""
        try:
            handle = os.open(os.path.join(self._real, path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(os.path.join(self.path, path), error) from error
        try:
            self._check(handle, path)
            return self._content(handle, path)
        finally:
            os.close(handle)

    def _content(self, handle: int, path: str) -> bytes | None:
        """Return what an open file holds, None for what is no regular file."""
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise Unavailable(f"{os.path.join(self.path, path)} is larger than {_LARGEST} bytes")
        return data

    def _check(self, handle: int, path: str) -> None:
        """Refuse what was opened if it does not lie beneath this directory."""
        real = os.path.realpath(f"/proc/self/fd/{handle}")
        if not self._beneath(real):
            raise NotAllowed(
                f"{os.path.join(self.path, path)} is a link out of its root",
                hint="copy the file into the file root, or add the directory it lies in as a root",
            )

    def _beneath(self, real: str) -> bool:
        return real.startswith(self._real.rstrip("/") + "/")

    def walk(self) -> Iterator[str]:
        """Give the paths of all files beneath, also through links that stay within."""
        queue = [("", frozenset({self._real}))]
        while queue:
            prefix, above = queue.pop()
            for entry in self._entries(prefix):
                path = prefix + entry.name
                if entry.is_file():
                    if not entry.is_symlink() or self._beneath(os.path.realpath(entry.path)):
                        yield path
                elif entry.is_dir():
                    real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                    if self._beneath(real) and real not in above:
                        queue.append((path + "/", above | {real}))

    def _entries(self, prefix: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(os.path.join(self._real, prefix)) as entries:
                return list(entries)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(os.path.join(self.path, prefix), error) from error


def _unreadable(path: str, error: OSError) -> SalternError:
    return Unavailable(f"{path} can't be read: {error.strerror}")
