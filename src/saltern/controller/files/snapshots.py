"""Environments as they are at a moment: immutable, named by content, all of it in the stream."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import msgspec

from saltern.controller.files.backend import Entry
from saltern.controller.files.blobs import Blobs
from saltern.controller.files.sources import Source, View
from saltern.foundation.clock import Clock
from saltern.foundation.errors import Conflict, NotAllowed, NotFound, Unavailable
from saltern.model.manifest import PIECE, Item, build

log = logging.getLogger("saltern.files")

#: Bytes of small files that are read before they are stored.
_BATCH = 4 * 1024 * 1024
#: How often a tree is looked at anew that changes while it is read.
_ATTEMPTS = 5
#: Names of environments that are not served, to be remembered.
_NAMES = 1000

T = TypeVar("T")
#: Which backend has a path, and what it knows of it.
Found = tuple[int, Entry]


class Snapshot(NamedTuple):
    """An environment: the SHA-256 of its manifest and the manifest's size, its revision, what is in it."""

    sha256: bytes
    size: int
    revision: str
    items: Sequence[Item]
    looked: float  # when it was still so, on the controller's clock
    found: Mapping[str, Found]
    manifest: frozenset[bytes]  # what else of it is in the stream

    def contents(self) -> Iterator[bytes]:
        """Give the SHA-256 of everything that an agent may ask for."""
        yield from self.manifest
        yield from (item.sha256 for item in self.items if item.sha256)


class _Read(msgspec.Struct):
    """What a thread has read: hashes of all, contents of the small ones."""

    hashes: dict[str, bytes]
    contents: list[tuple[bytes, bytes]]
    large: list[str]


class Snapshots:
    """The environments of ordered backends; of several that have a path, the first gives it."""

    def __init__(self, sources: Sequence[Source], blobs: Blobs, clock: Clock) -> None:
        self.sources = sources
        self._blobs = blobs
        self._clock = clock
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="files")
        self._current: dict[str, Snapshot] = {}
        self._absent: dict[str, float] = {}
        self._looking: dict[str, asyncio.Task[Snapshot | None]] = {}
        self.hashes: dict[tuple[int, str, str, str], bytes] = {}

    def close(self) -> None:
        """Let go of the backends."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for source in self.sources:
            source.backend.close()

    def current(self) -> Mapping[str, Snapshot]:
        """Return the environments that were asked for, as they were last."""
        return self._current

    async def names(self) -> tuple[str, ...]:
        """Return the environments that are listed, ``base`` first. Raises Unavailable."""
        found = await self._in_thread(lambda: {name for source in self.sources for name in source.names()})
        return tuple(sorted(found, key=lambda name: (name != "base", name)))

    async def get(self, saltenv: str, since: float) -> Snapshot | None:
        """Return an environment as it was at ``since`` or later; None when it is not served.

        All who ask at the same time get the same. Raises Unavailable.
        """
        while True:
            known = self._current.get(saltenv)
            if known is not None and known.looked >= since:
                return known
            if self._absent.get(saltenv, -1.0) >= since:
                return None
            task = self._looking.get(saltenv)
            if task is None:
                task = self._looking[saltenv] = asyncio.create_task(self._look(saltenv))
                task.add_done_callback(lambda _: self._looking.pop(saltenv, None))
                return await asyncio.shield(task)
            await asyncio.wait([task])  # it began before we asked: perhaps it is too old

    async def refresh(self, source: Source) -> None:
        """Fetch what is new at one backend, then look at what was asked for before. Raises Unavailable."""
        await self._in_thread(source.refresh)
        for saltenv in list(self._current):
            await self.get(saltenv, self._clock.now())

    # --- one look ------------------------------------------------------------------------------------

    async def _look(self, saltenv: str) -> Snapshot | None:
        for _ in range(_ATTEMPTS):
            try:
                return await self._look_once(saltenv)
            except Conflict as error:  # it changes as we read it
                log.info("the environment %s is looked at again: %s", saltenv, error)
        raise Unavailable(f"the environment {saltenv} keeps changing while it is read")

    async def _look_once(self, saltenv: str) -> Snapshot | None:
        looked = self._clock.now()
        found, revision = await self._in_thread(lambda: self._merge(saltenv))
        if found is None:
            self._current.pop(saltenv, None)
            self._note_absence(saltenv, looked)
            return None
        known = self._current.get(saltenv)
        if known is not None and known.found == found and self._blobs.stored.issuperset(known.contents()):
            made = known._replace(looked=looked, revision=revision)
        else:
            await self._read_new(saltenv, found)
            made = await self._made(saltenv, found, revision, looked)
        self._current[saltenv] = made
        return made

    def _note_absence(self, saltenv: str, looked: float) -> None:
        if len(self._absent) >= _NAMES:  # agents may ask for any name
            self._absent.clear()
        self._absent[saltenv] = looked

    def _merge(self, saltenv: str) -> tuple[dict[str, Found] | None, str]:
        views = [(source, source.view(saltenv)) for source in self.sources]
        served: list[tuple[Source, View]] = [(source, view) for source, view in views if view is not None]
        if not served:
            return None, ""
        found: dict[str, Found] = {}
        for source, view in reversed(served):
            found.update((path, (source.number, entry)) for path, entry in view.entries.items())
        return found, ", ".join(view.revision for _, view in served if view.revision)

    async def _read_new(self, saltenv: str, found: Mapping[str, Found]) -> None:
        """Store what the stream lacks. Raises Conflict when something changed, Unavailable."""
        lacking = [path for path in found if self._lacks(saltenv, path, found[path])]
        for batch in _batches(lacking, found):
            read = await self._in_thread(lambda batch=batch: self._read(saltenv, batch, found))
            for path, digest in read.hashes.items():
                self.hashes[_key(saltenv, path, found[path])] = digest
            await self._blobs.put(read.contents)
            for path in read.large:
                await self._put_large(saltenv, path, found[path], read.hashes[path])

    async def _put_large(self, saltenv: str, path: str, place: Found, digest: bytes) -> None:
        if digest in self._blobs.stored:
            return
        opening = self.sources[place[0]].open(saltenv, path)
        file = await self._in_thread(opening.__enter__)
        try:
            await self._blobs.put_file(digest, file)
        finally:
            await self._in_thread(lambda: opening.__exit__(None, None, None))

    def _lacks(self, saltenv: str, path: str, place: Found) -> bool:
        if not place[1].token:
            return False
        digest = self.hashes.get(_key(saltenv, path, place))
        return digest is None or (digest != _NONE and digest not in self._blobs.stored)

    def _read(self, saltenv: str, batch: Sequence[str], found: Mapping[str, Found]) -> _Read:
        read = _Read({}, [], [])
        for path in batch:
            number, entry = found[path]
            try:
                with self.sources[number].open(saltenv, path) as file:
                    if entry.size > PIECE:
                        read.hashes[path] = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
                        read.large.append(path)
                        continue
                    data = file.read(entry.size + 1)
            except NotAllowed as error:
                log.warning("a file is not served: %s", error)
                read.hashes[path] = _NONE
                continue
            except NotFound as error:
                raise Conflict(str(error)) from error
            if len(data) != entry.size:
                raise Conflict(f"{self.sources[number].shown(saltenv, path)} was changed while it was read")
            read.hashes[path] = hashlib.sha256(data).digest()
            read.contents.append((read.hashes[path], data))
        return read

    async def _made(self, saltenv: str, found: Mapping[str, Found], revision: str, looked: float) -> Snapshot:
        def describe() -> tuple[list[Item], Any]:
            items = [self._item(saltenv, path, found[path]) for path in sorted(found)]
            return items, build(items)

        items, manifest = await self._in_thread(describe)
        await self._blobs.put(manifest.blobs.items())
        return Snapshot(
            manifest.sha256, manifest.size, revision, items, looked, found, frozenset(manifest.blobs)
        )

    def _item(self, saltenv: str, path: str, place: Found) -> Item:
        entry = place[1]
        digest = self.hashes[_key(saltenv, path, place)] if entry.token else _NONE
        return Item(path, digest, entry.size, entry.mode, entry.link)

    async def restore(self, digest: bytes) -> bool:
        """Store a content again if some environment has it; tell whether one has. Raises Unavailable."""
        for saltenv, snapshot in self._current.items():
            if digest in snapshot.manifest:
                await self._blobs.put(build(snapshot.items).blobs.items())
                return True
            item = next((item for item in snapshot.items if item.sha256 == digest), None)
            if item is not None:
                await self._put_large(saltenv, item.path, snapshot.found[item.path], digest)
                return True
        return False

    def forget_hashes(self) -> None:
        """Forget hashes of what no environment has any more."""
        kept = {
            _key(saltenv, path, place)
            for saltenv, snapshot in self._current.items()
            for path, place in snapshot.found.items()
        }
        self.hashes = {key: digest for key, digest in self.hashes.items() if key in kept}

    async def _in_thread(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


#: What has no content that could be served.
_NONE = b""


def _key(saltenv: str, path: str, place: Found) -> tuple[int, str, str, str]:
    return place[0], saltenv, path, place[1].token


def _batches(paths: Sequence[str], found: Mapping[str, Found]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for path in paths:
        batch.append(path)
        size += found[path][1].size
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
