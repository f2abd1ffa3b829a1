"""Plans, roll-outs, leases and drift, as each database keeps them."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import msgspec
import pytest

from saltern.controller.store import Store
from saltern.foundation.errors import NotFound
from saltern.model.drift import Drift, DriftState
from saltern.model.ids import JobId
from saltern.model.plan import FleetPlan, PlannedAgent
from saltern.testing.stored import agent_key, job, job_id


class Run(Protocol):
    def __call__(self, what: Any, /) -> Any: ...


PLAN = FleetPlan(
    id="p1",
    created=1.0,
    creator="ann",
    target="web*",
    target_kind="glob",
    states=("a", "b"),
    saltenv="base",
    pillar={"x": [1]},
    exclude=(),
    expires=100.0,
    jid=job_id(1),
)
AGENTS = [
    PlannedAgent(key=agent_key(1), name="web1", fingerprint="f", changes=1, told=(("k", "w", "m"),)),
    PlannedAgent(key=agent_key(2), name="web0", error="a\0b"),
]


def test_a_plan_is_sealed_once(store: Store, run: Run) -> None:
    run(store.plans.create(PLAN))
    assert run(store.plans.get("p1")) == PLAN
    sealed = run(store.plans.seal("p1", "first", AGENTS))
    assert sealed.fingerprint == "first"
    assert run(store.plans.seal("p1", "second", AGENTS[:1])).fingerprint == "first"
    assert [agent.name for agent in run(store.plans.agents("p1"))] == ["web0", "web1"]
    assert run(store.plans.agent("p1", agent_key(1))) == AGENTS[0]
    assert run(store.plans.recent(5)) == [sealed]
    with pytest.raises(NotFound):
        run(store.plans.seal("p2", "x", []))


def test_it_is_applied_once_and_forgotten_with_its_agents(store: Store, run: Run) -> None:
    run(store.plans.create(PLAN))
    run(store.plans.seal("p1", "f", AGENTS))
    assert not run(store.plans.approve("p1", "another", "bob", 2.0, "why"))
    assert run(store.plans.approve("p1", "f", "bob", 2.0, "why\0"))
    assert run(store.plans.apply("p1", "f", "bob", 3.0, "2" * 20))
    assert not run(store.plans.apply("p1", "f", "eve", 3.0, "3" * 20))
    assert not run(store.plans.approve("p1", "f", "eve", 4.0, "late"))
    run(store.plans.unapply("p1", "3" * 20))
    assert run(store.plans.get("p1")).applied_by == "bob"
    run(store.plans.unapply("p1", "2" * 20))
    assert run(store.plans.get("p1")).applied_jid == ""
    assert run(store.plans.forget(before=100.0)) == 0
    assert run(store.plans.forget(before=101.0)) == 1
    assert run(store.plans.agents("p1")) == []


def test_of_many_one_has_a_lease(store: Store, run: Run) -> None:
    async def all_at_once() -> list[bool]:
        return await asyncio.gather(
            *(store.rollouts.lease("x", f"holder{number}", 10.0, 20.0) for number in range(8))
        )

    assert run(all_at_once()).count(True) == 1
    assert not run(store.rollouts.lease("x", "new", 19.0, 30.0))
    assert run(store.rollouts.lease("x", "new", 20.5, 30.0))
    assert run(store.rollouts.lease("x", "new", 25.0, 40.0))
    run(store.rollouts.release("x", "somebody"))
    assert not run(store.rollouts.lease("x", "other", 39.0, 50.0))
    run(store.rollouts.release("x", "new"))
    assert run(store.rollouts.lease("x", "other", 39.0, 50.0))


def test_roll_outs_are_open_until_they_are_over(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), []))
    for number in (2, 1):
        run(store.rollouts.put(job_id(number), "{}", over=False))
    assert run(store.rollouts.open()) == [job_id(1), job_id(2)]
    run(store.rollouts.put(job_id(1), '{"x": 1}', over=True))
    assert run(store.rollouts.open()) == [job_id(2)]
    assert run(store.rollouts.get(job_id(1))) == '{"x": 1}'
    assert run(store.rollouts.forget()) == 1, "the one without a job"
    assert run(store.rollouts.get(job_id(2))) is None


def drift(state: DriftState, at: float, **fields: Any) -> Drift:
    made = Drift(key=agent_key(1), name="web1", state=state, since=at, checked=at, jid=JobId("2" * 20))
    return msgspec.structs.replace(made, **fields)


def test_drift_knows_since_when(store: Store, run: Run) -> None:
    def look(one: Drift) -> Drift:
        recorded: Drift
        [recorded] = run(store.drift.record([one]))
        assert run(store.drift.of()) == [recorded]
        return recorded

    assert look(drift(DriftState.CLEAN, 1.0)).since == 1.0
    assert look(drift(DriftState.CLEAN, 2.0)).since == 1.0
    drifted = look(drift(DriftState.DRIFTED, 3.0, differs=(("k", "w", "m"),)))
    assert drifted.since == 3.0
    other = look(drift(DriftState.DRIFTED, 4.0, differs=(("k", "other", "m"),)))
    assert (other.since, other.checked) == (3.0, 4.0)
    missed = look(drift(DriftState.ERROR, 5.0, missed="offline"))
    assert (missed.state, missed.checked, missed.missed) == (DriftState.DRIFTED, 4.0, "offline")
    assert look(drift(DriftState.ERROR, 6.0, error="x")).missed == ""
    assert run(store.drift.of([agent_key(2)])) == []
