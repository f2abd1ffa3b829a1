"""The mine: what agents have put there for each other."""

from __future__ import annotations

from saltern.api.call import Answer, Call, Subject
from saltern.api.problems import NoMatch
from saltern.api.replies import Deleted
from saltern.identity.authorise import Decision


async def index(call: Call, decision: Decision) -> Answer:
    """Answer with the entries, without their data."""
    query = call.query
    members = call.controller.resolve(query.target, query.kind, query.delimiter).members
    return await call.controller.mine_items(members)


async def data(call: Call, decision: Decision) -> Answer:
    """Answer with what is under some names, by name and agent."""
    query = call.query
    members = call.controller.resolve(query.target, query.kind, query.delimiter).members
    names = [name.strip() for name in query.functions.split(",")]
    return await call.controller.mine_data(members, [name for name in names if name])


async def subject_of_deletion(call: Call) -> Subject:
    """Find whose entries to delete. Raises UsageError, NoMatch."""
    body = call.body
    targets = call.controller.resolve(body.target, body.kind, body.delimiter)
    if not targets.members:
        raise NoMatch(f"no agent matches {body.target!r}", hint="see `saltern minions`")
    return Subject(targets, {"functions": None if body.functions is None else list(body.functions)})


async def delete(call: Call, decision: Decision) -> Answer:
    """Delete what was decided about; answer with how many entries there were."""
    return Deleted(deleted=await call.controller.delete_mine(decision, decision.arguments["functions"]))
