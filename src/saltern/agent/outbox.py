"""Hands finished returns over to the stream, and forgets each only when the stream has it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from saltern.agent.executor import Executor
from saltern.foundation.errors import BadMessage, NotFound, Unavailable
from saltern.messages.v1 import Chunk, Return, encode
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status
from saltern.transport.connection import Connection

log = logging.getLogger("saltern.agent")

#: Returns on their way at the same time.
_AT_ONCE = 32
#: Seconds to pause when the stream takes nothing: at first, and at most.
_FIRST_PAUSE, _LAST_PAUSE = 0.5, 20.0


class Outbox:
    """Drains the executor's spool whenever there is a connection."""

    def __init__(self, executor: Executor, key: AgentKey, stored: Callable[[JobId], None]) -> None:
        """``stored`` is told of each return that the stream has."""
        self._executor = executor
        self._key = key
        self._stored = stored
        self._connection: Connection | None = None
        self._work = asyncio.Event()

    def attach(self, connection: Connection) -> None:
        """Use this connection from now on."""
        self._connection = connection
        self._work.set()

    def detach(self) -> None:
        """There is no connection."""
        self._connection = None

    def wake(self) -> None:
        """There is something to hand over."""
        self._work.set()

    async def run(self) -> None:
        """Hand over what there is, as it comes, until cancelled."""
        pause = _FIRST_PAUSE
        under_way: dict[JobId, asyncio.Task[bool]] = {}
        while True:
            await self._work.wait()
            self._work.clear()
            connection = self._connection
            if connection is None:
                continue
            for jid in self._executor.finished():
                if jid not in under_way and len(under_way) < _AT_ONCE:
                    task = under_way[jid] = asyncio.create_task(self._hand_over(connection, jid))
                    task.add_done_callback(lambda _: self._work.set())
            failed = False
            for jid, task in list(under_way.items()):
                if task.done():
                    del under_way[jid]
                    failed |= not task.result()
                    self._work.set()
            if failed:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LAST_PAUSE)
            else:
                pause = _FIRST_PAUSE
            if not under_way and not self._executor.finished():
                self._work.clear()

    async def _hand_over(self, connection: Connection, jid: JobId) -> bool:
        """Tell whether the stream has it now."""
        spool = self._executor.spool
        try:
            result = self._read(jid)
            if result.blob is not None:
                for number, piece in enumerate(spool.chunks(jid)):
                    chunk = encode(Chunk(data=piece))
                    await connection.store(f"blob.{self._key}.{jid}.{number}", chunk, timeout=20)
            await connection.store(f"ret.{self._key}.{jid}", encode(result))
        except (Unavailable, OSError) as error:
            log.warning("the return of %s is not handed over yet: %s", jid, error)
            return False
        self._executor.handed_over(jid)
        self._stored(jid)
        return True

    def _read(self, jid: JobId) -> Return:
        try:
            return self._executor.spool.read(jid)
        except (BadMessage, NotFound) as error:
            log.error("the return of %s is damaged in the spool: %s", jid, error)
            return Return(verdict=Status.LOST, retcode=1, reason="its return was damaged on the agent's disk")
