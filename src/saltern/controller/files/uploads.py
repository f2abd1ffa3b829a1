"""Files that people send to agents (``saltern cp``): into the stream, by their content, for a while."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from saltern.controller.files.blobs import Blobs
from saltern.foundation.errors import BadMessage, Conflict, Unavailable
from saltern.model.manifest import PIECE

#: Files that are taken in at the same time; more wait.
_AT_ONCE = 4


class Uploads:
    """What was taken in and is not swept yet: ``sizes``, by SHA-256."""

    def __init__(self, directory: Path, blobs: Blobs, *, limit: int) -> None:
        """Files come by way of ``directory``; together they have at most ``limit`` bytes."""
        self._directory = directory
        self._blobs = blobs
        self._limit = limit
        self._coming = 0
        self._room = asyncio.Semaphore(_AT_ONCE)
        self.sizes: dict[bytes, int] = {}

    async def take(self, size: int, pieces: AsyncIterator[bytes]) -> bytes:
        """Take in a file of ``size`` bytes and return its SHA-256.

        Raises Conflict when it is too much, BadMessage when it has another size, Unavailable.
        """
        self._check(size, self._coming)
        self._coming += size
        try:
            async with self._room:
                digest = await self._take(size, pieces)
        except OSError as error:
            raise Unavailable(
                f"the controller can't take the file: {error.strerror}", where=str(self._directory)
            ) from error
        finally:
            self._coming -= size
        self.sizes[digest] = size
        return digest

    def _check(self, size: int, taken: int) -> None:
        if taken + size > self._limit:
            raise Conflict(
                f"a file of {size} bytes is too much: {taken} of {self._limit} bytes are taken",
                hint="files.upload_bytes in controller.yaml; what was sent goes after files.keep",
            )

    async def _take(self, size: int, pieces: AsyncIterator[bytes]) -> bytes:
        """Have it whole before any of it is stored: nothing wrong must ever stand under a SHA-256."""
        with await asyncio.to_thread(lambda: tempfile.TemporaryFile(dir=self._directory)) as file:
            digest = await _written(file, size, pieces)
            self._check(size, sum(had for name, had in self.sizes.items() if name != digest))
            if await self._blobs.is_there(digest):
                self._blobs.stored.add(digest)
            else:
                await asyncio.to_thread(file.seek, 0)
                await self._store(digest, size, file)
        return digest

    async def _store(self, digest: bytes, size: int, file: IO[bytes]) -> None:
        self._blobs.stored.discard(digest)
        if size <= PIECE:
            await self._blobs.put([(digest, await asyncio.to_thread(file.read))])
        else:
            await self._blobs.put_file(digest, file)


async def _written(file: IO[bytes], size: int, pieces: AsyncIterator[bytes]) -> bytes:
    """Write what comes, and return its SHA-256. Raises BadMessage, OSError."""
    check, seen, held = hashlib.sha256(), 0, bytearray()

    def write(data: bytes) -> None:
        check.update(data)
        file.write(data)

    async for piece in pieces:
        seen += len(piece)
        if seen > size:
            break
        held += piece
        if len(held) >= PIECE:
            await asyncio.to_thread(write, bytes(held))
            held.clear()
    if seen != size:
        raise BadMessage(f"a file of {size} bytes was announced, and {'more' if seen > size else seen} came")
    await asyncio.to_thread(write, bytes(held))
    return check.digest()
