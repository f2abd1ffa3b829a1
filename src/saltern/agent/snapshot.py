"""The controllers' files as one run sees them: each environment as it was when the run first used it."""

from __future__ import annotations

import posixpath
import threading
from bisect import bisect_left
from collections.abc import Mapping, Sequence

import msgspec

from saltern.agent.cache import Cache
from saltern.foundation.errors import BadMessage, NotAllowed, Unavailable
from saltern.messages.v1 import AskFiles, Environment, FilesAre, decode, encode
from saltern.messages.v1.codec import MAX_ANSWER
from saltern.model.manifest import Item, read_chunk, read_root
from saltern.sdk import AgentControl
from saltern.sdk.supply import CachedFile
from saltern.sls.tree import Source, is_inside, require_inside

#: Bytes of a file that are willingly held.
_LARGEST = 64 * 1024 * 1024
#: Files fetched beside one that is missing, at first and at most; their bytes, and those of the largest.
_AHEAD, _MOST_AHEAD = 16, 1024
_AHEAD_BYTES, _AHEAD_LARGEST = 8 * 1024 * 1024, 256 * 1024


class _Listing(msgspec.Struct, frozen=True):
    """One environment."""

    described: Environment
    items: dict[str, Item]
    files: list[str]
    directories: list[str]
    links: dict[str, str]


class SnapshotTree:
    """Fits ``sls.tree.Tree``. What is read is fetched when it is first needed, with what lies beside it."""

    def __init__(self, control: AgentControl, cache: Cache, since: float = 0.0) -> None:
        """Ask and fetch through ``control``. Environments are as they were at ``since``, or later."""
        self._control = control
        self._cache = cache
        self._since = since
        self._names: tuple[str, ...] | None = None
        self._listed: dict[str, _Listing | None] = {}
        self._next: dict[str, tuple[int, int]] = {}
        self._lock = threading.RLock()

    def used(self) -> dict[str, str]:
        """Return the snapshots used so far: SHA-256 in hexadecimal, and the revision if there is one."""
        return {
            name: f"{listing.described.sha256.hex()} {listing.described.revision}".rstrip()
            for name, listing in self._listed.items()
            if listing is not None
        }

    # --- Tree ----------------------------------------------------------------------------------------

    def environments(self) -> Sequence[str]:
        """Return the environments' names, ``base`` first. Raises Unavailable."""
        with self._lock:
            if self._names is None:
                self._describe(())
            return self._names or ()

    def has_environment(self, saltenv: str) -> bool:
        """Tell whether the controllers serve such an environment. Raises Unavailable."""
        return self._listing(saltenv) is not None

    def read(self, saltenv: str, path: str) -> Source | None:
        """Return a file; None when there is none. Raises SalternError when it can't be had."""
        item = self._item(saltenv, path)
        if item is None:
            return None
        if item.size > _LARGEST:
            raise Unavailable(f"{_shown(saltenv, path)} is larger than {_LARGEST} bytes")
        name = item.sha256.hex()
        data = self._cache.read(name, item.size)
        if data is None:
            self._fetch(saltenv, item)
            data = self._cache.read(name, item.size)
        if data is None:
            raise Unavailable(f"{_shown(saltenv, path)} was fetched and is gone", hint="is the disk full?")
        return Source(data, _shown(saltenv, path))

    def cached(self, saltenv: str, path: str) -> CachedFile | None:
        """Return a verified copy of a file; None when there is none. Raises SalternError."""
        item, known = self._item(saltenv, path), self.known(saltenv, path)
        if item is not None and known is not None and not self._cache.is_sound(known.sha256, known.size):
            self._fetch(saltenv, item)
        return known

    def known(self, saltenv: str, path: str) -> CachedFile | None:
        """Return where a file lies, or would; None when there is none. Raises SalternError."""
        item = self._item(saltenv, path)
        if item is None:
            return None
        name = item.sha256.hex()
        return CachedFile(str(self._cache.path(name)), name, item.size, item.mode)

    def files(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all files of an environment, sorted."""
        listing = self._listing(saltenv)
        return listing.files if listing else ()

    def directories(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all directories of an environment, sorted."""
        listing = self._listing(saltenv)
        return listing.directories if listing else ()

    def links(self, saltenv: str) -> Mapping[str, str]:
        """Return the symbolic links of an environment: path to target, as written."""
        listing = self._listing(saltenv)
        return listing.links if listing else {}

    # --- manifests -----------------------------------------------------------------------------------

    def _item(self, saltenv: str, path: str) -> Item | None:
        require_inside(path)
        listing = self._listing(saltenv)
        item = listing.items.get(path) if listing else None
        if item is not None and not item.sha256:
            raise NotAllowed(
                f"{_shown(saltenv, path)} has no content on the controllers",
                hint="it is a link to nothing, or out of its root",
            )
        return item

    def _listing(self, saltenv: str) -> _Listing | None:
        with self._lock:
            if saltenv not in self._listed:
                described = self._describe((saltenv,)).get(saltenv)
                self._listed[saltenv] = None if described is None else self._load(described)
            return self._listed[saltenv]

    def _describe(self, saltenvs: tuple[str, ...]) -> Mapping[str, Environment]:
        question = AskFiles(saltenvs=saltenvs, since=self._since)
        answer = decode(self._control.ask("files", encode(question)), FilesAre, limit=MAX_ANSWER)
        self._names = self._names or answer.names
        return answer.environments

    def _load(self, described: Environment) -> _Listing:
        root = read_root(self._blob(described.sha256.hex(), described.size))
        chunks = [(chunk.sha256.hex(), chunk.size) for chunk in root.chunks]
        lacking = [chunk for chunk in chunks if not self._cache.is_sound(*chunk)]
        if lacking:
            self._control.fetch(lacking)
        return _listing(described, [item for chunk in chunks for item in read_chunk(self._blob(*chunk))])

    def _blob(self, name: str, size: int) -> bytes:
        data = self._cache.read(name, size)
        if data is None:
            self._control.fetch([(name, size)])
            data = self._cache.read(name, size)
        if data is None:
            raise Unavailable("a manifest was fetched and is gone", hint="is the disk full?")
        return data

    # --- contents ------------------------------------------------------------------------------------

    def _fetch(self, saltenv: str, item: Item) -> None:
        """Fetch a file, and small ones after it in its directory: more each time that was of use."""
        with self._lock:
            listing = self._listed[saltenv]
            assert listing is not None
            start = bisect_left(listing.files, item.path)
            expected, window = self._next.get(saltenv, (-1, _AHEAD))
            window = min(window * 4, _MOST_AHEAD) if start == expected else _AHEAD
            above = posixpath.dirname(item.path).split("/")[0]
            wanted, total, position = {item.sha256.hex(): item.size}, 0, start
            while position < min(len(listing.files), start + window) and total < _AHEAD_BYTES:
                path = listing.files[position]
                if above and not path.startswith(above + "/"):
                    break
                position += 1
                beside = listing.items[path]
                name = beside.sha256.hex()
                if name and beside.size <= _AHEAD_LARGEST and not self._cache.has(name, beside.size):
                    wanted[name] = beside.size
                    total += beside.size
            self._next[saltenv] = (position, window)
        self._control.fetch(list(wanted.items()))


def _listing(described: Environment, items: Sequence[Item]) -> _Listing:
    """Return what an environment holds. Raises BadMessage for a path that would leave it."""
    files: list[str] = []
    directories: set[str] = set()
    for item in items:
        if not is_inside(item.path.rstrip("/")):
            raise BadMessage(f"a manifest names {item.path[:100]!r}")
        parts = item.path.split("/")[:-1]
        while parts and (above := "/".join(parts)) not in directories:
            directories.add(above)
            parts.pop()
        if not item.path.endswith("/") and (item.sha256 or item.link is None):
            files.append(item.path)
    return _Listing(
        described=described,
        items={item.path: item for item in items if not item.path.endswith("/")},
        files=files,
        directories=sorted(directories),
        links={item.path.rstrip("/"): item.link for item in items if item.link is not None},
    )


def _shown(saltenv: str, path: str) -> str:
    return f"salt://{path}" if saltenv == "base" else f"salt://{path}?saltenv={saltenv}"
