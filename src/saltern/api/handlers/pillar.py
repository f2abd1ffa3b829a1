"""Pillars, for operators."""

from __future__ import annotations

from saltern.api.call import Answer, Call, Lines, Subject
from saltern.api.problems import NoMatch
from saltern.foundation.errors import NotFound
from saltern.identity.authorise import Decision, Targets


async def subject(call: Call) -> Subject:
    """Find the agent whose pillar is asked for. Raises NotFound."""
    name = call.path["name"]
    members = call.controller.resolve(name, "list").members
    if len(members) != 1:
        raise NotFound(f"there is no agent {name!r}", hint="see `saltern minions`")
    query = call.query
    arguments = {"pillarenv": query.pillarenv, "unmask": getattr(query, "unmask", False)}
    return Subject(Targets(members, name, "list"), arguments)


async def show(call: Call, decision: Decision) -> Answer:
    """Answer with an agent's pillar."""
    asked = decision.arguments
    return await call.controller.show_pillar(decision, pillarenv=asked["pillarenv"], unmask=asked["unmask"])


async def top(call: Call, decision: Decision) -> Answer:
    """Answer with which SLS make an agent's pillar."""
    return await call.controller.pillar_top(decision, pillarenv=decision.arguments["pillarenv"])


async def check(call: Call, decision: Decision) -> Answer:
    """Answer with how the pillar of each agent renders. Raises NoMatch."""
    members = call.controller.resolve(call.query.target, call.query.kind).members
    if not members:
        raise NoMatch(f"no agent matches {call.query.target!r}", hint="see `saltern minions`")
    return Lines(call.controller.check_pillars(members))
