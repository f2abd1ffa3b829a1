"""Backends as they are used: one thread at a time, and nobody waits for a slow one that is known already."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from saltern.controller.files.backend import Backend, Entry
from saltern.foundation.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator


class View(NamedTuple):
    """An environment as one backend has it."""

    revision: str
    entries: Mapping[str, Entry]


class Source:
    """One backend. The methods may be called from any thread."""

    def __init__(self, backend: Backend, number: int) -> None:
        """``number`` is its place in the order, from 0."""
        self.backend = backend
        self.number = number
        self._lock = threading.Lock()
        self._names: tuple[str, ...] | None = None
        self._views: dict[str, View | None] = {}

    @property
    def is_live(self) -> bool:
        """Tell that looking is cheap, and is done each time."""
        return not self.backend.interval

    def refresh(self) -> None:
        """Fetch what is new. Raises Unavailable; what was known stays."""
        with self._lock:
            self.backend.refresh()
            self._names, self._views = None, {}

    def names(self) -> tuple[str, ...]:
        """Return the names of the environments that are listed. Raises Unavailable."""
        names = self._names
        if names is None or self.is_live:
            with self._lock:
                names = self._names = tuple(self.backend.environments())
        return names

    def view(self, saltenv: str) -> View | None:
        """Return an environment; None when it has nothing for it. Raises Unavailable."""
        if self.is_live or saltenv not in self._views:
            with self._lock:
                revision = self.backend.revision(saltenv)
                found = None if revision is None else View(revision, self.backend.entries(saltenv))
                self._views[saltenv] = found
        return self._views[saltenv]

    def open(self, saltenv: str, path: str) -> AbstractContextManager[BinaryIO]:
        """Hold a file open. Raises NotFound, NotAllowed, Conflict, Unavailable."""
        return self._opened(saltenv, path)

    @contextmanager
    def _opened(self, saltenv: str, path: str) -> Iterator[BinaryIO]:
        if not self._lock.acquire(timeout=60):
            raise Unavailable(f"{self.backend.kind} is busy", hint="it is being refreshed; try again")
        try:
            with self.backend.open(saltenv, path) as file:
                yield file
        finally:
            self._lock.release()

    def shown(self, saltenv: str, path: str) -> str:
        """Return a path as people know it."""
        return self.backend.shown(saltenv, path)
