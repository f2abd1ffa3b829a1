"""This agent's pillar, asked of the controllers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.engine.pillar_data import decode as decode_pillar
from saltern.engine.pillar_merge import Merging, merging_of
from saltern.engine.site import PillarSource
from saltern.messages.v1 import AskPillar, PillarIs, decode, encode
from saltern.messages.v1.codec import MAX_ANSWER
from saltern.sdk import AgentControl


def pillar_of(agent: AgentControl) -> PillarSource:
    """Return what gives this agent's pillar, rendered for it alone by a controller.

    What is given for one run is laid over it here: the controllers never see it, so nobody can pose as
    another role by giving it. Raises Unavailable when the pillar does not render, with the controller's
    file and line, or when no controller answers.
    """

    def ask(given: Mapping[str, Any], pillarenv: str) -> Mapping[str, Any]:
        answer = decode(
            agent.ask("pillar", encode(AskPillar(pillarenv=pillarenv))), PillarIs, limit=MAX_ANSWER
        )
        merging: Merging = merging_of(
            {"pillar_source_merging_strategy": answer.strategy, "pillar_merge_lists": answer.merge_lists}
        )
        return merging.with_given(decode_pillar(answer.data), given)

    return ask
