"""Symbolic links of a tree: what each leads to, without asking the file system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

import msgspec

from saltern.controller.files.backend import Entry
from saltern.foundation.errors import Unavailable

#: Links that are followed on the way to one file, as the kernel does.
_HOPS = 40
#: Paths that links to directories may add to a tree: such links can be nested without end.
_ALIASES = 100_000


class Link(NamedTuple):
    """A link's text, and where it leads: relative to its place; from ``/``: to the tree; None: out of it."""

    text: str
    target: str | None


class Listing(NamedTuple):
    """The entries of a tree, and for each path that leads through a link the one it comes to."""

    entries: dict[str, Entry]
    real: dict[str, str]


def follow(files: Mapping[str, Entry], empty: Iterable[str], links: Mapping[str, Link]) -> Listing:
    """Return all paths of a tree, also those through links to directories.

    ``empty`` are directories with nothing in them. Raises Unavailable when links make too many paths.
    """
    listing = Listing({**files, **{f"{path}/": Entry(0, 0o755, None, "") for path in empty}}, {})
    if links:
        walk = _Walk(files, set(empty), links, listing)
        for path in links:
            walk.link(path, path, frozenset(_above(path)))
    return listing


class _Walk:
    def __init__(
        self, files: Mapping[str, Entry], empty: set[str], links: Mapping[str, Link], listing: Listing
    ) -> None:
        self._files = files
        self._links = links
        self._empty = empty
        self._listing = listing
        self._directories = {"", *empty}
        for path in (*files, *empty, *links):
            self._directories.update(_above(path))

    def link(self, shown: str, path: str, above: frozenset[str]) -> None:
        """Take in the link at ``path``, seen as ``shown``; ``above`` are the directories it is seen in."""
        if len(self._listing.entries) > len(self._files) + len(self._empty) + len(self._links) + _ALIASES:
            raise Unavailable(f"links to directories make more than {_ALIASES} paths (at {shown})")
        text = self._links[path].text
        real = self._real(path)
        if real is not None and real in self._files:
            self._listing.entries[shown] = msgspec.structs.replace(self._files[real], link=text)
            self._listing.real[shown] = real
        elif real is not None and real in self._directories:
            self._listing.entries[f"{shown}/"] = Entry(0, 0o777, text, "")
            if real not in above:
                self._directory(shown, real, above | {real})
        else:
            self._listing.entries[shown] = Entry(0, 0o777, text, "")

    def _directory(self, shown: str, real: str, above: frozenset[str]) -> None:
        for path in self._children[real]:
            alias = f"{shown}/{path.rpartition('/')[2]}"
            if path in self._links:
                self.link(alias, path, above)
            elif path in self._files:
                self._listing.entries[alias] = self._files[path]
                self._listing.real[alias] = path
            elif path in self._empty:
                self._listing.entries[f"{alias}/"] = Entry(0, 0o755, None, "")
            elif path not in above:
                self._directory(alias, path, above | {path})

    @cached_property
    def _children(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for path in (*self._files, *self._links, *(self._directories - {""})):
            found[path.rpartition("/")[0]].append(path)
        return found

    def _real(self, path: str) -> str | None:
        """Return where a path leads, all links followed; None: out of the tree, or nowhere."""
        left = path.split("/")[::-1]
        found: list[str] = []
        hops = 0
        while left:
            part = left.pop()
            if part == "..":
                if not found:
                    return None
                found.pop()
            elif part not in ("", "."):
                found.append(part)
                link = self._links.get("/".join(found))
                if link is not None:
                    hops += 1
                    if hops > _HOPS or link.target is None:
                        return None
                    found = [] if link.target.startswith("/") else found[:-1]
                    left.extend(link.target.split("/")[::-1])
        return "/".join(found)


def _above(path: str) -> Iterator[str]:
    """Give the directories that a path lies in, up to the tree itself (empty)."""
    while path:
        path = path.rpartition("/")[0]
        yield path
