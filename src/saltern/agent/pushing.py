"""Sends a file of this machine to the controllers, in pieces through the broker."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Awaitable, Callable

from saltern.foundation.errors import Conflict, NotFound, Unavailable
from saltern.messages.v1 import Chunk, Push, Pushed, decode, encode
from saltern.model.ids import AgentKey
from saltern.model.manifest import PIECE, pieces_of
from saltern.transport.connection import Connection

Ask = Callable[[str, bytes], Awaitable[bytes]]


async def push(connection: Connection, key: AgentKey, ask: Ask, source: str, path: str) -> None:
    """Send the file ``source`` to be known as ``path``; ``ask`` asks a controller.

    Raises NotFound, Conflict for what is no regular file, NotAllowed when the controllers take none.
    """
    file = await asyncio.to_thread(_open, source)
    try:
        status = os.fstat(file)
        digest = await asyncio.to_thread(_digest, file)
        offer = Push(path=path, sha256=digest, size=status.st_size, mode=stat.S_IMODE(status.st_mode))
        if decode(await ask("push", encode(offer)), Pushed).done:
            return
        for number in range(pieces_of(status.st_size)):
            data = await asyncio.to_thread(os.pread, file, PIECE, number * PIECE)
            await connection.store(f"blob.{key}.push-{digest.hex()}.{number}", encode(Chunk(data=data)), 30.0)
        sent = Push(path=path, sha256=digest, size=offer.size, mode=offer.mode, sent=True)
        if not decode(await ask("push", encode(sent)), Pushed).done:
            raise Unavailable(f"{source} did not arrive", hint="push it again")
    finally:
        os.close(file)


def _open(source: str) -> int:
    """Return a regular file, open. A pipe or a device holds nobody up."""
    try:
        file = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        raise NotFound(f"{source}: no such file") from None
    except OSError as error:
        raise Conflict(f"{source} can't be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise Conflict(f"{source} is no regular file")
    return file


def _digest(file: int) -> bytes:
    with os.fdopen(os.dup(file), "rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
