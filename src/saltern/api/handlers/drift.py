"""Drift: which agents are as their states declare them."""

from __future__ import annotations

from fnmatch import fnmatchcase

from saltern.api.call import Answer, Call
from saltern.identity.authorise import Decision
from saltern.model.agent import KeyState


async def index(call: Call, decision: Decision) -> Answer:
    """Answer with what is known of agents that are accepted, by name."""
    match, state = call.query.match or "*", call.query.state
    accepted = {agent.key for agent in await call.controller.agents() if agent.state is KeyState.ACCEPTED}
    return [
        one
        for one in await call.controller.drift.of(accepted)
        if fnmatchcase(one.name, match) and state in (None, one.state)
    ]
