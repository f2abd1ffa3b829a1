"""Paths that are not served, whatever backend has them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from saltern.controller.files.backend import Backend, Entry
from saltern.foundation.errors import NotFound, SettingsError


class Ignoring:
    """A backend without the paths that some globs (of the whole path) or regexes (anywhere in it) fit."""

    def __init__(self, backend: Backend, globs: Sequence[str] = (), regexes: Sequence[str] = ()) -> None:
        """Take the backend and what to leave out. Raises SettingsError for what is no regex."""
        self._backend = backend
        self.kind = backend.kind
        self.interval = backend.interval
        self._patterns = [*(re.compile(fnmatch.translate(glob)) for glob in globs), *map(_regex, regexes)]

    def refresh(self) -> None:
        """Fetch what is new."""
        self._backend.refresh()

    def environments(self) -> Mapping[str, str]:
        """Return the environments' names with their revisions."""
        return self._backend.environments()

    def revision(self, saltenv: str) -> str | None:
        """Return an environment's revision; None when there is nothing for it."""
        return self._backend.revision(saltenv)

    def entries(self, saltenv: str) -> Mapping[str, Entry]:
        """Return all paths of an environment that are served."""
        found = self._backend.entries(saltenv)
        return {path: entry for path, entry in found.items() if not self._ignored(path)}

    def open(self, saltenv: str, path: str) -> BinaryIO:
        """Return a file's content, to be closed. Raises NotFound for what is left out."""
        if self._ignored(path):
            raise NotFound(f"{self.shown(saltenv, path)} is not served: the settings ignore it")
        return self._backend.open(saltenv, path)

    def shown(self, saltenv: str, path: str) -> str:
        """Return a path as people know it."""
        return self._backend.shown(saltenv, path)

    def close(self) -> None:
        """Let go of processes and connections."""
        self._backend.close()

    def _ignored(self, path: str) -> bool:
        return any(pattern.search(path) for pattern in self._patterns)


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise SettingsError(f"{text!r} is not a regular expression: {error}", where="ignore_regex") from None
