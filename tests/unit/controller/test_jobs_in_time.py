"""A job's targets as time goes by, the clock moved by hand: who is silent, who comes back, who never does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import pytest

from saltern.controller.jobs import Jobs
from saltern.controller.presence import Link, LinkId, Presence
from saltern.controller.settings import ControllerSettings
from saltern.controller.store import Update
from saltern.foundation.errors import NotAllowed, Unavailable, UsageError
from saltern.identity.authorise import Action, Decision, Principal, Role, Targets, authorise
from saltern.identity.keys import KeyPair, Kind, PublicKey
from saltern.messages.v1 import Ack, Beat, Cancel, Hello, Order, Probe, Pulse
from saltern.messages.v1.orders import verify
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job, Target
from saltern.model.request import RunRequest
from saltern.model.status import Status
from saltern.model.update import Settled

WEB, DB = (AgentKey(KeyPair.new(Kind.USER).public) for _ in range(2))
ADMIN = Principal(name="root", role=Role.ADMIN, via="unix:0")


class World:
    """Everything around Jobs, in memory: clock, fleet, store, fabric, authority, peers."""

    def __init__(self, *present: AgentKey) -> None:
        self.time = 1000.0
        self.orders = KeyPair.new(Kind.USER)
        self.presence = Presence(dict.fromkeys((WEB, DB), "one"))
        for key in present:
            self.presence.connected(self.link(key))
        self.sent: list[tuple[AgentKey, Order | Cancel | Probe]] = []
        self.down = False
        self.statuses: dict[AgentKey, Status] = {}
        self.made = Jobs(
            fleet=cast(Any, self),
            store=cast(Any, self),
            fabric=cast(Any, self),
            authority=cast(Any, self),
            peers=cast(Any, self),
            returners=cast(Any, self),
            settings=ControllerSettings(),
            clock=self,
        )

    def link(self, key: AgentKey) -> Link:
        """Return the agent's connection."""
        return Link(LinkId("s", (WEB, DB).index(key)), key, "one", "192.0.2.1", self.time)

    # returners

    def chosen(self, fun: str, asked: Sequence[str]) -> tuple[str, ...]:
        """Return nobody."""
        return ()

    # clock

    def now(self) -> float:
        """Return the time."""
        return self.time

    def steady(self) -> float:
        """Return the same."""
        return self.time

    # fleet

    def get(self, key: AgentKey) -> Agent | None:
        """Return an agent last seen at 880."""
        return Agent(
            key=key,
            name="x",
            state=KeyState.ACCEPTED,
            fingerprint="",
            created=1.0,
            since=880.0,
            last_seen=880.0,
        )

    # store

    @property
    def plans(self) -> World:
        """Stand for the store's plans."""
        return self

    async def part(self, id: str, key: AgentKey) -> dict[str, Any]:
        """Have no plan."""
        return {}

    @property
    def jobs(self) -> World:
        """Stand for the store's jobs."""
        return self

    targets = jobs

    async def create(self, job: Job, targets: list[Target]) -> None:
        """Record them."""
        assert not self.sent, "recorded before anything is sent"
        self.statuses = {target.key: target.status for target in targets}

    async def record(self, updates: list[Update]) -> World:
        """Record statuses; all are news."""
        self.statuses |= {update.key: update.status for update in updates}
        self.changed = updates
        return self

    async def cancelled(self, jid: JobId, user: str) -> None:
        """Record that it is cancelled."""

    # fabric, peers

    @property
    def connection(self) -> World:
        """Stand for the connection."""
        if self.down:
            raise Unavailable("the broker is not there")
        return self

    max_data = 1_000_000

    async def publish(self, subject: str, data: bytes) -> None:
        """Keep what is sent, as the agent would read it."""
        key = AgentKey(subject.removeprefix("job."))
        self.sent.append((key, verify(data, PublicKey(self.orders.public), key, self.time)))

    def tell(self, news: object) -> None:
        """Nobody else is here."""

    # driving

    def decision(self, action: Action = Action.JOB_RUN) -> Decision:
        """Return one about both agents."""
        return authorise(ADMIN, action, Targets({WEB: "web", DB: "db"}, "*"))

    async def settle(self) -> None:
        """Let everything that was begun be done."""
        for _ in range(10):
            await asyncio.sleep(0)

    async def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds
        self.made._timers.run_due()
        await self.settle()

    def comes(self, key: AgentKey) -> None:
        """An agent connects."""
        for change in self.presence.connected(self.link(key)):
            self.made.present(change)

    def goes(self, key: AgentKey) -> None:
        """An agent's connection ends."""
        for change in self.presence.disconnected(self.link(key).id, self.time):
            self.made.present(change)

    def returns(self, job: Job, key: AgentKey, status: Status = Status.OK) -> None:
        """A return was recorded."""
        target = Target(jid=job.jid, key=key, name="x", status=status, updated=self.time, proven=True)
        self.made.returned(target, Settled(jid=job.jid, key=key, name="x", status=status))

    def status(self, job: Job, key: AgentKey) -> tuple[Status, str]:
        """Return what is known."""
        part = self.made.live[job.jid].parts[key]
        return part.status, part.reason


def play(script: Callable[[World, Job], Awaitable[None]], *present: AgentKey, **request: Any) -> None:
    """Make a job in a world where some agents are present, and go through the script."""

    async def run() -> None:
        world = World(*present)
        job = await world.made.run(world.decision(), RunRequest(fun="test.ping", **request))
        await world.settle()
        await script(world, job)

    asyncio.run(run())


def test_who_is_there_gets_the_order_and_who_is_not_is_offline_at_once() -> None:
    async def script(world: World, job: Job) -> None:
        [(key, order)] = world.sent
        assert (key, type(order), order.to) == (WEB, Order, WEB)
        assert world.status(job, DB) == (Status.OFFLINE, "not connected, last seen 2 min ago")
        assert world.statuses == {WEB: Status.SENT, DB: Status.OFFLINE}

    play(script, WEB)


def test_who_does_not_acknowledge_is_unresponsive_until_he_does() -> None:
    async def script(world: World, job: Job) -> None:
        await world.pass_(2.9)
        assert world.status(job, WEB)[0] is Status.SENT
        world.made.heard(WEB, job.jid, Ack(at=0.0))
        await world.pass_(1.0)
        assert world.status(job, WEB)[0] is Status.RECEIVED
        assert world.status(job, DB) == (Status.UNRESPONSIVE, "connected, but did not acknowledge within 3 s")
        world.made.heard(DB, job.jid, Ack(at=0.0, running=True))
        assert world.status(job, DB) == (Status.RUNNING, "")

    play(script, WEB, DB)


def test_an_agent_lost_while_the_job_ran_is_lost_after_a_while_and_its_return_puts_that_right() -> None:
    async def script(world: World, job: Job) -> None:
        world.made.heard(WEB, job.jid, Ack(at=0.0, running=True))
        world.goes(WEB)
        await world.pass_(19.0)
        assert world.status(job, WEB)[0] is Status.RUNNING
        await world.pass_(1.5)
        status, reason = world.status(job, WEB)
        assert status is Status.LOST
        assert "connection was lost" in reason
        world.returns(job, WEB)
        assert world.status(job, WEB)[0] is Status.OK
        await world.made.flush()
        world.made._look(world.time)
        assert job.jid not in world.made.live, "all is known, nobody watches"

    play(script, WEB)


def test_an_agent_back_in_time_goes_on() -> None:
    async def script(world: World, job: Job) -> None:
        world.made.heard(WEB, job.jid, Ack(at=0.0, running=True))
        world.goes(WEB)
        await world.pass_(10.0)
        world.comes(WEB)
        await world.pass_(30.0)
        assert world.status(job, WEB)[0] is Status.RUNNING

    play(script, WEB)


def test_an_order_that_got_lost_is_sent_again_when_the_agent_says_hello() -> None:
    async def script(world: World, job: Job) -> None:
        world.sent.clear()
        world.made.accounted(WEB, Hello(instance="one", version="1", name="web"))
        await world.settle()
        assert [type(order) for _, order in world.sent] == [Order]

    play(script, WEB)


def test_a_job_the_agent_does_not_know_of_any_more_is_lost() -> None:
    async def script(world: World, job: Job) -> None:
        world.made.heard(WEB, job.jid, Ack(at=0.0, running=True))
        await world.pass_(1.0)
        world.made.accounted(WEB, Pulse(instance="one"))
        await world.pass_(9.0)
        assert world.status(job, WEB)[0] is Status.RUNNING, "its return may be on the way"
        await world.pass_(2.0)
        assert world.status(job, WEB) == (Status.LOST, "the agent has no trace of it any more")

    play(script, WEB)


def test_a_job_the_agent_tells_of_is_there() -> None:
    async def script(world: World, job: Job) -> None:
        await world.pass_(4.0)
        assert world.status(job, WEB)[0] is Status.UNRESPONSIVE
        world.made.accounted(WEB, Pulse(instance="one", spooled=(job.jid,)))
        assert world.status(job, WEB)[0] is Status.RECEIVED

    play(script, WEB)


def test_a_queued_job_is_sent_when_the_agent_comes_and_once() -> None:
    async def script(world: World, job: Job) -> None:
        assert world.status(job, DB)[0] is Status.QUEUED
        world.sent.clear()
        for _ in range(2):
            world.comes(DB)
            await world.settle()
            world.goes(DB)
        assert [(key, type(order)) for key, order in world.sent] == [(DB, Order)]
        assert world.statuses[DB] is Status.SENT, "recorded before it is sent"

    play(script, WEB, queue=3600.0)


def test_a_cancel_reaches_who_has_it_and_ends_it_where_it_waits() -> None:
    async def script(world: World, job: Job) -> None:
        world.sent.clear()
        tally = await world.made.cancel(world.decision(Action.JOB_CANCEL), job.jid)
        assert [(key, type(order), getattr(order, "user", "")) for key, order in world.sent] == [
            (WEB, Cancel, "root")
        ]
        assert tally.counts == {Status.SENT: 1, Status.CANCELLED: 1}

    play(script, WEB, queue=3600.0)


def test_a_cancel_that_got_lost_is_sent_again_when_the_agent_tells_of_the_job() -> None:
    async def script(world: World, job: Job) -> None:
        await world.made.cancel(world.decision(Action.JOB_CANCEL), job.jid)
        world.sent.clear()
        world.made.accounted(WEB, Hello(instance="two", version="1", name="web", jobs=(job.jid,)))
        await world.settle()
        assert [type(order) for _, order in world.sent] == [Cancel]

    play(script, WEB)


def test_a_silent_job_is_asked_after_then_unresponsive() -> None:
    async def script(world: World, job: Job) -> None:
        world.made.heard(WEB, job.jid, Beat(at=0.0, started=0.0))
        world.sent.clear()
        world.time += 36.0
        world.made._look(world.time)
        await world.settle()
        assert [type(order) for _, order in world.sent] == [Probe]
        world.time += 10.0
        world.made._look(world.time)
        assert world.status(job, WEB) == (Status.UNRESPONSIVE, "connected, but not heard of for 46 s")

    play(script, WEB)


def test_statuses_that_changed_are_written_and_what_a_return_proved_is_not() -> None:
    async def script(world: World, job: Job) -> None:
        world.made.heard(WEB, job.jid, Ack(at=0.0, running=True))
        world.made.heard(DB, job.jid, Ack(at=0.0, running=True))
        world.returns(job, DB, Status.FAILED)
        await world.made.flush()
        assert [(update.key, update.status) for update in world.changed] == [(WEB, Status.RUNNING)]

    play(script, WEB, DB)


def test_what_strangers_say_of_a_job_is_passed_over() -> None:
    async def script(world: World, job: Job) -> None:
        stranger = AgentKey(KeyPair.new(Kind.USER).public)
        world.made.heard(stranger, job.jid, Ack(at=0.0))
        world.made.heard(WEB, JobId("nonsense"), Ack(at=0.0))
        world.made.accounted(stranger, Pulse(instance="x", jobs=(job.jid,)))
        world.made.unreadable(job.jid, stranger, "garbage")
        assert world.made.live[job.jid].counts == {Status.SENT: 2}

    play(script, WEB, DB)


def test_without_a_broker_nothing_is_promised() -> None:
    async def run() -> None:
        world = World(WEB)
        world.down = True
        with pytest.raises(Unavailable):
            await world.made.run(world.decision(), RunRequest(fun="test.ping"))
        assert world.statuses == {}

    asyncio.run(run())


@pytest.mark.parametrize(
    "request_",
    [RunRequest(fun="x", timeout=0.0), RunRequest(fun="x", timeout=-1.0), RunRequest(fun="x" * 2_000_000)],
)
def test_what_makes_no_sense_is_refused_before_anything_is_recorded(request_: RunRequest) -> None:
    async def run() -> None:
        world = World(WEB)
        with pytest.raises(UsageError):
            await world.made.run(world.decision(), request_)
        assert world.statuses == {}
        assert not world.sent

    asyncio.run(run())


def test_a_decision_about_something_else_sends_nothing() -> None:
    async def run() -> None:
        world = World(WEB)
        with pytest.raises(NotAllowed):
            await world.made.run(world.decision(Action.JOB_READ), RunRequest(fun="test.ping"))
        assert not world.sent

    asyncio.run(run())
