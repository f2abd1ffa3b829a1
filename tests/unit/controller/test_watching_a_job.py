"""Whoever watches a job learns the end of each target, whenever he comes and however slow he is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.controller.live import LiveJob, Part
from saltern.controller.returns import INLINE, as_settled
from saltern.controller.store import Returned
from saltern.controller.watch import job_updates
from saltern.messages.v1 import Error
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job, Tally, Target
from saltern.model.status import Status
from saltern.model.update import Begun, Counted, Ended, Output, Settled, Update

JID = JobId("20260101000000000000")
KEYS = [AgentKey(letter) for letter in "ABC"]
JOB = Job(jid=JID, fun="test.ping", target="*", user="root", created=0.0, timeout=60.0)


class World:
    """A live job, and a store that says what was recorded."""

    def __init__(self) -> None:
        self.live = LiveJob(JOB, {key: Part(key.lower(), Status.SENT, 0.0) for key in KEYS})
        self.recorded: dict[AgentKey, Returned] = {}

    @property
    def jobs(self) -> World:
        """Stand for the store's jobs."""
        return self

    @property
    def returns(self) -> World:
        """Stand for the store's returns."""
        return self

    async def tallies(self, jids: list[JobId]) -> dict[JobId, Tally]:
        """Count."""
        return {JID: Tally(dict(+self.live.counts))}

    async def stream(self, jid: JobId) -> AsyncIterator[Returned]:
        """Yield what is recorded, with time for others in between."""
        for returned in list(self.recorded.values()):
            yield returned
            await asyncio.sleep(0)

    async def of(self, jid: JobId, keys: set[AgentKey]) -> AsyncIterator[Returned]:
        """Yield those of some targets."""
        for key in sorted(keys):
            await asyncio.sleep(0)
            if key in self.recorded:
                yield self.recorded[key]

    def come_back(self, key: AgentKey, status: Status) -> None:
        """A return is recorded, then told: as the controller does it."""
        if key in self.recorded:
            return
        target = Target(jid=JID, key=key, name=key.lower(), status=status, updated=1.0, proven=True)
        self.recorded[key] = Returned(target=target, data=b'"x"', error=None)
        self.live.see(key, status, 1.0, proof=True)
        for watcher in self.live.watchers:
            watcher.settled(as_settled(target, b'"x"', None))

    def conclude(self, key: AgentKey, status: Status) -> None:
        """The controller's own word."""
        if self.live.see(key, status, 1.0):
            update = Settled(jid=JID, key=key, name=key.lower(), status=status)
            for watcher in self.live.watchers:
                watcher.settled(update)

    def say(self, key: AgentKey) -> None:
        """A line of output."""
        for watcher in self.live.watchers:
            watcher.progressed(Output(jid=JID, key=key, name=key.lower(), stream="stdout", data="line"))


EVENTS = st.one_of(
    st.tuples(st.just("return"), st.sampled_from(KEYS), st.sampled_from([Status.OK, Status.FAILED])),
    st.tuples(
        st.just("conclude"), st.sampled_from(KEYS), st.sampled_from([Status.UNRESPONSIVE, Status.LOST])
    ),
    st.tuples(st.just("say"), st.sampled_from(KEYS), st.just(Status.RUNNING)),
    st.tuples(st.just("wait"), st.sampled_from(KEYS), st.just(Status.SENT)),
    st.tuples(st.just("watch"), st.sampled_from(KEYS), st.just(Status.SENT)),
)


class Seen:
    """What one watcher was told, and how things stood when it was told the end."""

    def __init__(self) -> None:
        self.updates: list[Update] = []
        self.standing: dict[AgentKey, Status] = {}
        self.proven: set[AgentKey] = set()

    async def watch(self, world: World, output: bool) -> None:
        """Watch to the end."""
        async for update in job_updates(cast(Any, world), JOB, world.live, output=output):
            self.updates.append(update)
        self.standing = {key: part.status for key, part in world.live.parts.items()}
        self.proven = {key for key, part in world.live.parts.items() if part.proven}


async def watched(events: list[tuple[str, AgentKey, Status]], output: bool) -> list[Seen]:
    world, seen, tasks = World(), list[Seen](), list[asyncio.Task[None]]()
    for kind, key, status in [("watch", KEYS[0], Status.SENT), *events]:
        match kind:
            case "return":
                world.come_back(key, status)
            case "conclude":
                world.conclude(key, status)
            case "say":
                world.say(key)
            case "watch":
                seen.append(Seen())
                tasks.append(asyncio.create_task(seen[-1].watch(world, output)))
            case "wait":
                for _ in range(5):
                    await asyncio.sleep(0)
    for key in KEYS:
        world.come_back(key, Status.OK)
    await asyncio.wait_for(asyncio.gather(*tasks), 20)
    assert not world.live.watchers
    return seen


@settings(deadline=None, max_examples=60)
@given(st.lists(EVENTS, max_size=25), st.booleans())
def test_every_watcher_learns_every_end(events: list[tuple[str, AgentKey, Status]], output: bool) -> None:
    for seen in asyncio.run(watched(events, output)):
        first, *updates, end = seen.updates
        assert isinstance(first, Begun)
        assert first.targets == len(KEYS)
        assert isinstance(end, Ended)
        assert end.counts == Counter(seen.standing.values())
        last = {update.key: update for update in updates if isinstance(update, Settled)}
        assert {key: update.status for key, update in last.items()} == seen.standing
        assert all(last[key].data is not msgspec.UNSET for key in seen.proven), "a return without its data"
        assert output or not any(isinstance(update, Output) for update in updates)
        assert not any(isinstance(update, Begun | Ended) for update in updates)


def test_what_is_over_is_told_from_the_store() -> None:
    world = World()
    for key in KEYS:
        world.come_back(key, Status.FAILED)

    async def watch() -> list[Update]:
        return [update async for update in job_updates(cast(Any, world), JOB, None, output=True)]

    updates = asyncio.run(watch())
    assert [type(update) for update in updates] == [Begun, Settled, Settled, Settled, Ended]
    assert not any(isinstance(update, Counted) for update in updates)


def test_data_too_large_for_a_line_is_announced_by_its_size() -> None:
    target = Target(jid=JID, key=KEYS[0], name="a", status=Status.OK, updated=1.0, size=INLINE + 1)
    small = as_settled(target, b"1", None)
    assert (small.data, small.size) == (msgspec.Raw(b"1"), 0)
    for data in (None, bytes(INLINE + 1)):
        large = as_settled(target, data, None)
        assert (large.data, large.size) == (msgspec.UNSET, INLINE + 1)


def test_an_error_is_told_with_its_hint() -> None:
    target = Target(jid=JID, key=KEYS[0], name="a", status=Status.FAILED, updated=1.0)
    line = as_settled(target, None, Error(kind="usage", message="no", hint="so"))
    assert line.error == {"kind": "usage", "message": "no", "hint": "so"}
