"""Plans over a fleet: make, look at, approve, apply."""

from __future__ import annotations

import msgspec

from saltern.api.call import Answer, Call, Subject
from saltern.api.handlers.jobs import updates
from saltern.api.problems import NoMatch
from saltern.identity.authorise import Decision, Targets
from saltern.model.agent import KeyState
from saltern.model.plan import PlanRequest
from saltern.targeting.errors import NobodyMatched


async def subject_of_new(call: Call) -> Subject:
    """Resolve the target of a new plan. Raises NobodyMatched."""
    body = call.body
    targets = call.controller.resolve(body.target, body.kind, body.delimiter)
    if not targets.members:
        raise NobodyMatched(body.target)
    return Subject(targets, {"fun": "state.plan", **_asked(call)})


def _asked(call: Call) -> dict[str, object]:
    return {name: getattr(call.body, name) for name in PlanRequest.__struct_fields__}


async def create(call: Call, decision: Decision) -> Answer:
    """Have the agents look; answer with the plan, which is ready when its job has ended."""
    return await call.controller.plans.create(decision, msgspec.convert(_asked(call), PlanRequest))


async def index(call: Call, decision: Decision) -> Answer:
    """Answer with plans, newest first."""
    return await call.controller.plans.recent(call.query.limit)


async def show(call: Call, decision: Decision) -> Answer:
    """Answer with a plan and what it says of each agent."""
    return await call.controller.plans.show(call.path["id"])


async def subject_of_approval(call: Call) -> Subject:
    """Decide about the plan exactly as it was seen."""
    return Subject(arguments={"plan": call.path["id"], **msgspec.structs.asdict(call.body)})


async def approve(call: Call, decision: Decision) -> Answer:
    """Put on record who has approved the plan; answer with it."""
    body = call.body
    return await call.controller.plans.approve(decision, call.path["id"], body.fingerprint, body.reason)


async def subject_of_application(call: Call) -> Subject:
    """Find the agents the plan is for, those of them that are still accepted. Raises NoMatch."""
    planned = await call.controller.plans.targets(call.path["id"])
    accepted = {agent.key for agent in await call.controller.agents() if agent.state is KeyState.ACCEPTED}
    members = {key: name for key, name in planned.members.items() if key in accepted}
    if not members:
        raise NoMatch(f"plan {call.path['id']} has nothing for any agent that is accepted here")
    arguments = {"fun": "state.apply_plan", "plan": call.path["id"], "rollout": call.body.rollout}
    return Subject(Targets(members, planned.expression, planned.kind), arguments)


async def apply(call: Call, decision: Decision) -> Answer:
    """Have each agent do its part of the plan; answer with the job, or with its updates."""
    body = call.body
    job = await call.controller.plans.apply(
        decision, call.path["id"], rollout=body.rollout, timeout=body.timeout
    )
    return updates(call, job) if call.query.stream else job
