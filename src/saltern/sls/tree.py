"""Where files come from: a tree for each environment."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol

import msgspec

from saltern.foundation.errors import NotAllowed, SalternError, Unavailable
from saltern.sdk.supply import CachedFile

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

    def cached(self, saltenv: str, path: str) -> CachedFile | None:
        """Return a file as it lies on this machine; None when there is none. Raises SalternError."""

    def known(self, saltenv: str, path: str) -> CachedFile | None:
        """Return what ``cached`` would, and fetch nothing: it may not be there yet."""

    def files(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all files of an environment, sorted."""

    def directories(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all directories of an environment, sorted."""

    def links(self, saltenv: str) -> Mapping[str, str]:
        """Return the symbolic links of an environment: path to target, as written."""


class _Listing(msgspec.Struct, frozen=True):
    """What lies in an environment's directories; the first that has a path gives it."""

    files: tuple[str, ...]
    directories: tuple[str, ...]
    links: dict[str, str]


class LocalTree:
    """Directories of this machine; of several for one environment, the first that has a file gives it.

    What is listed is remembered: make one for each run. A link may point within its root, never out.
    """

    def __init__(self, roots: Mapping[str, Sequence[str]]) -> None:
        """Take the directories of each environment."""
        self._roots = {name: tuple(paths) for name, paths in roots.items()}
        self._listed: dict[str, _Listing] = {}

    def environments(self) -> Sequence[str]:
        """Return the environments' names, ``base`` first."""
        return sorted(self._roots, key=lambda name: name != "base")

    def has_environment(self, saltenv: str) -> bool:
        """Tell whether there is such an environment, named or served by a root for any."""
        return saltenv in self._roots or ANY_ENVIRONMENT in self._roots

    def read(self, saltenv: str, path: str) -> Source | None:
        """Return a file; None when there is none. Raises NotAllowed for one that lies outside its root."""
        require_inside(path)
        for root in self._directories(saltenv):
            data = root.read(path)
            if data is not None:
                return Source(data, os.path.join(root.path, path))
        return None

    def cached(self, saltenv: str, path: str) -> CachedFile | None:
        """Return a file where it lies, None when there is none. Raises NotAllowed as ``read`` does."""
        require_inside(path)
        for root in self._directories(saltenv):
            found = root.found(path)
            if found is not None:
                return found
        return None

    def known(self, saltenv: str, path: str) -> CachedFile | None:
        """Return a file where it lies, as ``cached`` does."""
        return self.cached(saltenv, path)

    def files(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all files of an environment, sorted."""
        return self._listing(saltenv).files

    def files_beneath(self, saltenv: str, directory: str) -> Sequence[str]:
        """Return the paths of the files in one directory and below, sorted; nothing else is looked at."""
        require_inside(directory)
        roots = self._directories(saltenv)
        return sorted(
            {entry.path for root in roots for entry in root.walk(directory) if not entry.is_directory}
        )

    def directories(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all directories of an environment, sorted."""
        return self._listing(saltenv).directories

    def links(self, saltenv: str) -> Mapping[str, str]:
        """Return the symbolic links of an environment: path to target, as written."""
        return self._listing(saltenv).links

    def _listing(self, saltenv: str) -> _Listing:
        if saltenv not in self._listed:
            entries: dict[str, Entry] = {}
            for root in self._directories(saltenv):
                for entry in root.walk():
                    entries.setdefault(entry.path, entry)
            ordered = [entries[path] for path in sorted(entries)]
            self._listed[saltenv] = _Listing(
                files=tuple(entry.path for entry in ordered if not entry.is_directory),
                directories=tuple(entry.path for entry in ordered if entry.is_directory),
                links={entry.path: entry.target for entry in ordered if entry.target},
            )
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


def require_inside(path: str) -> None:
    """Raise NotAllowed for a path that ``is_inside`` does not like."""
    if not is_inside(path):
        raise NotAllowed(f"{path!r} leaves the tree", hint="paths begin at the file root, without '..'")


class Entry(msgspec.Struct, frozen=True):
    """What a root has at ``path``; ``target`` is where it points, as written, if it is a link."""

    path: str
    is_directory: bool
    target: str = ""


class _Root:
    """One directory, beneath which files are opened."""

    def __init__(self, path: str) -> None:
        self.path = path

    @cached_property
    def _real(self) -> str:
        return os.path.realpath(self.path)

    def read(self, path: str) -> bytes | None:
        """Return a regular file's content, None when there is none."""
        with self._open(path) as handle:
            return None if handle is None else self._content(handle, path)

    def found(self, path: str) -> CachedFile | None:
        """Return a regular file as it lies there, None when there is none."""
        with self._open(path) as handle:
            if handle is None or not stat.S_ISREG((status := os.fstat(handle)).st_mode):
                return None
            with os.fdopen(handle, "rb", closefd=False) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            real = os.path.realpath(f"/proc/self/fd/{handle}")
            return CachedFile(real, digest, status.st_size, stat.S_IMODE(status.st_mode))

    @contextlib.contextmanager
    def _open(self, path: str) -> Iterator[int | None]:
        """Hold what lies at ``path`` open, if it lies beneath this directory; None when nothing does."""
        try:
            handle = os.open(os.path.join(self._real, path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        except OSError as error:
            raise _unreadable(os.path.join(self.path, path), error) from error
        try:
            self._check(handle, path)
            yield handle
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

    def walk(self, directory: str = "") -> Iterator[Entry]:
        """Give all files and directories beneath, also through links that stay within."""
        begin = os.path.realpath(os.path.join(self._real, directory))
        if directory and not self._beneath(begin):
            return
        queue = [(f"{directory}/" if directory else "", frozenset({self._real, begin}))]
        while queue:
            prefix, above = queue.pop()
            for entry in self._entries(prefix):
                path, target = prefix + entry.name, _target(entry)
                if entry.is_file():
                    if not target or self._beneath(os.path.realpath(entry.path)):
                        yield Entry(path, False, target)
                elif entry.is_dir():
                    real = os.path.realpath(entry.path) if target else entry.path
                    if self._beneath(real) and real not in above:
                        yield Entry(path, True, target)
                        queue.append((path + "/", above | {real}))

    def _entries(self, prefix: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(os.path.join(self._real, prefix)) as entries:
                return list(entries)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(os.path.join(self.path, prefix), error) from error


def _target(entry: os.DirEntry[str]) -> str:
    """Return where a link points; nothing for what is none, or is gone."""
    try:
        return os.readlink(entry.path) if entry.is_symlink() else ""
    except OSError:
        return ""


def _unreadable(path: str, error: OSError) -> SalternError:
    return Unavailable(f"{path} can't be read: {error.strerror}")
