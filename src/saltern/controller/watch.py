"""Watching a job: what is known of it, then what comes, then its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from saltern.controller import rollout, steps
from saltern.controller.live import LiveJob, Watcher
from saltern.controller.returns import as_settled
from saltern.controller.store import Store
from saltern.foundation.errors import NotFound
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job
from saltern.model.status import SETTLED, Status
from saltern.model.update import Begun, Counted, Ended, Noted, Output, Settled, Update

#: Seconds between tallies.
_TALLY = 0.1
#: Seconds between words on how far runs of states are.
_STEPS = 0.25


async def job_updates(store: Store, job: Job, live: LiveJob | None, *, output: bool) -> AsyncIterator[Update]:
    """Yield Begun, a Settled for each target that has, what comes, and Ended last.

    A slow reader costs no memory: what it has not taken in time is read from the store again.
    """
    watcher = Watcher(output=output)
    if live is not None:
        live.watchers.add(watcher)
    try:
        tally = (await store.jobs.tallies([job.jid]))[job.jid]
        yield Begun(job=job, targets=sum(tally.counts.values()))
        told: dict[AgentKey, Status] = {}
        async for returned in store.returns.stream(job.jid):
            update = as_settled(returned.target, returned.data, returned.error, returned.snapshot)
            told[update.key] = update.status
            yield update
        for note in await _notes(store, job):
            yield note
        if live is not None:
            async for following in _follow(store, live, watcher, told):
                yield following
            yield Ended(jid=job.jid, counts=dict(+live.counts))
        else:
            yield Ended(jid=job.jid, counts=tally.counts)
    finally:
        if live is not None:
            live.watchers.discard(watcher)


async def _notes(store: Store, job: Job) -> tuple[Noted, ...]:
    """Return what a roll-out in steps has decided so far."""
    if job.rollout is None or not job.rollout.in_steps:
        return ()
    record = await store.rollouts.get(job.jid)
    return () if record is None else rollout.read(record).notes


async def _follow(
    store: Store, live: LiveJob, watcher: Watcher, told: dict[AgentKey, Status]
) -> AsyncIterator[Update]:
    loop = asyncio.get_running_loop()
    last_tally = last_steps = 0.0
    while True:
        watcher.changed.clear()
        over = live.settled
        for update in watcher.take():
            if isinstance(update, Output | Noted):
                yield update
            elif told.get(update.key) is not update.status:
                told[update.key] = update.status
                yield update
        async for late in _missed(store, live, watcher, told):
            yield late
        if over:
            async for late in _untold(store, live, told):
                yield late
        if over and not len(watcher) and not watcher.missed:
            return
        if loop.time() - last_tally >= _TALLY:
            last_tally = loop.time()
            yield Counted(jid=live.job.jid, counts=dict(+live.counts))
        if live.stepped and loop.time() - last_steps >= _STEPS:
            last_steps = loop.time()
            yield steps.stepped(live)
        try:
            await asyncio.wait_for(watcher.changed.wait(), 1.0)
        except TimeoutError:
            continue


async def _missed(
    store: Store, live: LiveJob, watcher: Watcher, told: dict[AgentKey, Status]
) -> AsyncIterator[Settled]:
    while watcher.missed:
        keys, watcher.missed = watcher.missed, set()
        async for update in _read(store, live, keys, told):
            yield update


async def _untold(store: Store, live: LiveJob, told: dict[AgentKey, Status]) -> AsyncIterator[Settled]:
    """Whoever settled between our reading of the store and now, unheard: nobody is left out."""
    untold = {
        key for key, part in live.parts.items() if part.status in SETTLED and told.get(key) is not part.status
    }
    async for update in _read(store, live, untold, told):
        yield update


async def _read(
    store: Store, live: LiveJob, keys: set[AgentKey], told: dict[AgentKey, Status]
) -> AsyncIterator[Settled]:
    async for returned in store.returns.of(live.job.jid, keys):
        target = returned.target
        if target.status is live.parts[target.key].status:
            keys.discard(target.key)
            told[target.key] = target.status
            yield as_settled(target, returned.data, returned.error, returned.snapshot)
    for key in keys:  # the store does not have it yet
        part = live.parts[key]
        told[key] = part.status
        yield Settled(jid=live.job.jid, key=key, name=part.name, status=part.status, reason=part.reason)


async def require_job(store: Store, jid: JobId) -> Job:
    """Return the job. Raises NotFound."""
    job = await store.jobs.get(jid)
    if job is None:
        raise NotFound(f"there is no job {jid}", hint="see `saltern job list`; old jobs are removed")
    return job
