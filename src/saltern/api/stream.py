"""Lines as they come: NDJSON, or server-sent events for who asks for them.

Backpressure all the way: what a client does not take is not asked of the controller, which bounds what waits
for each watcher and reads returns again from the store. A slow client costs others nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from saltern.api.problems import problem
from saltern.api.replies import Broken
from saltern.foundation.errors import SalternError, Unavailable

Items = AsyncIterator[msgspec.Struct]

#: Lines sent in one go, and lines that may wait for that.
_BATCH = 256

_encoder = msgspec.json.Encoder()


class Format(NamedTuple):
    """How lines look: media type, one line, and what is sent when there is nothing to say."""

    media: str
    line: Callable[[msgspec.Struct], bytes]
    quiet: bytes


def _ndjson(item: msgspec.Struct) -> bytes:
    return _encoder.encode(item) + b"\n"


def _sse(item: msgspec.Struct) -> bytes:
    name = str(item.__struct_config__.tag or "item")
    return b"event: " + name.encode() + b"\ndata: " + _encoder.encode(item) + b"\n\n"


NDJSON = Format("application/x-ndjson", _ndjson, b"\n")
SERVER_SENT = Format("text/event-stream", _sse, b": still here\n\n")


def chosen(request: web.BaseRequest) -> Format:
    """Return the format the client accepts; NDJSON unless it asks for server-sent events."""
    return SERVER_SENT if SERVER_SENT.media in request.headers.get("Accept", "") else NDJSON


class Ahead:
    """Reads a little ahead of who takes, so that lines can be sent many at a time."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._waiting: list[msgspec.Struct] = []
        self._room = asyncio.Event()
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for item in self._items:
                self._waiting.append(item)
                self._news.set()
                if len(self._waiting) >= _BATCH:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._news.set()

    def take(self) -> list[msgspec.Struct]:
        """Return what has come since the last time."""
        taken, self._waiting = self._waiting, []
        self._room.set()
        self._news.clear()
        return taken

    async def wait(self, stopping: asyncio.Future[None], seconds: float) -> None:
        """Wait until there is something to take, the source ended, the server stops, or time is up."""
        if self._waiting or self._reader.done() or stopping.done():
            return
        news: asyncio.Future[Any] = asyncio.ensure_future(self._news.wait())
        waited: set[asyncio.Future[Any]] = {news, stopping}
        try:
            await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()

    @property
    def over(self) -> bool:
        """Tell that nothing more will come. Raises what the source raised."""
        if not self._reader.done() or self._waiting:
            return False
        self._reader.result()
        return True

    async def close(self) -> None:
        """Let the source go."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await close()


class Writer:
    """Writes a stream to one client. ``stopping`` is done when the server ends; times are seconds."""

    def __init__(
        self,
        send: Callable[[bytes], Awaitable[None]],
        form: Format,
        stopping: asyncio.Future[None],
        *,
        quiet: float,
        stall: float,
    ) -> None:
        self._send = send
        self._form = form
        self._stopping = stopping
        self._quiet = quiet
        self._stall = stall

    async def run(self, items: Items) -> None:
        """Send all; when there was an error, the last line tells it.

        Raises TimeoutError when the client took nothing for ``stall`` seconds, ConnectionError when it left.
        """
        ahead = Ahead(items)
        try:
            await self._forward(ahead)
        except SalternError as error:
            await self._write(self._form.line(Broken(error=problem(error))))
        finally:
            await ahead.close()

    async def _forward(self, ahead: Ahead) -> None:
        while not ahead.over:
            await ahead.wait(self._stopping, self._quiet)
            lines = b"".join(map(self._form.line, ahead.take()))
            if lines or not ahead.over:
                await self._write(lines or self._form.quiet)
            if self._stopping.done():
                raise Unavailable("the controller is stopping", hint="ask again when it is back")

    async def _write(self, data: bytes) -> None:
        async with asyncio.timeout(self._stall):
            await self._send(data)
