"""Jobs: start, look at, watch, cancel, start again."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from saltern.api.call import Answer, Call, Chunks, Lines, Subject
from saltern.api.problems import NoMatch
from saltern.api.replies import JobPage, JobTargets
from saltern.api.resolved import Resolved
from saltern.api.schemas import Rerun
from saltern.foundation.errors import NotFound, UsageError, nearest
from saltern.identity.authorise import Decision, Targets
from saltern.model.agent import KeyState
from saltern.model.ids import AgentKey
from saltern.model.job import Job
from saltern.model.request import RunRequest
from saltern.model.status import Status
from saltern.model.update import Unknown, Update
from saltern.targeting import subset
from saltern.targeting.errors import NobodyMatched

#: The function did not run there, or nobody knows: it was not sent, not taken, or its end was lost.
_MISSING = (Status.QUEUED, Status.OFFLINE, Status.SENT, Status.UNRESPONSIVE, Status.LOST)


async def subject_of_new(call: Call) -> Subject:
    """Resolve the target of a new job. Raises NobodyMatched."""
    body = call.body
    targets = call.controller.resolve(body.target, body.kind, body.delimiter)
    if not targets.members:
        raise NobodyMatched(body.target)
    if body.subset is not None:
        chosen = {AgentKey(key) for key in subset(list(targets.members), body.subset)}
        few = {key: name for key, name in targets.members.items() if key in chosen}
        targets = Targets(few, targets.expression, targets.kind, targets.unknown)
    options = {"timeout": body.timeout, "queue": body.queue, "rollout": body.rollout}
    options["returners"] = body.returners
    return Subject(targets, _arguments(body, **options))


async def subject_of_rerun(call: Call) -> Subject:
    """Find the agents a job had, those of them that are still accepted. Raises NoMatch."""
    job = await call.controller.job(call.jid)
    accepted = {agent.key for agent in await call.controller.agents() if agent.state is KeyState.ACCEPTED}
    members = {
        target.key: target.name
        for target in await call.controller.targets(call.jid)
        if target.key in accepted and _again(call.body, target.status)
    }
    if not members:
        raise NoMatch(
            f"of the agents of job {job.jid} none is to run again",
            hint="they all ended ok, or are no longer accepted",
        )
    return Subject(
        Targets(members, job.target, job.target_kind),
        _arguments(job, timeout=job.timeout, returners=job.returners),
    )


def _again(asked: Rerun, status: Status) -> bool:
    """Tell whether a target in ``status`` is among those asked for."""
    if asked.missing:
        return status in _MISSING
    return not (asked.failed and status is Status.OK)


def _arguments(source: Any, **others: Any) -> dict[str, Any]:
    return {"fun": source.fun, "args": source.args, "kwargs": source.kwargs, **others}


async def start(call: Call, decision: Decision) -> Answer:
    """Start what was decided; answer with the job, or with its updates."""
    job = await call.controller.run(decision, msgspec.convert(decision.arguments, RunRequest))
    return updates(call, job, decision.targets.unknown) if call.query.stream else job


async def watch(call: Call, decision: Decision) -> Answer:
    """Answer with a job's updates from its beginning."""
    return updates(call, await call.controller.job(call.jid))


def updates(call: Call, job: Job, unknown: tuple[str, ...] = ()) -> Lines:
    """Return a job's updates from its beginning; ``unknown`` are names in its target that nobody has."""
    following = call.controller.watch(job.jid, output=call.query.output)
    return Lines(_after(Unknown(names=unknown), following) if unknown else following)


async def _after(first: Update, rest: AsyncIterator[Update]) -> AsyncIterator[Update]:
    yield first
    async for update in rest:
        yield update


async def index(call: Call, decision: Decision) -> Answer:
    """Answer with a page of jobs."""
    asked = msgspec.structs.asdict(call.query)
    jobs = await call.controller.jobs(**asked)
    return JobPage(jobs=jobs, next=jobs[-1].jid if len(jobs) == call.query.limit else None)


async def show(call: Call, decision: Decision) -> Answer:
    """Answer with one job."""
    return await call.controller.job(call.jid)


async def targets(call: Call, decision: Decision) -> Answer:
    """Answer with a job's targets and their number by status."""
    everyone = await call.controller.targets(call.jid)
    wanted = _statuses(call.query.status)
    shown = [target for target in everyone if wanted is None or target.status in wanted]
    return JobTargets(targets=shown, counts=dict(Counter(target.status for target in everyone)))


def _statuses(text: str | None) -> frozenset[Status] | None:
    if text is None:
        return None
    words = text.split(",")
    wrong = [word for word in words if word not in set(Status)]
    if wrong:
        raise UsageError(
            f"unknown status {wrong[0]!r}", hint=nearest(wrong[0], map(str, Status)), where="status"
        )
    return frozenset(map(Status, words))


async def returns(call: Call, decision: Decision) -> Answer:
    """Answer with every settled target of a job."""
    await call.controller.job(call.jid)
    return Lines(call.controller.returns(call.jid, call.query.match))


async def data(call: Call, decision: Decision) -> Answer:
    """Answer with what one agent returned, whole, as its JSON."""
    key = await _key_of(call, call.path["name"])
    pieces = call.controller.data(call.jid, key)
    first = await anext(pieces, None)
    if first is None:
        raise NotFound(f"{call.path['name']} returned no data for job {call.jid}")
    return Chunks(_joined(first, pieces))


async def _key_of(call: Call, name: str) -> AgentKey:
    for target in await call.controller.targets(call.jid):
        if name in (target.name, target.key):
            return target.key
    raise NotFound(f"{name!r} is no target of job {call.jid}", hint=f"see `saltern job show {call.jid}`")


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def cancel(call: Call, decision: Decision) -> Answer:
    """Cancel a job; answer with how many targets have each status."""
    return await call.controller.cancel(decision, call.jid)


async def resolve(call: Call, decision: Decision) -> Answer:
    """Answer with whom an expression means."""
    query = call.query
    asked = (query.expression, query.kind, query.delimiter)
    found = call.controller.resolve(*asked)
    reasons = call.controller.explain(*asked) if query.why else {}
    return Resolved(
        expression=found.expression,
        kind=found.kind,
        members=found.members,
        reasons=reasons,
        unknown=found.unknown,
    )
