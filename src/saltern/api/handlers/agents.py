"""Agents, their keys, and the tokens they come with."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import get_args

import msgspec

from saltern.api.call import Answer, Call, Subject
from saltern.api.facade import KeyVerb
from saltern.api.problems import NoMatch
from saltern.foundation.errors import NotFound, UsageError, nearest
from saltern.identity.authorise import Decision, Targets
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey
from saltern.model.request import TokenRequest

#: Whose keys a glob may change. Keys that are named exactly are left to the controller to judge.
_CHANGEABLE: dict[KeyVerb, frozenset[KeyState]] = {
    "accept": frozenset({KeyState.PENDING, KeyState.REJECTED}),
    "reject": frozenset({KeyState.PENDING}),
    "revoke": frozenset({KeyState.ACCEPTED}),
    "delete": frozenset(KeyState),
}


async def agents(call: Call, decision: Decision) -> Answer:
    """Answer with the accepted agents."""
    query = call.query
    return await _chosen(
        call,
        lambda agent: agent.state is KeyState.ACCEPTED and query.online in (None, agent.online),
    )


async def keys(call: Call, decision: Decision) -> Answer:
    """Answer with all keys."""
    return await _chosen(call, lambda agent: call.query.state in (None, agent.state))


async def _chosen(call: Call, fits: Callable[[Agent], bool]) -> list[Agent]:
    match = call.query.match or "*"
    found = [agent for agent in await call.controller.agents() if fits(agent)]
    return sorted(
        (agent for agent in found if fnmatchcase(agent.name, match)),
        key=lambda agent: (agent.name, agent.key),
    )


async def subject_of_change(call: Call) -> Subject:
    """Find the keys to change. Raises UsageError, NotFound, NoMatch."""
    verb = _verb(call)
    if (call.body.match is None) == (not call.body.keys):
        raise UsageError("give either `match` or `keys`", hint='for example {"match": "web*"}')
    everyone = {agent.key: agent for agent in await call.controller.agents()}
    if call.body.match is None:
        members = {key: _known(everyone, key).name for key in call.body.keys}
    else:
        members = _matching(everyone, call.body.match, verb)
    return Subject(Targets(members, call.body.match or "", "key"), {"verb": verb})


def _verb(call: Call) -> KeyVerb:
    for verb in get_args(KeyVerb):
        if call.path["verb"] == verb:
            return verb  # type: ignore[no-any-return]
    raise NotFound(
        f"no key command {call.path['verb']!r}", hint=nearest(call.path["verb"], get_args(KeyVerb))
    )


def _known(everyone: dict[AgentKey, Agent], key: AgentKey) -> Agent:
    if key not in everyone:
        raise NotFound(f"no key {key!r}", hint="see `saltern key list`")
    return everyone[key]


def _matching(everyone: dict[AgentKey, Agent], match: str, verb: KeyVerb) -> dict[AgentKey, str]:
    allowed = _CHANGEABLE[verb]
    members = {
        agent.key: agent.name
        for agent in everyone.values()
        if agent.state in allowed and fnmatchcase(agent.name, match)
    }
    if not members:
        states = " or ".join(sorted(allowed))
        raise NoMatch(f"no {states} key matches {match!r}", hint="see `saltern key list`")
    return members


async def change_keys(call: Call, decision: Decision) -> Answer:
    """Change the keys that were decided about; answer with them as they are now."""
    return await call.controller.change_keys(decision, _verb(call))


async def tokens(call: Call, decision: Decision) -> Answer:
    """Answer with all join tokens, without their secrets."""
    return await call.controller.tokens()


async def subject_of_token(call: Call) -> Subject:
    """Decide about the token exactly as it was asked for."""
    return Subject(arguments=msgspec.structs.asdict(call.body))


async def create_token(call: Call, decision: Decision) -> Answer:
    """Make a join token; this answer alone holds its text."""
    return await call.controller.create_token(decision, msgspec.convert(decision.arguments, TokenRequest))


async def revoke_token(call: Call, decision: Decision) -> Answer:
    """End a join token."""
    return await call.controller.revoke_token(decision, call.path["id"])
