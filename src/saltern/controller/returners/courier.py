"""Brings one returner what is owed to it: in batches, again and again until it has it, in nobody's way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Sequence

import msgspec

from saltern.controller.returners.base import Common, Delivery, Returner, Undeliverable
from saltern.controller.store import Store
from saltern.controller.store.deliveries import Owed
from saltern.controller.store.masking import masked
from saltern.controller.store.values import Pair
from saltern.foundation import settings as reading
from saltern.foundation.clock import Clock
from saltern.foundation.errors import SalternError, Unavailable
from saltern.model.ids import AgentKey, JobId

log = logging.getLogger("saltern.returners")

#: Seconds until the next try after a failure: at first, and at most.
FIRST, LONGEST = 1.0, 60.0
#: Seconds between looks for what nobody here was told of: another controller's, or a lease that ended.
_LOOK = 5.0
#: Seconds a lease lasts beyond the time a delivery may take.
_MARGIN = 15.0
#: Seconds between looks for what is too old or too much.
_TRIM = 60.0
#: Bytes of data in a batch.
_ROOM = 8 * 1024 * 1024


class Courier:
    """Serves one returner until it is cancelled."""

    def __init__(
        self, name: str, settings: Common, returner: Returner, store: Store, clock: Clock, look: float = _LOOK
    ) -> None:
        self.name = name
        self.settings = settings
        self.returner = returner
        self._store = store.deliveries
        self._clock = clock
        self._look = look
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._failures = 0
        self._rows = settings.batch
        self._trimmed = -_TRIM

    def wake(self) -> None:
        """There is something to deliver; or something is different, and it is worth a try."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver what is owed, as it comes."""
        while True:
            self._wake.clear()
            try:
                await self._trim()
                pause = await self._round()
            except SalternError as error:
                log.error("returner %s: the outbox does not answer: %s", self.name, error)
                pause = self._pause()
            if pause:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._rest(pause), pause)

    async def _rest(self, pause: float) -> None:
        """Wait: until woken when there was nothing to do, the whole pause after a failure."""
        if self._failures:
            await asyncio.sleep(pause)
        await self._wake.wait()

    async def _trim(self) -> None:
        now = self._clock.now()
        if self._clock.steady() - self._trimmed < _TRIM:
            return
        self._trimmed = self._clock.steady()
        keep = reading.duration(self.settings.keep)
        dropped = await self._store.trim(self.name, before=now - keep, most=self.settings.waiting)
        if dropped:
            log.warning("returner %s: %d returns are dropped, too old or too many", self.name, dropped)

    async def _round(self) -> float:
        """Deliver one batch; return how many seconds to rest before the next."""
        owed = await self._claim()
        if not owed:
            return self._look if not self._failures else self._pause()
        batch = [delivery_of(one) for one in owed]
        try:
            try:
                await self._bring(batch)
            except Unavailable as error:
                return await self._postpone(batch, error)
        except asyncio.CancelledError:
            await self._give_back(batch)
            raise
        return 0.0

    async def _claim(self) -> list[Owed]:
        """Return what is taken to be delivered; it goes back when we are cancelled meanwhile."""
        now = self._clock.now()
        claiming = asyncio.ensure_future(
            self._store.claim(
                self.name,
                now=now,
                until=now + self.settings.timeout + _MARGIN,
                rows=self._rows,
                room=_ROOM,
                largest=self.settings.largest,
            )
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with contextlib.suppress(SalternError):
                await self._give_back([delivery_of(one) for one in await claiming])
            raise

    async def _give_back(self, batch: Sequence[Delivery]) -> None:
        """The controller ends: whoever comes next need not wait for the lease."""
        if batch:
            await asyncio.shield(self._store.later(self.name, _pairs(batch), due=self._clock.now()))

    async def _bring(self, batch: Sequence[Delivery]) -> None:
        """Deliver a batch. Raises Unavailable."""
        try:
            await self._attempt(batch)
        except Undeliverable as refusal:
            await self._sort_out(batch, refusal)
        else:
            self._failures = 0
            self._rows = min(self._rows * 2, self.settings.batch)
            await self._store.done(self.name, _pairs(batch), at=self._clock.now())

    async def _sort_out(self, batch: Sequence[Delivery], refusal: Undeliverable) -> None:
        """Set aside what is refused. When nobody knows what that is, the next batch is half as large."""
        refused = dict(refusal.refused)
        if not refused and not refusal.later:
            if len(batch) > 1:
                self._rows = len(batch) // 2
                await self._store.later(self.name, _pairs(batch), due=self._clock.now())
                return
            refused = {batch[0].id: refusal.message}
        self._failures = 0
        now = self._clock.now()
        await self._store.refuse(
            self.name, {_pair(one): refused[one.id] for one in batch if one.id in refused}, at=now
        )
        again = [one for one in batch if one.id in refusal.later]
        left = {*refused, *refusal.later}
        if done := [one for one in batch if one.id not in left]:
            await self._store.done(self.name, _pairs(done), at=now)
        for one in batch:
            if one.id in refused:
                log.warning(
                    "returner %s refuses %s of job %s: %s", self.name, one.agent, one.jid, refused[one.id]
                )
        if again:
            await self._postpone(again, Unavailable(refusal.message))

    async def _attempt(self, batch: Sequence[Delivery]) -> None:
        """Raises Unavailable or Undeliverable, whatever the returner raises: it may be anybody's code."""
        try:
            async with self._one_at_a_time, asyncio.timeout(self.settings.timeout):
                await self.returner.deliver(batch)
        except (Unavailable, Undeliverable):
            raise
        except TimeoutError as error:
            raise Unavailable(f"it did not answer within {self.settings.timeout:g} s") from error
        except OSError as error:
            raise Unavailable(str(error) or type(error).__name__) from error
        except Exception as error:
            log.exception("returner %s failed", self.name)
            raise Undeliverable(f"{type(error).__name__}: {error}") from error

    async def _postpone(self, batch: Sequence[Delivery], error: Unavailable) -> float:
        self._failures += 1
        now, pause = self._clock.now(), self._pause()
        if self._failures == 1:
            log.warning("returner %s: %s; it is tried again", self.name, error.message)
        told = f"{error.message}; {error.hint}" if error.hint else error.message
        await self._store.later(self.name, _pairs(batch), due=now + pause, error=told, at=now)
        return pause

    def _pause(self) -> float:
        """Return seconds to rest after so many failures in a row; never two alike."""
        longest = min(FIRST * 2 ** min(self._failures - 1, 10), LONGEST) if self._failures else FIRST
        return longest * random.uniform(0.5, 1.0)  # noqa: S311

    async def test(self, probe: Delivery) -> None:
        """Deliver a return that nobody made. Raises Unavailable, Undeliverable."""
        await self._attempt([probe])


def delivery_of(owed: Owed) -> Delivery:
    """Return a return as returners get it: secrets in the arguments are covered."""
    job, target = owed.job, owed.target
    return Delivery(
        id=f"{job.jid}.{target.key}",
        jid=job.jid,
        key=target.key,
        agent=target.name,
        fun=job.fun,
        args=tuple(masked(job.args)),
        kwargs=masked(job.kwargs),
        user=job.user,
        target=job.target,
        target_kind=job.target_kind,
        status=target.status,
        retcode=target.retcode,
        reason=target.reason,
        error=msgspec.to_builtins(owed.error) if owed.error else None,
        created=job.created,
        started=target.started,
        finished=target.finished,
        size=target.size,
        data=msgspec.Raw(owed.data) if owed.data else msgspec.UNSET,
    )


def _pair(delivery: Delivery) -> Pair:
    return JobId(delivery.jid), AgentKey(delivery.key)


def _pairs(batch: Sequence[Delivery]) -> list[Pair]:
    return [_pair(one) for one in batch]
