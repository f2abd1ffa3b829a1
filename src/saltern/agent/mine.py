"""The mine's rounds: at an interval the agent has its mine functions run, and what is new sent."""

from __future__ import annotations

import asyncio
import logging
import random

from saltern.agent.executor import Executor
from saltern.agent.settings import AgentSettings
from saltern.foundation.clock import Clock
from saltern.foundation.errors import BadMessage, NotFound, Refused
from saltern.messages.v1 import Order
from saltern.model.ids import AgentKey, JobId, new_job_id
from saltern.model.status import Status

log = logging.getLogger("saltern.agent")

#: Seconds that a round may take.
_TIMEOUT = 600.0


def own_job_id(now: float) -> JobId:
    """Return an id for a job of the agent's own: no controller's begins with 0."""
    return JobId("0" + new_job_id(now)[1:])


def is_own(jid: JobId) -> bool:
    """Tell whether the agent itself has made the job: nobody else is to hear of it."""
    return jid.startswith("0")


class Rounds:
    """Has ``mine.update`` run in a worker, like any job, save that nobody hears of it."""

    def __init__(
        self,
        executor: Executor,
        key: AgentKey,
        settings: AgentSettings,
        clock: Clock,
        connected: asyncio.Event,
    ) -> None:
        """Begin rounds only while ``connected`` is set."""
        self._executor = executor
        self._key = key
        self._settings = settings
        self._clock = clock
        self._connected = connected

    async def run(self) -> None:
        """Go round until cancelled; the first time within ``mine_splay`` seconds."""
        if not self._settings.mine_enabled:
            return
        await asyncio.sleep(random.uniform(0, self._settings.mine_splay))  # noqa: S311
        while True:
            await self._connected.wait()
            if not any(is_own(job.jid) for job in self._executor.jobs()):
                await self._go()
            await asyncio.sleep(self._settings.mine_interval * 60 * random.uniform(0.9, 1.0))  # noqa: S311

    async def _go(self) -> None:
        now = self._clock.now()
        order = Order(
            jid=own_job_id(now),
            to=self._key,
            issued=now,
            expires=now + _TIMEOUT,
            nonce=b"",
            fun="mine.update",
            timeout=_TIMEOUT,
            user="mine",
        )
        try:
            await self._executor.submit(order)
        except Refused as error:
            log.warning("the mine is not updated now: %s", error)

    def finished(self, jid: JobId) -> None:
        """A round has ended; say so when it did not go well."""
        try:
            result = self._executor.spool.read(jid)
        except (NotFound, BadMessage) as error:
            log.warning("how a round of the mine ended is not known: %s", error)
        else:
            if result.verdict is not Status.OK:
                said = result.error.message if result.error else result.reason
                log.warning("the mine is not up to date: %s", said)
        self._executor.handed_over(jid)
