"""Events: what agents report and what the controller sees, for whoever listens now."""

from __future__ import annotations

import asyncio
import fnmatch
import logging
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from saltern.controller.floods import EVENT, Floods
from saltern.foundation.clock import Clock
from saltern.foundation.errors import BadMessage, Unavailable
from saltern.messages.v1 import Event, decode, encode
from saltern.model.ids import AgentKey
from saltern.model.system import Happening
from saltern.transport.connection import Connection, Message

log = logging.getLogger("saltern.events")

#: In place of an agent's key, in the subjects of the controller's own events.
CONTROLLER = "controller"
_WAITING = 1000


class Happenings:
    """Publishes the controller's events to the stream, and hands all events to listeners."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listeners: set[asyncio.Queue[Happening]] = set()
        self._connection: Connection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.floods = Floods(clock)

    async def attach(self, connection: Connection) -> None:
        """Hear all events of this connection from now on."""
        self._connection = connection
        await connection.subscribe("event.>", self._on_event)

    def emit(self, tag: str, data: dict[str, Any], key: AgentKey | None = None) -> None:
        """Something happened here; ``key`` names the agent it is about. Never fails, never waits."""
        if key is not None and not self.floods.reports(key, tag):
            return  # the same about one agent again and again says nothing new
        now = self._clock.now()
        log.info("%s %s", tag, msgspec.json.encode(data).decode())
        event = Event(at=now, data=data | ({"key": key} if key else {}))
        if self._connection is None or self._connection.closed.is_set():
            self._hand_out(Happening(at=now, tag=tag, data=event.data))
            return
        subject = f"event.{CONTROLLER}.{tag.replace('/', '.')}"
        task = asyncio.ensure_future(self._publish(self._connection, subject, encode(event)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _publish(self, connection: Connection, subject: str, data: bytes) -> None:
        try:
            await connection.publish(subject, data)
        except Unavailable as error:
            log.warning("an event was not published: %s", error)

    async def listen(self, pattern: str) -> AsyncIterator[Happening]:
        """Yield events with a tag like the glob ``pattern`` as they come.

        A listener that falls far behind misses some, and is told how many by the event ``events/missed``.
        """
        queue: asyncio.Queue[Happening] = asyncio.Queue(_WAITING)
        self._listeners.add(queue)
        try:
            while True:
                event = await queue.get()
                if event.tag == _MISSED or fnmatch.fnmatchcase(event.tag, pattern):
                    yield event
        finally:
            self._listeners.discard(queue)

    def _hand_out(self, event: Happening) -> None:
        for queue in self._listeners:
            if queue.full():
                dropped = 0
                while not queue.empty():
                    queue.get_nowait()
                    dropped += 1
                queue.put_nowait(Happening(at=event.at, tag=_MISSED, data={"count": dropped}))
            queue.put_nowait(event)

    async def _on_event(self, message: Message) -> None:
        _, key, tag = message.subject.split(".", 2)
        if (key != CONTROLLER and not self.floods.passes(AgentKey(key), EVENT)) or not self._listeners:
            return
        try:
            event = decode(message.data, Event)
            msgspec.json.encode(event.data)  # MessagePack can say more than JSON, which listeners speak
        except (BadMessage, TypeError, ValueError, OverflowError, RecursionError) as error:
            event = Event(at=self._clock.now(), data={"malformed": str(error), "tag": tag})
            tag = "malformed"
        about = None if key == CONTROLLER else AgentKey(key)
        self._hand_out(Happening(at=event.at, tag=tag.replace(".", "/"), key=about, data=event.data))


_MISSED = "events/missed"
