"""Drift: which agents are as their states declare them."""

from __future__ import annotations

from fnmatch import fnmatchcase

from saltern.api.call import Answer, Call
from saltern.identity.authorise import Decision


async def index(call: Call, decision: Decision) -> Answer:
    """Answer with what is known of agents, by name."""
    match, state = call.query.match or "*", call.query.state
    return [
        one
        for one in await call.controller.drift.of()
        if fnmatchcase(one.name, match) and state in (None, one.state)
    ]
