"""Content on its way to agents: in the stream FILES, in pieces, under its SHA-256."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection, Iterable
from typing import IO

from saltern.foundation.errors import BadMessage, Conflict
from saltern.messages.v1 import Piece, decode, encode
from saltern.model.manifest import PIECE, pieces_of
from saltern.transport import streams
from saltern.transport.connection import Connection

log = logging.getLogger("saltern.files")

#: Messages on their way to the stream at a time.
_AT_ONCE = 24
#: Pieces that are asked to be sent with one request.
MOST = 1024


def subject(sha256: bytes, number: int) -> str:
    """Return where a piece of some content is kept."""
    return f"file.{sha256.hex()}.{number}"


class Blobs:
    """What the stream holds. ``connection`` gives the way to it, and raises Unavailable without one."""

    def __init__(self, connection: Callable[[], Connection]) -> None:
        self._connection = connection
        self._room = asyncio.Semaphore(_AT_ONCE)
        self.stored: set[bytes] = set()

    async def take_stock(self, connection: Connection) -> None:
        """Find out what is there. A content's first piece is stored last, so where it is, all are."""
        found = await streams.subjects(connection, streams.FILES, "file.*.0")
        self.stored = {bytes.fromhex(name.split(".")[1]) for name in found}

    async def is_there(self, digest: bytes) -> bool:
        """Tell whether the stream has a content, as its last piece to be stored says. Raises Unavailable."""
        return await streams.last(self._connection(), streams.FILES, subject(digest, 0)) is not None

    async def put(self, contents: Iterable[tuple[bytes, bytes]]) -> None:
        """Store contents, (SHA-256, bytes) each, that the stream does not have yet."""
        new = {digest: data for digest, data in contents if digest not in self.stored}
        await asyncio.gather(*(self._put_bytes(digest, data) for digest, data in new.items()))

    async def _put_bytes(self, digest: bytes, data: bytes) -> None:
        for number in reversed(range(pieces_of(len(data)))):
            await self._store(digest, number, data[number * PIECE : (number + 1) * PIECE])
        self.stored.add(digest)

    async def put_file(self, digest: bytes, file: IO[bytes]) -> None:
        """Store a large content. Raises Conflict when it is not what its SHA-256 says; then nothing is."""
        first = await asyncio.to_thread(file.read, PIECE)
        check, number, waiting = hashlib.sha256(first), 0, set[asyncio.Task[None]]()
        try:
            while piece := await asyncio.to_thread(file.read, PIECE):
                number += 1
                await asyncio.to_thread(check.update, piece)
                waiting.add(asyncio.create_task(self._store(digest, number, piece)))
                while len(waiting) >= _AT_ONCE:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
            await asyncio.gather(*waiting)
        finally:
            for task in waiting:
                task.cancel()
        if check.digest() != digest:
            await self._purge(digest)
            raise Conflict("a file was changed while it was read")
        await self._store(digest, 0, first)
        self.stored.add(digest)

    async def _store(self, digest: bytes, number: int, data: bytes) -> None:
        async with self._room:
            await self._connection().store(subject(digest, number), encode(Piece(data=data)), 30.0)

    async def send(self, pieces: Collection[tuple[bytes, int, int]], reply: str) -> None:
        """Have the broker send pieces, (SHA-256, first, count) each, to ``reply``. Raises BadMessage."""
        if any(len(digest) != 32 or first < 0 or count < 1 for digest, first, count in pieces):
            raise BadMessage("not a piece of a file")
        if sum(count for _, _, count in pieces) > MOST:
            raise BadMessage(f"more than {MOST} pieces at once")
        wanted = [subject(digest, first + n) for digest, first, count in pieces for n in range(count)]
        await streams.send_last(self._connection(), streams.FILES, wanted, reply)

    async def holds(self, digest: bytes, size: int) -> bool:
        """Read a content in the stream and tell whether it is what its SHA-256 says."""
        check, seen = hashlib.sha256(), 0
        for number in range(pieces_of(size)):
            data = await streams.last(self._connection(), streams.FILES, subject(digest, number))
            if data is None:
                return False
            try:
                piece = decode(data, Piece).data
            except BadMessage:
                return False
            await asyncio.to_thread(check.update, piece)
            seen += len(piece)
        return seen == size and check.digest() == digest

    async def drop(self, digest: bytes) -> None:
        """Remove a content from the stream."""
        self.stored.discard(digest)
        await self._purge(digest)

    async def _purge(self, digest: bytes) -> None:
        await streams.purge(self._connection(), streams.FILES, f"file.{digest.hex()}.*")
