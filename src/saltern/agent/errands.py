"""What the loop does with the controllers on behalf of jobs: questions, files to fetch and to send."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from saltern.agent import pushing, questions
from saltern.agent.cache import Cache
from saltern.agent.fetching import Fetcher
from saltern.foundation.clock import Clock
from saltern.foundation.errors import Unavailable
from saltern.identity.keys import PublicKey
from saltern.model.ids import AgentKey
from saltern.transport.connection import Connection

#: Seconds in which a question to the controllers is asked again, while none answers.
ASK_WITHIN = 100.0
#: Seconds to pause before that: at first, and at most.
FIRST_PAUSE, LAST_PAUSE = 0.2, 5.0
_ROOM = "is there room on the agent's disk?"


class Errands:
    """Of one agent, on whichever connection there is."""

    def __init__(
        self,
        key: AgentKey,
        signer: PublicKey,
        cache: Cache,
        clock: Clock,
        *,
        room: int,
        emit: Callable[[str, dict[str, str]], Awaitable[None]],
    ) -> None:
        """``signer`` signs answers; ``room`` is how many bytes the cache takes; ``emit`` tells an event."""
        self._key = key
        self._signer = signer
        self._clock = clock
        self._cache = cache
        self._fetcher = Fetcher(key, cache, room=room, ask=self.ask, emit=emit)
        self._connection: Connection | None = None

    async def attach(self, connection: Connection) -> None:
        """Use this connection from now on. Raises Unavailable."""
        await self._fetcher.attach(connection)
        self._connection = connection

    def detach(self) -> None:
        """The connection is gone: wait for the next."""
        self._fetcher.detach()
        self._connection = None

    async def ask(self, service: str, data: bytes) -> bytes:
        """Ask the controllers and return the answer; wait for one to be there. Raises SalternError."""
        deadline, pause = self._clock.steady() + ASK_WITHIN, FIRST_PAUSE
        while True:
            try:
                if self._connection is None:
                    raise questions.NobodyAnswers("the agent is not connected")
                return await questions.ask(self._connection, self._key, self._signer, service, data)
            except questions.NobodyAnswers:
                if self._clock.steady() + pause > deadline:
                    raise
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(pause * 2, LAST_PAUSE)

    async def fetch(self, blobs: Sequence[tuple[str, int]]) -> Path:
        """Have files brought into the cache, and return its directory. Raises SalternError."""
        try:
            await self._fetcher.fetch(blobs)
        except OSError as error:
            raise Unavailable(
                f"files can't be kept: {error.strerror}", where=str(self._cache.directory), hint=_ROOM
            ) from error
        return self._cache.directory

    async def push(self, source: str, path: str) -> None:
        """Send a file to the controllers. Raises SalternError."""
        if self._connection is None:
            raise Unavailable("the agent is not connected")
        await pushing.push(self._connection, self._key, self.ask, source, path)
