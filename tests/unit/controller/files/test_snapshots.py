"""Snapshots: which backend gives a path, when it is looked again, and what is stored."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, BinaryIO, TypeVar

import pytest

from saltern.controller.files.backend import Entry
from saltern.controller.files.blobs import Blobs
from saltern.controller.files.snapshots import Snapshot, Snapshots
from saltern.controller.files.sources import Source
from saltern.foundation.errors import Conflict, NotAllowed, NotFound, Unavailable
from saltern.messages.v1 import Piece, decode
from saltern.model.manifest import PIECE, Item, pieces_of

T = TypeVar("T")


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.time


class Memory:
    """A backend whose files a test sets."""

    kind = "memory"

    def __init__(
        self, files: Mapping[str, bytes | Entry], *, interval: float = 0.0, revision: str = ""
    ) -> None:
        self.files = dict(files)
        self.interval = interval
        self.rev = revision
        self.looks = 0
        self.opened: list[str] = []
        self.fails: Exception | None = None
        self.on_open: Callable[[], None] = lambda: None

    def refresh(self) -> None:
        if self.fails:
            raise self.fails

    def environments(self) -> Mapping[str, str]:
        return {"base": self.rev}

    def revision(self, saltenv: str) -> str | None:
        return self.rev if saltenv == "base" else None

    def entries(self, saltenv: str) -> Mapping[str, Entry]:
        self.looks += 1
        if self.fails:
            raise self.fails
        return {path: self._entry(content) for path, content in self.files.items()}

    def _entry(self, content: bytes | Entry) -> Entry:
        if isinstance(content, Entry):
            return content
        return Entry(len(content), 0o644, None, hashlib.sha256(content).hexdigest())

    def open(self, saltenv: str, path: str) -> BinaryIO:
        self.opened.append(path)
        self.on_open()
        content = self.files.get(path)
        if content is None:
            raise NotFound(f"{path} is gone")
        if isinstance(content, Entry):
            raise NotAllowed(f"{path} can't be opened")
        return io.BytesIO(content)

    def shown(self, saltenv: str, path: str) -> str:
        return f"memory:{path}"

    def close(self) -> None:
        pass


class Stream:
    """What the broker holds."""

    def __init__(self) -> None:
        self.messages: dict[str, bytes] = {}
        self.full = False

    async def store(self, subject: str, data: bytes, timeout: float = 5.0) -> int:
        if self.full:
            raise Unavailable("the stream refused: maximum bytes exceeded")
        self.messages[subject] = decode(data, Piece).data
        return len(self.messages)

    def content(self, item: Item) -> bytes:
        names = [f"file.{item.sha256.hex()}.{number}" for number in range(pieces_of(item.size))]
        return b"".join(self.messages[name] for name in names)


class World:
    def __init__(self, *backends: Memory) -> None:
        self.stream, self.clock = Stream(), Clock()
        self.blobs = Blobs(lambda: self.stream)  # type: ignore[arg-type,return-value]
        sources = [Source(one, number) for number, one in enumerate(backends)]
        self.snapshots = Snapshots(sources, self.blobs, self.clock)

    async def base(self, since: float = 0.0) -> Snapshot:
        found = await self.snapshots.get("base", since)
        assert found is not None
        return found

    async def files(self, since: float = 0.0) -> dict[str, bytes]:
        found = await self.base(since)
        return {item.path: self.stream.content(item) for item in found.items if item.sha256}


def run(work: Callable[[], Awaitable[T]]) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(work(), 30)

    return asyncio.run(bounded())


def test_the_first_backend_that_has_a_path_gives_it() -> None:
    world = World(
        Memory({"a": b"1", "b": b"1"}, revision="r1"), Memory({"b": b"2", "c": b"2"}, revision="r2")
    )
    assert run(world.files) == {"a": b"1", "b": b"1", "c": b"2"}
    assert run(world.base).revision == "r1, r2"


def test_everything_is_stored_before_anybody_hears_of_it() -> None:
    large = b"x" * (2 * PIECE + 7)
    world = World(Memory({"small": b"s", "large": large, "empty": b""}))
    assert run(world.files) == {"small": b"s", "large": large, "empty": b""}
    assert all(f"file.{name.hex()}.0" in world.stream.messages for name in run(world.base).contents())


def test_what_is_known_is_given_unless_it_is_too_old() -> None:
    backend = Memory({"a": b"1"})
    world = World(backend)
    first = run(world.base)
    backend.files["a"] = b"2"
    assert run(lambda: world.base(since=first.looked)) is first
    world.clock.time += 1
    later = run(lambda: world.base(since=first.looked + 0.5))
    assert later.sha256 != first.sha256


def test_unchanged_files_are_not_read_again() -> None:
    backend = Memory({"a": b"1", "b": b"2"})
    world = World(backend)
    run(world.base)
    backend.opened.clear()
    backend.files["b"] = b"3"
    world.clock.time += 1
    assert run(lambda: world.files(since=world.clock.time)) == {"a": b"1", "b": b"3"}
    assert backend.opened == ["b"]


def test_all_who_ask_at_once_share_two_looks_at_most() -> None:
    backend = Memory({"a": b"1"})
    world = World(backend)

    async def many() -> set[bytes]:
        found = await asyncio.gather(*(world.base(since=world.clock.time) for _ in range(100)))
        return {one.sha256 for one in found}

    assert len(run(many)) == 1
    assert backend.looks <= 2


def test_an_environment_that_is_not_there_is_looked_for_once() -> None:
    world = World(Memory({}))

    async def many() -> list[Any]:
        return await asyncio.gather(*(world.snapshots.get("none", 50.0) for _ in range(50)))

    assert run(many) == [None] * 50


def test_a_tree_that_changes_while_it_is_read_is_read_again() -> None:
    backend = Memory({"a": b"1"})
    changes = iter([b"22", b"333"])

    def change() -> None:
        if (new := next(changes, None)) is not None:
            backend.files["a"] = new

    backend.on_open = change
    assert run(World(backend).files) == {"a": b"333"}


def test_a_tree_that_never_rests_is_an_error() -> None:
    backend = Memory({"a": b"1"})

    def grow() -> None:
        content = backend.files["a"]
        assert isinstance(content, bytes)
        backend.files["a"] = content + b"1"

    backend.on_open = grow
    with pytest.raises(Unavailable, match="keeps changing"):
        run(World(backend).base)


def test_a_file_that_vanishes_is_looked_for_again() -> None:
    backend = Memory({"a": b"1", "b": b"2"})

    def vanish() -> None:
        backend.files.pop("b", None)

    backend.on_open = vanish
    assert run(World(backend).files) == {"a": b"1"}


def test_what_may_not_be_opened_has_no_content_and_spoils_nothing() -> None:
    world = World(
        Memory({"a": b"1", "out": Entry(5, 0o644, "/etc/passwd", "token"), "d/": Entry(0, 0o755, None, "")})
    )
    assert run(world.files) == {"a": b"1"}
    items = {item.path: item for item in run(world.base).items}
    assert items["out"].sha256 == b""
    assert items["out"].link == "/etc/passwd"
    assert "d/" in items


def test_a_backend_that_fails_is_no_empty_tree() -> None:
    backend = Memory({"a": b"1"})
    world = World(backend)
    backend.fails = Unavailable("the disk is gone")
    with pytest.raises(Unavailable, match="the disk is gone"):
        run(world.base)


def test_a_slow_backend_is_looked_at_when_it_was_refreshed() -> None:
    backend = Memory({"a": b"1"}, interval=60.0)
    world = World(backend)
    run(world.base)
    backend.files["a"] = b"2"
    world.clock.time += 10
    assert run(lambda: world.files(since=world.clock.time)) == {"a": b"1"}
    world.clock.time += 10
    run(lambda: world.snapshots.refresh(world.snapshots.sources[0]))
    assert run(lambda: world.files(since=world.clock.time)) == {"a": b"2"}


def test_a_full_stream_is_an_error_and_nothing_is_announced() -> None:
    world = World(Memory({"a": b"1"}))
    world.stream.full = True
    with pytest.raises(Unavailable, match="maximum bytes"):
        run(world.base)
    world.stream.full = False
    assert run(world.files) == {"a": b"1"}


def test_lost_content_is_stored_again() -> None:
    world = World(Memory({"a": b"1"}))
    item = run(world.base).items[0]
    world.stream.messages.clear()
    world.blobs.stored.clear()
    assert run(lambda: world.snapshots.restore(item.sha256))
    assert world.stream.content(item) == b"1"
    assert not run(lambda: world.snapshots.restore(bytes(32)))


def test_a_large_file_that_changed_is_not_stored_as_another() -> None:
    world = World(Memory({}))
    with pytest.raises(Conflict):
        run(lambda: _put_wrong(world))
    assert b"d" * 32 not in world.blobs.stored


async def _put_wrong(world: World) -> None:
    async def purge(digest: bytes) -> None:
        world.stream.messages.clear()

    world.blobs._purge = purge  # type: ignore[method-assign]
    await world.blobs.put_file(b"d" * 32, io.BytesIO(b"x" * (3 * PIECE)))
