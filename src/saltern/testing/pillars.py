"""The part of a fake controller that knows pillars."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from saltern.foundation.errors import Conflict
from saltern.identity.authorise import Action, Decision
from saltern.model.ids import AgentKey
from saltern.model.pillar import PillarCheck, PillarTop, ShownPillar
from saltern.sdk.secret import unmasked


class FakePillars:
    """Pillars that you describe: ``pillars`` has them by the agents' names; an error does not render."""

    def __init__(self) -> None:
        self.pillars: dict[str, dict[str, Any] | Conflict] = {}

    async def show_pillar(self, decision: Decision, *, pillarenv: str, unmask: bool) -> ShownPillar:
        """Return what is in ``pillars``."""
        decision.require(Action.PILLAR_READ)
        (name,) = decision.targets.members.values()
        return ShownPillar(name=name, pillar=msgspec.Raw(_json(self._pillar(name), unmask)))

    async def pillar_top(self, decision: Decision, *, pillarenv: str) -> PillarTop:
        """Return that the SLS ``all`` makes it, and that the grain ``roles`` is not believed."""
        decision.require(Action.PILLAR_READ)
        (name,) = decision.targets.members.values()
        return PillarTop(name=name, top={"base": ["all"]}, untrusted=("roles",))

    async def check_pillars(self, members: Mapping[AgentKey, str]) -> AsyncIterator[PillarCheck]:
        """Yield that pillars render, but for those that are errors."""
        for name in members.values():
            found = self.pillars.get(name, {})
            if isinstance(found, Conflict):
                yield PillarCheck(name=name, ok=False, message=found.message, hint=found.hint)
            else:
                yield PillarCheck(name=name, ok=True)

    def _pillar(self, name: str) -> dict[str, Any]:
        found = self.pillars.get(name, {})
        if isinstance(found, Conflict):
            raise found
        return found


def _json(pillar: dict[str, Any], unmask: bool) -> bytes:
    from saltern.engine.encode import encode

    return encode(unmasked(pillar) if unmask else pillar)
