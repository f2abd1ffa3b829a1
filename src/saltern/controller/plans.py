"""Plans over a fleet: every agent looks, a person approves, and every agent does exactly that or nothing."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from saltern.controller.jobs import Jobs
from saltern.controller.settings import Plans as PlanSettings
from saltern.controller.store import Returned, Store
from saltern.engine import plan as engine_plan
from saltern.foundation import settings as reading
from saltern.foundation.clock import Clock
from saltern.foundation.errors import Conflict, NotAllowed, SalternError, UsageError
from saltern.identity.authorise import Action, Decision, Targets
from saltern.model.ids import new_job_id
from saltern.model.job import Job, Rollout, Target
from saltern.model.plan import FleetPlan, PlanDetails, PlannedAgent, PlanRequest, PlanState
from saltern.model.request import RunRequest
from saltern.model.status import Status

OnRecord = Callable[[Decision], Awaitable[None]]


class Plans:
    """Makes, shows, approves and applies plans. Nothing of them is in memory alone."""

    def __init__(
        self, *, store: Store, jobs: Jobs, settings: PlanSettings, clock: Clock, on_record: OnRecord
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._settings = settings
        self._lifetime = reading.duration(settings.lifetime)
        self._clock = clock
        self._on_record = on_record

    async def create(self, decision: Decision, request: PlanRequest) -> FleetPlan:
        """Have the decision's targets look; return the plan, which is ready when its job has ended."""
        decision.require(Action.JOB_RUN)
        lifetime = self._lifetime if request.lifetime is None else request.lifetime
        if lifetime <= 0:
            raise UsageError("a plan's lifetime is more than 0 seconds")
        await self._on_record(decision)
        job = await self._jobs.run(
            decision, RunRequest(fun="state.plan", args=(list(request.states),), kwargs=_given(request))
        )
        plan = FleetPlan(
            id=f"p{secrets.token_hex(5)}",
            created=job.created,
            creator=decision.principal.name,
            target=decision.targets.expression,
            target_kind=decision.targets.kind,
            states=request.states,
            saltenv=request.saltenv,
            pillar=request.pillar,
            exclude=request.exclude,
            expires=job.created + lifetime,
            jid=job.jid,
        )
        await self._store.plans.create(plan)
        return plan

    async def recent(self, limit: int) -> list[FleetPlan]:
        """Return up to ``limit`` plans, newest first."""
        return await self._store.plans.recent(limit)

    async def show(self, id: str) -> PlanDetails:
        """Return a plan with what it says of each agent, as far as they have looked. Raises NotFound."""
        plan = await self._sealed(await self._store.plans.get(id))
        return PlanDetails(
            plan=plan, state=plan.state(self._clock.now()), agents=await self._store.plans.agents(id)
        )

    async def approve(self, decision: Decision, id: str, fingerprint: str, reason: str) -> FleetPlan:
        """Record that the decision's principal has approved exactly the plan with that fingerprint.

        Raises NotFound; Conflict when it is not ready, has expired, or is not what was seen; NotAllowed when
        another person must approve it.
        """
        decision.require(Action.PLAN_APPROVE)
        plan = await self._ready(id)
        who = decision.principal.name
        if fingerprint and fingerprint != plan.fingerprint:
            raise Conflict(
                f"plan {id} is not the one that was seen", hint=f"look again: saltern plan show {id}"
            )
        if self._settings.approval == "another" and who == plan.creator:
            raise NotAllowed(
                f"{who} has made plan {id} and may not approve it",
                hint="another person must (plans.approval in controller.yaml)",
            )
        await self._on_record(decision)
        if not await self._store.plans.approve(id, plan.fingerprint, who, self._clock.now(), reason):
            raise Conflict(f"plan {id} has been applied already")
        return await self._store.plans.get(id)

    async def targets(self, id: str) -> Targets:
        """Return the agents that a plan is for: those that have looked without an error. Raises Conflict."""
        plan = await self._ready(id)
        agents = await self._store.plans.agents(id)
        members = {agent.key: agent.name for agent in agents if agent.fingerprint}
        return Targets(members, plan.target, plan.target_kind)

    async def apply(
        self, decision: Decision, id: str, *, rollout: Rollout | None = None, timeout: float | None = None
    ) -> Job:
        """Have each of the plan's agents do exactly its part. Raises NotFound, Conflict, NotAllowed."""
        decision.require(Action.JOB_RUN)
        plan = await self._ready(id)
        self._require_approval(plan)
        await self._on_record(decision)
        now = self._clock.now()
        jid = new_job_id(now)
        if not await self._store.plans.apply(id, plan.fingerprint, decision.principal.name, now, jid):
            raise Conflict(f"plan {id} has been applied already", hint=f"see `saltern plan show {id}`")
        request = RunRequest(
            fun="state.apply_plan",
            kwargs={"mods": list(plan.states), **_given(plan)},
            timeout=timeout,
            rollout=rollout,
            plan=id,
        )
        try:
            return await self._jobs.run(decision, request, jid=jid)
        except SalternError:
            await self._store.plans.unapply(id, jid)  # nobody has got anything of it
            raise

    def _require_approval(self, plan: FleetPlan) -> None:
        if self._settings.approval != "none" and not plan.approved_by:
            raise NotAllowed(
                f"plan {plan.id} has not been approved",
                hint=f"saltern plan approve {plan.id} --reason …",
            )
        if self._settings.approval == "another" and plan.approved_by == plan.creator:
            raise NotAllowed(f"plan {plan.id} was approved by {plan.creator}, who made it")

    async def _ready(self, id: str) -> FleetPlan:
        plan = await self._sealed(await self._store.plans.get(id))
        state = plan.state(self._clock.now())
        if state is PlanState.MAKING:
            raise Conflict(f"plan {id} is still being made", hint=f"saltern job watch {plan.jid}")
        if state is PlanState.EXPIRED:
            raise Conflict(f"plan {id} has expired", hint="make a new one")
        if state is PlanState.APPLIED:
            raise Conflict(
                f"plan {id} has been applied already, by {plan.applied_by}",
                hint=f"saltern job show {plan.applied_jid}",
            )
        return plan

    async def _sealed(self, plan: FleetPlan) -> FleetPlan:
        """Put on record what all agents would do, once all have looked; from then on the plan is that."""
        if plan.fingerprint:
            return plan
        tally = (await self._store.jobs.tallies([plan.jid])).get(plan.jid)
        if tally is None:
            raise Conflict(f"what the agents saw for plan {plan.id} is gone", hint="make a new plan")
        if not tally.settled:
            return plan
        agents = [await self._planned(returned) async for returned in self._store.returns.stream(plan.jid)]
        return await self._store.plans.seal(plan.id, _fingerprint(plan, agents), agents)

    async def _planned(self, returned: Returned) -> PlannedAgent:
        target = returned.target
        if target.status is not Status.OK:
            said = returned.error.message if returned.error else target.reason
            return _without(target, f"{target.status}: {said}" if said else target.status)
        data = returned.data
        if data is None:
            data = b"".join([piece async for piece in self._store.returns.data(target.jid, target.key)])
        return await asyncio.to_thread(planned_agent, target, data)


def planned_agent(target: Target, data: bytes) -> PlannedAgent:
    """Return what an agent's look says, in few words."""
    try:
        plan = engine_plan.read(data)
    except SalternError as error:
        return _without(target, error.message)
    told = tuple((one.key, one.words, one.mark) for one in engine_plan.told_of(plan))
    return PlannedAgent(
        key=target.key,
        name=target.name,
        fingerprint=plan.fingerprint,
        changes=sum(one.result is None for one in plan.planned),
        failures=sum(one.result is False for one in plan.planned),
        unknown=sum(bool(one.unknown) for one in plan.planned),
        told=told,
    )


def _without(target: Target, error: str) -> PlannedAgent:
    return PlannedAgent(key=target.key, name=target.name, error=error[:2000])


def _given(plan: PlanRequest | FleetPlan) -> dict[str, Any]:
    """Return the arguments that a look and a run have in common, beside the SLS."""
    return {"saltenv": plan.saltenv, "pillar": plan.pillar, "exclude": list(plan.exclude)}


def _fingerprint(plan: FleetPlan, agents: list[PlannedAgent]) -> str:
    whole = [plan.id, *sorted((agent.key, agent.fingerprint) for agent in agents)]
    return hashlib.sha256(msgspec.json.encode(whole)).hexdigest()
