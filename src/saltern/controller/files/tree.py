"""Backends as the tree that SLS and pillar are read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saltern.controller.files.backend import Backend, Entry
from saltern.foundation.errors import NotAllowed, Unavailable
from saltern.sdk.supply import CachedFile
from saltern.sls.tree import Source, is_inside

#: Bytes of one file that are willingly read.
_LARGEST = 64 * 1024 * 1024


class BackendTree:
    """The files of some backends; of several that have a path, the first gives it.

    What is listed is remembered: make one for each run.
    """

    def __init__(self, backends: Sequence[Backend]) -> None:
        """Take the backends, in the order they are asked."""
        self._backends = backends
        self._listed: dict[str, dict[str, tuple[Backend, Entry]]] = {}

    def environments(self) -> Sequence[str]:
        """Return the environments' names, ``base`` first. Raises Unavailable."""
        found = {name for backend in self._backends for name in backend.environments()}
        return sorted(found, key=lambda name: (name != "base", name))

    def has_environment(self, saltenv: str) -> bool:
        """Tell whether any backend has something for an environment. Raises Unavailable."""
        return any(backend.revision(saltenv) is not None for backend in self._backends)

    def revisions(self, saltenv: str) -> Mapping[str, str]:
        """Return the revisions of an environment, by the kinds of backends that have any."""
        found = ((backend.kind, backend.revision(saltenv)) for backend in self._backends)
        return {kind: revision for kind, revision in found if revision}

    def read(self, saltenv: str, path: str) -> Source | None:
        """Return a file; None when there is none.

        Raises NotAllowed for a link that leads out of its tree, Unavailable for what can't be read.
        """
        if not is_inside(path):
            raise NotAllowed(f"{path!r} leaves the tree", hint="paths begin at the file root, without '..'")
        found = self._all(saltenv).get(path)
        if found is None:
            return None
        backend, entry = found
        if not entry.token:
            raise NotAllowed(
                f"{backend.shown(saltenv, path)} is a link to {entry.link}, which is not in its tree",
                hint="copy the file into the tree",
            )
        with backend.open(saltenv, path) as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise Unavailable(f"{backend.shown(saltenv, path)} is larger than {_LARGEST} bytes")
        return Source(data, backend.shown(saltenv, path))

    def files(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all files of an environment, sorted. Raises Unavailable."""
        return sorted(path for path, (_, entry) in self._all(saltenv).items() if entry.token)

    def directories(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all directories of an environment, sorted. Raises Unavailable."""
        found: set[str] = set()
        for path in self._all(saltenv):
            above = path.rpartition("/")[0]
            while above and above not in found:
                found.add(above)
                above = above.rpartition("/")[0]
        return sorted(found)

    def links(self, saltenv: str) -> Mapping[str, str]:
        """Return the symbolic links of an environment: path to target, as written. Raises Unavailable."""
        every = self._all(saltenv).items()
        return {path.rstrip("/"): one.link for path, (_, one) in every if one.link is not None}

    def cached(self, saltenv: str, path: str) -> CachedFile | None:
        """Raise Unavailable: what backends have does not lie on this machine as files."""
        raise Unavailable(f"{path} is not copied to this machine", hint="read its content instead")

    def known(self, saltenv: str, path: str) -> CachedFile | None:
        """Raise Unavailable, as ``cached`` does."""
        return self.cached(saltenv, path)

    def _all(self, saltenv: str) -> Mapping[str, tuple[Backend, Entry]]:
        if saltenv not in self._listed:
            merged: dict[str, tuple[Backend, Entry]] = {}
            for backend in reversed(self._backends):
                merged.update((path, (backend, one)) for path, one in backend.entries(saltenv).items())
            self._listed[saltenv] = merged
        return self._listed[saltenv]
