"""Hands finished returns over to the stream, and forgets each only when the stream has it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from saltern.agent.executor import Executor
from saltern.foundation.errors import BadMessage, NotFound, Unavailable
from saltern.messages.v1 import Chunk, Return, encode
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status
from saltern.transport.connection import Connection

log = logging.getLogger("saltern.agent")

#: Returns on their way at the same time, and those of them that come in pieces.
_SMALL, _LARGE = 32, 2
#: Seconds to pause when the stream does not take a return: at first, and at most.
_FIRST_PAUSE, _LAST_PAUSE = 0.5, 20.0


class Outbox:
    """Hands over each return by itself, so that one which fails holds up no other."""

    def __init__(self, executor: Executor, key: AgentKey, stored: Callable[[JobId], None]) -> None:
        """``stored`` is told of each return that the stream has."""
        self._executor = executor
        self._key = key
        self._stored = stored
        self._connection: Connection | None = None
        self._connected = asyncio.Event()
        self._small, self._large = asyncio.Semaphore(_SMALL), asyncio.Semaphore(_LARGE)
        self._tasks: dict[JobId, asyncio.Task[None]] = {}

    def attach(self, connection: Connection) -> None:
        """Use this connection from now on."""
        self._connection = connection
        self._connected.set()

    def detach(self) -> None:
        """There is no connection."""
        self._connection = None
        self._connected.clear()

    def add(self, jid: JobId) -> None:
        """Hand this job's return over, as soon as that can be."""
        if jid not in self._tasks:
            task = self._tasks[jid] = asyncio.create_task(self._deliver(jid), name=f"return of {jid}")
            task.add_done_callback(lambda _: self._tasks.pop(jid, None))

    async def close(self) -> None:
        """Stop; what was not handed over stays in the spool."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, jid: JobId) -> None:
        pause = _FIRST_PAUSE
        while True:
            await self._connected.wait()
            try:
                await self._hand_over(jid)
            except (Unavailable, OSError) as error:
                log.warning("the return of %s is not handed over yet: %s", jid, error)
            except Exception:
                log.exception("the return of %s could not be handed over; it is tried again", jid)
            else:
                return
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(pause * 2, _LAST_PAUSE)

    async def _hand_over(self, jid: JobId) -> None:
        """Return when the stream has it. Raises Unavailable, OSError."""
        result = self._read(jid)
        async with self._small if result.blob is None else self._large:
            connection = self._connection
            if connection is None:
                raise Unavailable("the connection was lost")
            if result.blob is not None:
                for number, piece in enumerate(self._executor.spool.chunks(jid)):
                    chunk = encode(Chunk(data=piece))
                    await connection.store(f"blob.{self._key}.{jid}.{number}", chunk, timeout=20)
            await connection.store(f"ret.{self._key}.{jid}", encode(result))
        self._executor.handed_over(jid)
        self._stored(jid)

    def _read(self, jid: JobId) -> Return:
        try:
            return self._executor.spool.read(jid)
        except (BadMessage, NotFound) as error:
            log.error("the return of %s is damaged in the spool: %s", jid, error)
            return Return(verdict=Status.LOST, retcode=1, reason="its return was damaged on the agent's disk")
