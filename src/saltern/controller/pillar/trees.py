"""The files that pillars are made of, as one process sees them: one version at a time."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from saltern.controller.files.backend import Backend, Place, build, usual
from saltern.controller.files.tree import BackendTree
from saltern.foundation.errors import Conflict, SalternError
from saltern.sdk.supply import CachedFile
from saltern.sls.tree import Source

log = logging.getLogger("saltern.pillar")

#: Bytes of files that are kept.
_KEPT = 64 * 1024 * 1024


class Trees:
    """The backends, and the tree of the version seen last."""

    def __init__(self, settings: Sequence[Mapping[str, Any]], directory: Path, usual: Path) -> None:
        """Build what the settings name. Without any, ``usual`` counts as soon as it is there."""
        self._settings = list(settings)
        self._usual = usual
        self._place = Place(directory)
        self._backends: list[Backend] = build(self._settings, self._place, where="pillar.backends")
        self._due: dict[int, float] = {}
        self.version = ""
        self.tree: KeptTree = KeptTree(())

    def survey(self) -> str:
        """Look at everything anew and return the version: the same exactly while all content is the same.

        Raises Unavailable when a backend has nothing to give.
        """
        if not self._settings and not self._backends and self._usual.is_dir():
            self._backends = build(usual(self._usual), self._place)
        for place, backend in enumerate(self._backends):
            self._refresh(place, backend)
        version = _version(self._backends)
        if version != self.version:
            self.version, self.tree = version, KeptTree(self._backends)
        return version

    def forget(self) -> None:
        """Let the next survey begin a tree of its own, whatever the version."""
        self.version = ""

    def _refresh(self, place: int, backend: Backend) -> None:
        """Fetch what is new where it is time; without success what was known stays."""
        now = time.monotonic()
        if now < self._due.get(place, now):
            return
        self._due[place] = now + backend.interval
        try:
            backend.refresh()
        except SalternError as error:
            log.error("pillar.backends[%d] (%s) is not refreshed: %s", place, backend.kind, error)


def _version(backends: Sequence[Backend]) -> str:
    digest = hashlib.sha256()
    for place, backend in enumerate(backends):
        for saltenv, revision in sorted(backend.environments().items()):
            digest.update(f"\n{place} {saltenv} {revision}\n".encode())
            if not revision:
                entries = sorted(backend.entries(saltenv).items())
                digest.update("\0".join(f"{path}\0{one.token}\0{one.link}" for path, one in entries).encode())
    return digest.hexdigest()


class KeptTree(BackendTree):
    """A tree whose files are read once, as long as there is room for them.

    ``outdated`` tells that a file was no longer the one that was listed.
    """

    def __init__(self, backends: Sequence[Backend]) -> None:
        super().__init__(backends)
        self._files: dict[tuple[str, str], Source | None] = {}
        self._room = _KEPT
        self.outdated = False

    def read(self, saltenv: str, path: str) -> Source | None:
        """Return a file; see BackendTree."""
        key = (saltenv, path)
        if key not in self._files:
            try:
                source = super().read(saltenv, path)
            except Conflict:
                self.outdated = True
                raise
            size = len(source.data) if source is not None else 100
            if size > self._room:
                return source
            self._room -= size
            self._files[key] = source
        return self._files[key]

    def cached(self, saltenv: str, path: str) -> CachedFile | None:
        """Return nothing: pillar files are not copied."""
        return None

    def known(self, saltenv: str, path: str) -> CachedFile | None:
        """Answer as ``cached`` does."""
        return self.cached(saltenv, path)

    def directories(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all directories that have files, sorted."""
        parents = (path.split("/")[:-1] for path in self.files(saltenv))
        return sorted({"/".join(parts[:end]) for parts in parents for end in range(1, len(parts) + 1)})

    def links(self, saltenv: str) -> Mapping[str, str]:
        """Return the links, by path, with what they say."""
        return {path: one.link for path, (_, one) in self._all(saltenv).items() if one.link is not None}
