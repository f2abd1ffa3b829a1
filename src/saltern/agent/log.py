"""An append-only file of records that survives what can happen to it.

Each record is framed: two magic bytes, its length and its CRC-32 (little-endian, four bytes each), then
the payload. A torn end is cut off at the next opening; damage in the middle costs the records it hit and
no others. Records are in the kernel's hands when ``append`` returns (they survive the death of the
process) and on the disk when ``commit`` returns (they survive a power cut).
"""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from saltern.foundation import atomic

_MAGIC = b"\xa5J"
_HEAD = struct.Struct("<2sII")
#: A longer record is taken for damage; orders are at most 1 MiB.
LONGEST = 4 * 1024 * 1024


class Content(NamedTuple):
    """What was read: the payloads in order, how many bytes the last good one ends at, how many were bad."""

    payloads: list[bytes]
    end: int
    skipped: int  # damaged bytes between good records; a torn end is not counted


def frame(payload: bytes) -> bytes:
    """Return the record's bytes as they stand in the file."""
    return _HEAD.pack(_MAGIC, len(payload), zlib.crc32(payload)) + payload


def parse(data: bytes) -> Content:
    """Read every whole record in ``data``, whatever lies between them. Never raises."""
    payloads: list[bytes] = []
    end = skipped = position = 0
    while (position := data.find(_MAGIC, position)) >= 0:
        payload = _payload_at(data, position)
        if payload is None:
            position += 1
            continue
        skipped += position - end
        payloads.append(payload)
        position += _HEAD.size + len(payload)
        end = position
    return Content(payloads, end, skipped)


def _payload_at(data: bytes, position: int) -> bytes | None:
    start = position + _HEAD.size
    if start > len(data):
        return None
    _, length, checksum = _HEAD.unpack_from(data, position)
    if length > LONGEST or start + length > len(data):
        return None
    payload = data[start : start + length]
    return payload if zlib.crc32(payload) == checksum else None


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


class Log:
    """The file, open for appending. One process at a time; ``commit`` needs a running event loop."""

    def __init__(self, path: Path) -> None:
        """Open or make the file (0600). ``found`` holds what was in it. Raises OSError."""
        self._path = path
        self._descriptor = _open(path)
        with open(path, "rb") as file:
            self.found = parse(file.read())
        os.ftruncate(self._descriptor, self.found.end)
        self.size = self.found.end
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._sync: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    def append(self, payload: bytes) -> None:
        """Write a record, whole or not at all. Raises OSError (no space)."""
        record = frame(payload)
        try:
            written = os.write(self._descriptor, record)
            if written < len(record):
                os.write(self._descriptor, record[written:])
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(record)

    async def commit(self) -> None:
        """Return when everything appended so far is on the disk. Those who wait together share one write.

        Raises OSError; then nothing is known of what is on the disk.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._sync_after(self._sync))
        await asyncio.shield(self._next)

    async def _sync_after(self, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])
        self._sync, self._next = self._next, None
        await asyncio.get_running_loop().run_in_executor(self._disk, os.fdatasync, self._descriptor)

    async def replace(self, snapshot: Callable[[], Iterable[bytes]]) -> None:
        """Put the payloads of ``snapshot()`` in place of all records, in one step, and on the disk.

        Raises OSError; then nothing has changed. It blocks while it writes, so that nothing is appended
        meanwhile: the caller keeps the snapshot small.
        """
        while self._sync is not None and not self._sync.done():
            await asyncio.wait([self._sync])
        content = b"".join(map(frame, snapshot()))
        atomic.write(self._path, content)
        fresh = _open(self._path)
        os.dup2(fresh, self._descriptor, inheritable=False)
        os.close(fresh)
        self.size = len(content)

    def close(self) -> None:
        """Let go of the file and the thread; what was not committed may be lost in a power cut."""
        self._disk.shutdown()
        os.close(self._descriptor)
