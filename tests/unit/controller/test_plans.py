"""Plans: sealed once, approved by whom the settings say, applied once and exactly as approved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest

from saltern.controller.plans import Plans, planned_agent
from saltern.controller.settings import Plans as PlanSettings
from saltern.controller.store import Answer, Store
from saltern.engine import plan as engine_plan
from saltern.engine.encode import encode
from saltern.engine.plan import Planned
from saltern.foundation.errors import Conflict, NotAllowed, NotFound, Unavailable
from saltern.identity.authorise import Action, Decision, Principal, Role, Targets, authorise
from saltern.model.ids import AgentKey, JobId, new_job_id
from saltern.model.job import Job, Target
from saltern.model.plan import FleetPlan, PlanRequest, PlanState
from saltern.model.request import RunRequest
from saltern.model.status import Status
from saltern.testing.stored import agent_key

KEYS = [agent_key(number) for number in range(3)]
WHOM = Targets({key: f"web{number}" for number, key in enumerate(KEYS)}, "web*")
PLANNED = (
    Planned(key="file_|-motd_|-/etc/motd_|-managed", result=None, changes={"diff": "+x"}, mend="1"),
    Planned(key="cmd_|-run_|-date_|-run", result=None, unknown="who knows"),
    Planned(key="test_|-no_|-no_|-fail", result=False, comment="It would fail."),
    Planned(key="test_|-ok_|-ok_|-nop", result=True),
)


def plan_json(planned: tuple[Planned, ...] = PLANNED) -> bytes:
    fingerprint = engine_plan._fingerprint(planned)
    return encode(
        engine_plan.Plan(machine="web0", made=1.0, states=(), planned=planned, fingerprint=fingerprint)
    )


class World:
    """Jobs whose agents answer at once, over a real store."""

    def __init__(self, store: Store, **settings: str) -> None:
        self.store = store
        self.time = 1000.0
        self.settle = True
        self.broken = False
        self.requests: list[RunRequest] = []
        self.recorded: list[Decision] = []
        self.plans = Plans(
            store=store,
            jobs=cast(Any, self),
            settings=PlanSettings(**settings),  # type: ignore[arg-type]
            clock=cast(Any, self),
            on_record=self.on_record,
        )

    def now(self) -> float:
        """Return the time."""
        return self.time

    async def on_record(self, decision: Decision) -> None:
        """Keep the decision."""
        self.recorded.append(decision)

    async def run(self, decision: Decision, request: RunRequest, *, jid: JobId | None = None) -> Job:
        """Record the job; the first two agents return a plan, the third is away."""
        if self.broken:
            raise Unavailable("no broker")
        self.requests.append(request)
        job = Job(
            jid=jid or new_job_id(self.time),
            fun=request.fun,
            target=decision.targets.expression,
            user=decision.principal.name,
            created=self.time,
            timeout=60.0,
            plan=request.plan,
        )
        statuses = [Status.SENT, Status.SENT, Status.OFFLINE]
        targets = [
            Target(jid=job.jid, key=key, name=name, status=status, updated=self.time)
            for (key, name), status in zip(decision.targets.members.items(), statuses, strict=False)
        ]
        await self.store.jobs.create(job, targets)
        if self.settle:
            await self.answer(job.jid)
        return job

    async def answer(self, jid: JobId) -> None:
        """Have the first two agents return."""
        await self.store.returns.record(
            [Answer(jid=jid, key=key, verdict=Status.OK, at=self.time, data=plan_json()) for key in KEYS[:2]]
        )


def who(name: str, action: Action, targets: Targets = WHOM) -> Decision:
    return authorise(Principal(name=name, role=Role.ADMIN, via="test"), action, targets)


async def made(world: World, by: str = "ann") -> FleetPlan:
    return await world.plans.create(who(by, Action.JOB_RUN), PlanRequest(states=("web",)))


Work = Callable[[World], Coroutine[Any, Any, None]]


def play(tmp_path: Path, work: Work, **settings: str) -> None:
    async def run() -> None:
        async with await Store.open(f"sqlite:///{tmp_path}/s.db", anchor=tmp_path / "anchor") as store:
            await work(World(store, **settings))

    asyncio.run(run())


def test_from_its_making_to_its_application(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        plan = await made(world)
        details = await world.plans.show(plan.id)
        assert details.state is PlanState.READY
        first = details.agents[0]
        assert (first.changes, first.failures, first.unknown) == (2, 1, 1)
        assert [words for _, words, _ in first.told] == [
            "a change (diff)",
            "something that can't be foreseen",
            "to fail (It would fail.)",
        ]
        assert details.agents[2].error.startswith("offline")
        targets = await world.plans.targets(plan.id)
        assert list(targets.members) == KEYS[:2]
        job = await world.plans.apply(who("bob", Action.JOB_RUN, targets), plan.id)
        assert (job.plan, world.requests[-1].fun) == (plan.id, "state.apply_plan")
        assert world.requests[-1].kwargs["mods"] == ["web"]
        part = await world.store.plans.part(plan.id, KEYS[0])
        assert part["fingerprint"] == first.fingerprint
        assert await world.store.plans.part(plan.id, AgentKey("UNKNOWN")) == {}
        with pytest.raises(Conflict, match="has been applied already, by bob"):
            await world.plans.apply(who("bob", Action.JOB_RUN, targets), plan.id)
        assert [one.action for one in world.recorded] == [Action.JOB_RUN, Action.JOB_RUN]

    play(tmp_path, work)


def test_what_is_not_ready_is_neither_approved_nor_applied(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        world.settle = False
        plan = await made(world)
        assert (await world.plans.show(plan.id)).state is PlanState.MAKING
        for deed in (
            world.plans.approve(who("bob", Action.PLAN_APPROVE), plan.id, "", "why"),
            world.plans.apply(who("bob", Action.JOB_RUN), plan.id),
            world.plans.targets(plan.id),
        ):
            with pytest.raises(Conflict, match="still being made"):
                await deed
        await world.answer(plan.jid)
        world.time += 90_000
        with pytest.raises(Conflict, match="has expired"):
            await world.plans.apply(who("bob", Action.JOB_RUN), plan.id)
        with pytest.raises(NotFound):
            await world.plans.show("p0")

    play(tmp_path, work)


def test_a_late_look_changes_nothing_of_what_was_approved(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        plan = await made(world)
        before = await world.plans.show(plan.id)
        late = Answer(
            jid=plan.jid, key=KEYS[2], verdict=Status.OK, at=world.time, data=plan_json(PLANNED[:1])
        )
        await world.store.returns.record([late])
        assert await world.plans.show(plan.id) == before

    play(tmp_path, work)


@pytest.mark.parametrize("approval", ["anyone", "another"])
def test_without_an_approval_nothing_is_applied(tmp_path: Path, approval: str) -> None:
    async def work(world: World) -> None:
        plan = await made(world)
        with pytest.raises(NotAllowed, match="has not been approved"):
            await world.plans.apply(who("bob", Action.JOB_RUN), plan.id)
        with pytest.raises(Conflict, match="not the one that was seen"):
            await world.plans.approve(who("bob", Action.PLAN_APPROVE), plan.id, "f" * 64, "why")
        await world.plans.approve(who("bob", Action.PLAN_APPROVE), plan.id, "", "change 1")
        assert (await world.plans.show(plan.id)).plan.approved_by == "bob"
        await world.plans.apply(who("ann", Action.JOB_RUN), plan.id)

    play(tmp_path, work, approval=approval)


def test_who_made_it_may_not_approve_it_where_another_must(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        plan = await made(world, by="ann")
        with pytest.raises(NotAllowed, match="ann has made plan"):
            await world.plans.approve(who("ann", Action.PLAN_APPROVE), plan.id, "", "why")
        # An approval that stood before the setting was made stricter is none.
        sealed = (await world.plans.show(plan.id)).plan
        await world.store.plans.approve(plan.id, sealed.fingerprint, "ann", world.time, "why")
        with pytest.raises(NotAllowed, match="approved by ann, who made it"):
            await world.plans.apply(who("bob", Action.JOB_RUN), plan.id)

    play(tmp_path, work, approval="another")


def test_a_decision_about_something_else_is_none(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        plan = await made(world)
        with pytest.raises(NotAllowed):
            await world.plans.approve(who("bob", Action.JOB_RUN), plan.id, "", "why")
        with pytest.raises(NotAllowed):
            await world.plans.apply(who("bob", Action.PLAN_APPROVE), plan.id)

    play(tmp_path, work)


def test_what_could_not_be_sent_can_be_applied_again(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        plan = await made(world)
        world.broken = True
        with pytest.raises(Unavailable):
            await world.plans.apply(who("bob", Action.JOB_RUN), plan.id)
        world.broken = False
        await world.plans.apply(who("bob", Action.JOB_RUN), plan.id)

    play(tmp_path, work)


def test_of_two_who_apply_it_at_once_one_does(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        plan = await made(world)
        await world.plans.show(plan.id)
        ends = await asyncio.gather(
            *(world.plans.apply(who("bob", Action.JOB_RUN), plan.id) for _ in range(5)),
            return_exceptions=True,
        )
        assert sum(isinstance(end, Job) for end in ends) == 1
        assert all(isinstance(end, Job | Conflict) for end in ends)

    play(tmp_path, work)


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b'{"planned": []}', plan_json().replace(b"+x", b"+y"), b"[" * 5000]
)
def test_an_agent_that_returns_nonsense_has_no_plan(data: bytes) -> None:
    target = Target(jid=JobId("2" * 20), key=KEYS[0], name="web0", status=Status.OK, updated=0.0)
    found = planned_agent(target, data)
    assert found.error
    assert not found.fingerprint
