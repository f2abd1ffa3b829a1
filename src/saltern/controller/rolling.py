"""Roll-outs in steps, driven: a batch works, is checked, and only then the next; or all stops and is undone.

What a roll-out is at is in the store before it is done. Of several controllers the one with the lease drives
it; when that dies, another goes on where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import msgspec

from saltern.controller import rollout
from saltern.controller.jobs import Jobs
from saltern.controller.live import LiveJob
from saltern.controller.returns import as_settled
from saltern.controller.rollout import Record, Stage
from saltern.controller.sending import FAILURES
from saltern.controller.store import Store
from saltern.foundation.clock import Clock
from saltern.foundation.errors import SalternError
from saltern.identity.authorise import Action, Decision, Targets, authorise
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Check, Job, Rollout
from saltern.model.request import RunRequest
from saltern.model.status import SETTLED, Status
from saltern.model.update import Noted, Settled
from saltern.targeting import fold

log = logging.getLogger("saltern.rollouts")

#: Seconds a controller has a roll-out to itself after it last said so.
LEASE = 15.0
#: Seconds between two looks for roll-outs that nobody drives, and how a batch is.
_LOOK = 1.0
_POLL = 0.1
#: Seconds between two tries of a check that has not passed yet.
_AGAIN = 2.0
#: Seconds a check, or an undoing, may run on an agent.
_TIMEOUT = 600.0

Resolve = Callable[[str, str], Targets]
OnRecord = Callable[[Decision], Awaitable[None]]


class Rolling:
    """Drives roll-outs. ``me`` is this controller's own name among others."""

    def __init__(
        self, *, store: Store, jobs: Jobs, clock: Clock, me: str, resolve: Resolve, on_record: OnRecord
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._clock = clock
        self._me = me
        self._resolve = resolve
        self._on_record = on_record
        self._drives: dict[JobId, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Drive what nobody else does, until cancelled."""
        try:
            while True:
                try:
                    await self._look()
                except SalternError as error:
                    log.error("roll-outs are not looked after: %s", error)
                await asyncio.sleep(_LOOK)
        finally:
            for drive in self._drives.values():
                drive.cancel()
            await asyncio.gather(*self._drives.values(), return_exceptions=True)

    async def _look(self) -> None:
        is_open = await self._store.rollouts.open()
        for live in self._jobs.live.values():
            if live.driven and live.job.jid not in is_open and not self._is_young(live.job):
                _let_go(live)
        for jid in is_open:
            if jid not in self._drives and await self._lease(jid):
                self._drives[jid] = asyncio.create_task(self._drive(jid))

    def _is_young(self, job: Job) -> bool:
        """Tell that a roll-out may have been recorded after we looked."""
        return self._clock.now() - job.created < 2 * _LOOK

    async def _lease(self, jid: JobId) -> bool:
        now = self._clock.now()
        return await self._store.rollouts.lease(f"rollout/{jid}", self._me, now, now + LEASE)

    async def _drive(self, jid: JobId) -> None:
        """Take a roll-out to its end, or until the lease is another's."""
        try:
            found = await self._store.rollouts.get(jid)
            live = await self._jobs.take_up(jid)
            if found is None or live is None:
                await self._store.rollouts.put(jid, found or "{}", over=True)
                return
            drive = Drive(self._store, self._jobs, self._clock, live, rollout.read(found), self)
            async with self._leased(jid):
                await drive.run()
            _let_go(live)
        except SalternError as error:
            log.error("roll-out %s waits: %s", jid, error)
        except Exception:
            log.exception("roll-out %s is not driven on; it is tried again", jid)
        finally:
            with contextlib.suppress(SalternError):
                await self._store.rollouts.release(f"rollout/{jid}", self._me)
            self._drives.pop(jid, None)

    @contextlib.asynccontextmanager
    async def _leased(self, jid: JobId) -> AsyncIterator[None]:
        """Keep the lease; when it is lost, whatever is done within is cancelled."""
        driving = asyncio.current_task()
        assert driving is not None

        async def keep() -> None:
            while True:
                if not await self._lease(jid):
                    driving.cancel()
                await asyncio.sleep(LEASE / 3)

        keeping = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeping.cancel()

    async def start(self, record: Record, targets: Targets, request: RunRequest) -> Job:
        """Start a job in the name of whom the roll-out is, decided about and recorded like any other."""
        arguments = {"fun": request.fun, "args": request.args, "kwargs": request.kwargs}
        decision = authorise(record.principal, Action.JOB_RUN, targets, arguments)
        await self._on_record(decision)
        return await self._jobs.run(decision, request)

    def resolve(self, check: Check) -> Targets:
        """Return where a check is run, when that is not the batch. Raises UsageError."""
        return self._resolve(check.target, check.target_kind)


async def _until(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110  many things make it true, and none of them knows of us
        await asyncio.sleep(_POLL)


def _let_go(live: LiveJob) -> None:
    live.driven = False
    live.moved()


class Drive:
    """One roll-out, from where it is to its end."""

    def __init__(
        self, store: Store, jobs: Jobs, clock: Clock, live: LiveJob, record: Record, rolling: Rolling
    ) -> None:
        assert live.job.rollout is not None
        self._store = store
        self._jobs = jobs
        self._clock = clock
        self._live = live
        self._record = record
        self._rolling = rolling
        self._wanted: Rollout = live.job.rollout
        self._total = sum(part.status is not Status.OFFLINE for part in live.parts.values())

    async def run(self) -> None:
        """Do stage after stage."""
        stages = {
            Stage.WORKING: self._work,
            Stage.CHECKING: self._check,
            Stage.RESTING: self._rest,
            Stage.UNDOING: self._undo,
        }
        while self._record.stage is not Stage.OVER:
            await stages[self._record.stage]()

    async def _go(self, stage: Stage, note: str = "", *, failed: bool = False, **fields: Any) -> None:
        """Put on record what is done next, before it is done."""
        now = self._clock.now()
        told = Noted(jid=self._live.job.jid, at=now, text=note, failed=failed)
        notes = (*self._record.notes, told) if note else self._record.notes
        self._record = msgspec.structs.replace(self._record, stage=stage, since=now, notes=notes, **fields)
        text = rollout.stored(self._record)
        await self._store.rollouts.put(self._live.job.jid, text, over=stage is Stage.OVER)
        if note:
            for watcher in self._live.watchers:
                watcher.noted(told)

    # --- a batch at work ---------------------------------------------------------------------------------

    async def _work(self) -> None:
        if not self._record.batch:
            await self._choose()
            return
        batch = self._record.batch
        waiting = [key for key in batch if self._live.parts[key].status is Status.QUEUED]
        if waiting and not self._live.job.cancelled_by:
            await self._jobs.send(self._live, waiting)
        await _until(lambda: all(self._live.parts[key].status in SETTLED for key in batch))
        if self._live.job.cancelled_by:
            await self._go(Stage.OVER)
            return
        failed = sum(self._live.counts[status] for status in FAILURES)
        why = rollout.verdict(self._wanted, failed, self._total)
        if why:
            await self._stop(why)
        else:
            await self._go(Stage.CHECKING if self._wanted.checks else Stage.RESTING)

    async def _choose(self) -> None:
        """Choose the next batch among those who are there; who has just left is waited for a while."""
        live = self._live
        waiting = [key for key, part in live.parts.items() if part.status is Status.QUEUED]
        there = {key: self._jobs.turn_of(key) for key in waiting}
        self._jobs.pass_over(live, [key for key in waiting if there[key] is False], Status.OFFLINE)
        batch = rollout.next_batch(self._wanted, [key for key in waiting if there[key]], self._total)
        if batch:
            number = self._record.number + 1
            note = f"batch {number}: {self._named(batch)}"
            await self._go(Stage.WORKING, note, batch=batch, number=number)
        elif any(end is None for end in there.values()):
            await asyncio.sleep(_POLL)
        else:
            await self._go(Stage.OVER)

    # --- is it well? -------------------------------------------------------------------------------------

    async def _check(self) -> None:
        deadline = self._record.since + self._wanted.check_within
        while True:
            bad = await self._failing_check()
            if not bad or self._clock.now() >= deadline:
                break
            await asyncio.sleep(_AGAIN)
        if bad:
            await self._stop(bad)
        else:
            await self._go(Stage.RESTING, f"batch {self._record.number} passed {_named_checks(self._wanted)}")

    async def _failing_check(self) -> str:
        """Return which check does not pass, and where; empty when all do."""
        for check in self._wanted.checks:
            targets = (
                self._rolling.resolve(check) if check.target else self._of_batch({Status.OK, Status.FAILED})
            )
            if not targets.members:
                return f"check {check.fun} has nobody to run on" if check.target else ""
            request = RunRequest(fun=check.fun, args=check.args, kwargs=check.kwargs, timeout=_TIMEOUT)
            ends = await self._ends(await self._rolling.start(self._record, targets, request))
            bad = [end for end in ends if not rollout.passes(end)]
            if bad:
                names = fold([end.name for end in bad])
                return f"check {check.fun} failed on {names} (job {bad[0].jid}: {_why(bad[0])})"
        return ""

    def _of_batch(self, statuses: Collection[Status]) -> Targets:
        """Return those of the batch with such an end."""
        parts = {key: self._live.parts[key] for key in self._record.batch}
        members = {key: part.name for key, part in parts.items() if part.status in statuses}
        return Targets(members, self._live.job.target, self._live.job.target_kind)

    async def _ends(self, job: Job) -> list[Settled]:
        """Return how a job of ours has ended everywhere."""
        live = await self._jobs.take_up(job.jid)
        if live is not None:
            await _until(lambda: live.settled)
        await self._jobs.flush()
        return [
            as_settled(one.target, one.data, one.error) async for one in self._store.returns.stream(job.jid)
        ]

    # --- and then? ---------------------------------------------------------------------------------------

    async def _rest(self) -> None:
        until = self._record.since + self._wanted.wait
        if any(part.status is Status.QUEUED for part in self._live.parts.values()):
            await _until(lambda: self._clock.now() >= until or bool(self._live.job.cancelled_by))
        await self._go(Stage.WORKING, batch=())

    async def _stop(self, why: str) -> None:
        """Let nobody else have a turn; undo the batch where that was asked for."""
        live = self._live
        waiting = [key for key, part in live.parts.items() if part.status is Status.QUEUED]
        self._jobs.pass_over(live, waiting, Status.CANCELLED, f"not run: {why}")
        note = f"stopped in batch {self._record.number}: {why}"
        stage = Stage.UNDOING if self._wanted.rollback else Stage.OVER
        await self._go(stage, note, failed=True, reason=why)

    async def _undo(self) -> None:
        """Undo what this job did on the batch, and say what could not be undone."""
        ran = {Status.OK, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED, Status.LOST, Status.UNRESPONSIVE}
        targets = self._of_batch(ran)
        if not targets.members:
            await self._go(Stage.OVER, "nothing was run that could be undone")
            return
        request = RunRequest(fun="state.undo", kwargs={"run": self._live.job.jid}, timeout=_TIMEOUT)
        job = await self._rolling.start(self._record, targets, request)
        ends = await self._ends(job)
        await self._go(
            Stage.OVER, _undone(job, ends), failed=any(end.status is not Status.OK for end in ends)
        )

    def _named(self, keys: Collection[AgentKey]) -> str:
        return fold([self._live.parts[key].name for key in keys])


def _named_checks(wanted: Rollout) -> str:
    return ", ".join(check.fun for check in wanted.checks)


def _why(end: Settled) -> str:
    if end.status is Status.OK:
        return "it returned false"
    error = end.error or {}
    return str(error.get("message") or end.reason or end.status)[:500]


def _undone(job: Job, ends: list[Settled]) -> str:
    """Return what an undoing came to, a line for what is worth knowing."""
    well = [end.name for end in ends if end.status is Status.OK]
    lines = [f"undone on {fold(well)} (job {job.jid})"] if well else []
    lines += [f"NOT undone on {end.name}: {_why(end)}" for end in ends if end.status is not Status.OK]
    left: dict[str, list[str]] = {}
    for end in ends:
        for what in _left(end):
            left.setdefault(what, []).append(end.name)
    lines += [f"could not be undone on {fold(names)}: {what}" for what, names in left.items()]
    return "\n".join(lines)


def _left(end: Settled) -> list[str]:
    """Return what an agent could not undo, as it says itself."""
    if isinstance(end.data, msgspec.UnsetType):
        return []
    try:
        return msgspec.json.decode(end.data, type=_Undone).left
    except msgspec.DecodeError:
        return []


class _Undone(msgspec.Struct):
    left: list[str] = []
