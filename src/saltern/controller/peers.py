"""What controllers on one fabric tell each other, so that each knows what the others did."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from saltern.foundation.errors import Unavailable
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job
from saltern.transport.connection import Connection, Message

log = logging.getLogger("saltern.peers")

#: No agent may publish here.
SUBJECT = "ctl.news"


class _News(msgspec.Struct, frozen=True, kw_only=True, tag_field="t"):
    """What all news say: which process sent them, that it may pass over its own."""

    sender: str = ""


class AgentChanged(_News, frozen=True, kw_only=True, tag="agent"):
    """An agent's record in the store is another, or gone."""

    keys: tuple[AgentKey, ...]


class Welcomed(_News, frozen=True, kw_only=True, tag="welcomed"):
    """A process of an agent was welcomed."""

    key: AgentKey
    instance: str
    at: float
    version: str


class JobMade(_News, frozen=True, kw_only=True, tag="job"):
    """A job was recorded, or cancelled."""

    job: Job


class Returned(_News, frozen=True, kw_only=True, tag="returned"):
    """Returns were recorded."""

    pairs: tuple[tuple[JobId, AgentKey], ...]


News = AgentChanged | Welcomed | JobMade | Returned
_decoder: msgspec.msgpack.Decoder[News] = msgspec.msgpack.Decoder(News)


class Peers:
    """Tells the other controllers, and hears them. With no others it costs next to nothing."""

    def __init__(self, me: str) -> None:
        """``me`` is this process's own random name."""
        self._me = me
        self._connection: Connection | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def attach(self, connection: Connection, on_news: Callable[[News], Awaitable[None]]) -> None:
        """Hear the others on this connection from now on."""
        self._connection = connection

        async def heard(message: Message) -> None:
            news = _decoder.decode(message.data)
            if news.sender != self._me:
                await on_news(news)

        await connection.subscribe(SUBJECT, heard)

    def tell(self, news: News) -> None:
        """Tell the others; never fails, never waits. Who is not there now reads the store at its start."""
        if self._connection is None or self._connection.closed.is_set():
            return
        data = msgspec.msgpack.encode(msgspec.structs.replace(news, sender=self._me))
        task = asyncio.ensure_future(self._publish(self._connection, data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _publish(self, connection: Connection, data: bytes) -> None:
        try:
            await connection.publish(SUBJECT, data)
        except Unavailable as error:
            log.warning("the other controllers are not told: %s", error)
