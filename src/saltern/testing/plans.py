"""Plans and drift in memory, for the fake controller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

import msgspec

from saltern.foundation.errors import Conflict, NotFound
from saltern.identity.authorise import Action, Decision, Targets
from saltern.model.drift import Drift
from saltern.model.ids import AgentKey
from saltern.model.job import Job, Rollout
from saltern.model.plan import FleetPlan, PlanDetails, PlannedAgent, PlanRequest
from saltern.model.request import RunRequest

Run = Callable[[Decision, RunRequest], Awaitable[Job]]


class FakeDrift:
    """Fits ``saltern.api.facade.Drifts``: what a test says is known."""

    def __init__(self) -> None:
        self.known: list[Drift] = []

    async def of(self, keys: Collection[AgentKey] | None = None) -> list[Drift]:
        """Return what is known."""
        return [one for one in self.known if keys is None or one.key in keys]


class FakePlans:
    """Fits ``saltern.api.facade.Plans``. ``state.plan`` and ``state.apply_plan`` are the fake's functions."""

    def __init__(self, run: Run, now: Callable[[], float]) -> None:
        """``run`` starts a job."""
        self._run = run
        self._now = now
        self._plans: dict[str, FleetPlan] = {}
        self._targets: dict[str, Targets] = {}

    async def create(self, decision: Decision, request: PlanRequest) -> FleetPlan:
        """Make a plan that is ready at once."""
        decision.require(Action.JOB_RUN)
        job = await self._run(decision, RunRequest(fun="state.plan", args=(list(request.states),)))
        id = f"p{len(self._plans) + 1}"
        self._targets[id] = decision.targets
        self._plans[id] = FleetPlan(
            id=id,
            created=job.created,
            creator=decision.principal.name,
            target=decision.targets.expression,
            target_kind=decision.targets.kind,
            states=request.states,
            saltenv=request.saltenv,
            pillar=request.pillar,
            exclude=request.exclude,
            expires=job.created + (request.lifetime or 86_400.0),
            jid=job.jid,
            fingerprint="f" * 64,
        )
        return self._plans[id]

    async def recent(self, limit: int) -> list[FleetPlan]:
        """Return plans, newest first."""
        return list(reversed(self._plans.values()))[:limit]

    async def show(self, id: str) -> PlanDetails:
        """Return a plan in which every agent would change one thing."""
        plan = self._get(id)
        told = (("file_|-motd_|-/etc/motd_|-managed", "a change (diff)", "0" * 16),)
        agents = [
            PlannedAgent(key=key, name=name, fingerprint="a" * 64, changes=1, told=told)
            for key, name in self._targets[id].members.items()
        ]
        return PlanDetails(plan=plan, state=plan.state(self._now()), agents=agents)

    async def approve(self, decision: Decision, id: str, fingerprint: str, reason: str) -> FleetPlan:
        """Note who has approved it."""
        decision.require(Action.PLAN_APPROVE)
        plan = self._get(id)
        if fingerprint not in ("", plan.fingerprint):
            raise Conflict(f"plan {id} is not the one that was seen")
        self._plans[id] = msgspec.structs.replace(
            plan, approved_by=decision.principal.name, approved_at=self._now(), reason=reason
        )
        return self._plans[id]

    async def targets(self, id: str) -> Targets:
        """Return its agents."""
        self._get(id)
        return self._targets[id]

    async def apply(
        self, decision: Decision, id: str, *, rollout: Rollout | None = None, timeout: float | None = None
    ) -> Job:
        """Start the job, once."""
        decision.require(Action.JOB_RUN)
        if self._get(id).applied_jid:
            raise Conflict(f"plan {id} has been applied already")
        job = await self._run(decision, RunRequest(fun="state.apply_plan", plan=id, rollout=rollout))
        by = decision.principal.name
        self._plans[id] = msgspec.structs.replace(
            self._get(id), applied_by=by, applied_at=self._now(), applied_jid=job.jid
        )
        return job

    def _get(self, id: str) -> FleetPlan:
        if id not in self._plans:
            raise NotFound(f"there is no plan {id!r}", hint="see `saltern plan list`")
        return self._plans[id]
