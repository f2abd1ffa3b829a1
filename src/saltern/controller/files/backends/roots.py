"""The backend ``roots``: directories of this machine, any number for each environment.

roots:
  base: [/srv/salt, /srv/formulas]
  __env__: [/srv/environments/__env__]
"""

from __future__ import annotations

import io
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from saltern.controller.files.backend import Entry, Place
from saltern.controller.files.backends.links import Link, Listing, follow
from saltern.foundation.errors import Conflict, NotAllowed, NotFound, SettingsError, Unavailable
from saltern.sls.tree import ANY_ENVIRONMENT

#: A file changed less than this many nanoseconds ago may change again without its times telling.
_TICK = 100_000_000


def make(options: Any, place: Place) -> Roots:
    """Return the backend. Raises SettingsError."""
    import msgspec

    if not isinstance(options, Mapping) or not options:
        raise SettingsError("needs directories for each environment", hint="roots: {base: [/srv/salt]}")
    given = {name: [paths] if isinstance(paths, str) else paths for name, paths in options.items()}
    try:
        roots = msgspec.convert(given, dict[str, list[str]])
    except msgspec.ValidationError as error:
        raise SettingsError(str(error), hint="roots: {base: [/srv/salt]}") from error
    for path in (path for paths in roots.values() for path in paths):
        if not path.startswith("/"):
            raise SettingsError(f"the root {path!r} is not an absolute path")
    return Roots(roots)


class Roots:
    """Directories; of several for one environment, the first that has a path gives it.

    A link may point within its root. The root of ``__env__`` serves each environment that has no own: the
    name stands for ``__env__`` in its path, and the directory has to be there.
    """

    kind = "roots"
    interval = 0.0

    def __init__(self, roots: Mapping[str, list[str]]) -> None:
        """Take the directories of each environment."""
        self._roots = roots
        self._listed: dict[str, list[tuple[_Root, Listing]]] = {}

    def refresh(self) -> None:
        """Nothing is to be fetched: the directories are looked at each time."""

    def environments(self) -> Mapping[str, str]:
        """Return the environments' names; directories have no revisions."""
        names = {name for name in self._roots if name != ANY_ENVIRONMENT}
        patterns = self._roots.get(ANY_ENVIRONMENT, ())
        return dict.fromkeys(sorted(names.union(*map(_directories_for, patterns))), "")

    def revision(self, saltenv: str) -> str | None:
        """Return nothing (a directory has no revision); None for an environment that is not there."""
        return self.environments().get(saltenv)

    def entries(self, saltenv: str) -> Mapping[str, Entry]:
        """Return all paths of an environment. Raises Unavailable for a root that is not there."""
        listed = [(root, root.scan()) for root in self._of(saltenv)]
        self._listed[saltenv] = listed
        merged: dict[str, Entry] = {}
        for _, listing in reversed(listed):
            merged.update(listing.entries)
        return merged

    def open(self, saltenv: str, path: str) -> BinaryIO:
        """Return a file's content, to be closed. Raises NotFound, NotAllowed, Conflict, Unavailable."""
        if saltenv not in self._listed:
            self.entries(saltenv)
        for root, listing in self._listed[saltenv]:
            if path in listing.entries:
                return root.open(path, listing)
        raise NotFound(f"{path!r} is in no file root of {saltenv!r}")

    def shown(self, saltenv: str, path: str) -> str:
        """Return the path on this machine."""
        holding = (root for root, listing in self._listed.get(saltenv, ()) if path in listing.entries)
        return next((os.path.join(root.path, path) for root in holding), path)

    def close(self) -> None:
        """Nothing is held."""

    def _of(self, saltenv: str) -> list[_Root]:
        if saltenv != ANY_ENVIRONMENT and saltenv in self._roots:
            return [_Root(path) for path in self._roots[saltenv]]
        paths = self._roots.get(ANY_ENVIRONMENT, ())
        return [
            _Root(path.replace(ANY_ENVIRONMENT, saltenv))
            for path in paths
            if saltenv in _directories_for(path)
        ]


def _directories_for(pattern: str) -> set[str]:
    """Return the names which, put for ``__env__`` in a path, give a directory that is there."""
    before, _, after = pattern.partition(ANY_ENVIRONMENT)
    parent, _, start = before.rpartition("/")
    fits = re.compile(re.escape(start) + r"([^/]+)" + re.escape(after.partition("/")[0]))
    try:
        names = os.listdir(parent or "/")
    except OSError as error:
        raise _unreadable(parent or "/", error) from error
    found = {
        match[1] for name in names if (match := fits.fullmatch(name)) and ANY_ENVIRONMENT not in match[1]
    }
    return {name for name in found if os.path.isdir(pattern.replace(ANY_ENVIRONMENT, name))}


class _Root:
    """One directory, beneath which files are opened."""

    def __init__(self, path: str) -> None:
        self.path = path.rstrip("/") or "/"
        self._real = os.path.realpath(path)

    def scan(self) -> Listing:
        """Return what is there now. Raises Unavailable."""
        files: dict[str, Entry] = {}
        links: dict[str, Link] = {}
        empty: list[str] = []
        now = time.time_ns()
        queue = [""]
        while queue:
            directory = queue.pop()
            nothing = True
            for entry in self._entries(directory):
                nothing = False
                path = directory + _text(entry)
                try:
                    if entry.is_symlink():
                        links[path] = self._link(entry)
                    elif entry.is_dir():
                        queue.append(f"{path}/")
                    elif entry.is_file():
                        status = entry.stat()
                        files[path] = Entry(
                            status.st_size, status.st_mode & 0o7777, None, _token(status, now)
                        )
                except FileNotFoundError:
                    continue  # removed meanwhile
            if nothing and directory:
                empty.append(directory[:-1])
        return follow(files, empty, links)

    def _entries(self, directory: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self._real}/{directory}") as entries:
                return iter(list(entries))
        except OSError as error:
            if directory and isinstance(error, FileNotFoundError):
                return iter(())
            raise _unreadable(os.path.join(self.path, directory).rstrip("/"), error) from error

    def _link(self, entry: os.DirEntry[str]) -> Link:
        text = os.readlink(entry.path)
        if not text.startswith("/"):
            return Link(text, text)
        within = text.startswith(f"{self._real}/")
        return Link(text, text[len(self._real) :] if within else None)

    def open(self, path: str, listing: Listing) -> BinaryIO:
        """Return a listed file's content. Raises NotAllowed, NotFound, Conflict, Unavailable."""
        shown = os.path.join(self.path, path)
        entry = listing.entries[path]
        if not entry.token:
            raise NotAllowed(
                f"{shown} is a link to {entry.link}, which is not a file beneath {self.path}"
                if entry.link is not None
                else f"{shown} is a directory",
                hint="copy the file into the file root, or add the directory it lies in as a root",
            )
        raw = _Unchanged(
            self._handle(listing.real.get(path, path), shown), entry.token.partition("~")[0], shown
        )
        try:
            raw.check()
        except BaseException:
            raw.close()
            raise
        return io.BufferedReader(raw, 256 * 1024)

    def _handle(self, real: str, shown: str) -> int:
        """Open a regular file that lies beneath the root; what it is, is known before it is opened."""
        try:
            found = os.open(f"{self._real}/{real}", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"{shown} is not there any more") from None
        except OSError as error:
            raise _unreadable(shown, error) from error
        try:
            link = f"/proc/self/fd/{found}"
            regular = stat.S_ISREG(os.fstat(found).st_mode)
            if not regular or not os.readlink(link).startswith(self._real.rstrip("/") + "/"):
                raise Conflict(f"{shown} has become something else than a file beneath {self.path}")
            return os.open(link, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(shown, error) from error
        finally:
            os.close(found)


class _Unchanged(io.RawIOBase):
    """A file's bytes; Conflict when it is not the one that was listed, at its beginning or its end."""

    def __init__(self, handle: int, identity: str, shown: str) -> None:
        self._handle = handle
        self._identity = identity
        self._shown = shown

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = os.readv(self._handle, [buffer])
        if count == 0:
            self.check()
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._handle)
        super().close()

    def check(self) -> None:
        """Raise Conflict for a file that has changed since it was listed."""
        if _identity(os.fstat(self._handle)) != self._identity:
            raise Conflict(f"{self._shown} was changed while it was read", hint="try again")


def _identity(status: os.stat_result) -> str:
    return f"{status.st_dev}.{status.st_ino}.{status.st_size}.{status.st_mtime_ns}.{status.st_ctime_ns}"


def _token(status: os.stat_result, now: int) -> str:
    """Return a file's token; one that never comes again while its times can't be relied on."""
    identity = _identity(status)
    return f"{identity}~{now}" if now - status.st_ctime_ns < _TICK else identity


def _text(entry: os.DirEntry[str]) -> str:
    name = entry.name
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError:
            raise Unavailable(f"{entry.path!r} has a name that is not UTF-8", hint="rename it") from None
    return name


def _unreadable(path: str, error: OSError) -> Unavailable:
    if isinstance(error, FileNotFoundError):
        return Unavailable(
            f"the file root {path} is not there", hint="make the directory, or take it out of the settings"
        )
    return Unavailable(f"{path} can't be read: {error.strerror}")
