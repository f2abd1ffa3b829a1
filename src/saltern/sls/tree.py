"""Where files come from: a tree for each environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Source(msgspec.Struct, frozen=True):
    """A file's content, and its path as people know it (for messages)."""

    data: bytes
    shown: str


class Tree(Protocol):
    """The files of all environments. Paths are relative, with slashes, and never leave the tree."""

    def environments(self) -> Sequence[str]:
        """Return the environments' names, ``base`` first."""

    def read(self, saltenv: str, path: str) -> Source | None:
        """Return a file; None when there is none. Raises SalternError when it can't be read."""

    def files(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all files of an environment, sorted."""
