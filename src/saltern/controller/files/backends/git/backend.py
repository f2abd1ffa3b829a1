"""Repositories as one backend; of several that have a path in an environment, the first gives it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple, TypeVar

from saltern.controller.files.backend import Backend, Entry, Place
from saltern.controller.files.backends.git.mirror import Mirror
from saltern.controller.files.backends.git.refs import Environments, Mount
from saltern.controller.files.backends.git.settings import GitSettings, Remote, read
from saltern.foundation.errors import NotAllowed, NotFound, SalternError, Unavailable

K = TypeVar("K")
V = TypeVar("V")

#: Directories of commits, and environments, whose lists are kept in memory: with a fallback any name is one.
_KEPT = 16


def make(options: Any, place: Place) -> Backend:
    """Return the backend. Raises SettingsError."""
    return Git(read(options), place)


class _Held(NamedTuple):
    """One path of an environment: its entry, and where it is read."""

    entry: Entry
    repository: _Repository
    mount: Mount
    path: str


class Git:
    """Mirrors of remotes, fetched by ``refresh``; what was fetched before a restart is served at once."""

    kind = "git"

    def __init__(self, settings: GitSettings, place: Place) -> None:
        """Take the options, and the place below which the mirrors are."""
        self.interval = settings.update_interval
        self._repositories = [_Repository(remote, place) for remote in settings.remotes]
        self._listed: dict[str, dict[str, _Held]] = {}

    def refresh(self) -> None:
        """Fetch every remote. Raises Unavailable with all that went wrong; the others are fetched then."""
        problems: list[SalternError] = []
        for repository in self._repositories:
            try:
                repository.refresh()
            except SalternError as error:
                problems.append(error)
        if problems:
            raise Unavailable("; ".join(map(str, problems)), hint=problems[0].hint)

    def environments(self) -> Mapping[str, str]:
        """Return the environments with their commits. Raises Unavailable."""
        names = {name for repository in self._repositories for name in repository.environments.names()}
        return {name: self.revision(name) or "" for name in sorted(names)}

    def revision(self, saltenv: str) -> str | None:
        """Return an environment's commit; of several remotes each with its name. Raises Unavailable."""
        found = list(self._mounts(saltenv))
        if len(self._repositories) == 1 or not found:
            return found[0][1].commit if found else None
        return ", ".join(f"{repository.name} {mount.commit}" for repository, mount in found)

    def entries(self, saltenv: str) -> Mapping[str, Entry]:
        """Return all paths of an environment. Raises Unavailable."""
        merged: dict[str, _Held] = {}
        for repository, mount in reversed(list(self._mounts(saltenv))):
            prefix = f"{mount.mountpoint}/" if mount.mountpoint else ""
            for path, entry in repository.entries(mount).items():
                merged[prefix + path] = _Held(entry, repository, mount, path)
        self._listed.pop(saltenv, None)
        _keep(self._listed, saltenv, merged)
        return {path: held.entry for path, held in merged.items()}

    def open(self, saltenv: str, path: str) -> BinaryIO:
        """Return a file's content, to be closed. Raises NotFound, NotAllowed, Unavailable."""
        held = self._held(saltenv, path)
        if held is None:
            raise NotFound(f"{path!r} is in no repository of {saltenv!r}")
        if not held.entry.token:
            raise NotAllowed(f"{self.shown(saltenv, path)} is a directory, or a link out of the repository")
        return held.repository.mirror.open(held.entry)

    def shown(self, saltenv: str, path: str) -> str:
        """Return a path with its repository and commit: ``states@0123456789:web/init.sls``."""
        held = self._held(saltenv, path)
        if held is None:
            return path
        inside = "/".join(filter(None, (held.mount.root, held.path)))
        return held.repository.mirror.shown(held.mount.commit, inside)

    def close(self) -> None:
        """Stop the programs that read blobs."""
        for repository in self._repositories:
            repository.mirror.close()

    def _mounts(self, saltenv: str) -> Iterator[tuple[_Repository, Mount]]:
        for repository in self._repositories:
            mount = repository.environments.mount(saltenv)
            if mount is not None:
                yield repository, mount

    def _held(self, saltenv: str, path: str) -> _Held | None:
        if saltenv not in self._listed:
            self.entries(saltenv)
        return self._listed[saltenv].get(path)


class _Repository:
    """One remote: its mirror, and what the refs were when they were last looked at."""

    def __init__(self, remote: Remote, place: Place) -> None:
        self.name = remote.called
        self.mirror = Mirror(remote, place.directory / "git")
        self._remote = remote
        self._problem = "it has not been tried yet"
        self._environments: Environments | None = None
        self._trees: dict[tuple[str, str], Mapping[str, Entry]] = {}

    def refresh(self) -> None:
        try:
            self.mirror.fetch()
        except SalternError as error:
            self._problem = error.message
            raise
        self._environments = None

    @property
    def environments(self) -> Environments:
        """What was fetched last. Raises Unavailable when nothing was, with the reason."""
        if self._environments is None:
            refs = self.mirror.refs()
            if refs is None:
                raise Unavailable(f"{self._remote.url} has not been fetched yet: {self._problem}")
            contained = functools.lru_cache(256)(self.mirror.contained)
            self._environments = Environments(self._remote, refs, contained)
        return self._environments

    def entries(self, mount: Mount) -> Mapping[str, Entry]:
        key = (mount.commit, mount.root)
        if key not in self._trees:
            _keep(self._trees, key, self.mirror.listing(*key).entries)
        return self._trees[key]


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    """Remember a value, and forget the oldest of too many."""
    while len(kept) >= _KEPT:
        del kept[next(iter(kept))]
    kept[key] = value
