"""What is to be done later, and what is done on the side."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from saltern.foundation.clock import Clock
from saltern.foundation.errors import Unavailable

log = logging.getLogger("saltern.jobs")


class Timers:
    """Runs things when they are due; ``run_due`` must be called now and then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()

    def after(self, seconds: float, work: Callable[[], None]) -> None:
        """Call ``work`` in so many seconds."""
        heapq.heappush(self._due, (self._clock.steady() + seconds, next(self._number), work))

    def run_due(self) -> None:
        """Do everything that is due now."""
        now = self._clock.steady()
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` on the side. What cannot be sent for want of a broker is logged."""

        async def guarded() -> None:
            try:
                await work
            except Unavailable as error:
                log.warning("not sent: %s", error)

        task = asyncio.ensure_future(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
