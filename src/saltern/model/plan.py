"""A plan over a fleet: what a run of states would change on each of its agents, to be done exactly so."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from saltern.model.ids import AgentKey, JobId


class PlanState(StrEnum):
    """Where a plan is in its life."""

    MAKING = "making"  # its agents are looking
    READY = "ready"  # they have all looked, or are not there
    APPROVED = "approved"
    APPLIED = "applied"
    EXPIRED = "expired"


class PlanRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be planned: SLS, or the highstate without any. ``lifetime`` is seconds, None the default."""

    states: tuple[str, ...] = ()
    saltenv: str = "base"
    pillar: dict[str, Any] = {}
    exclude: tuple[str, ...] = ()
    lifetime: float | None = None


class FleetPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One plan. Times are seconds since the epoch.

    ``jid`` is the job in which the agents looked. ``fingerprint`` covers all that every one of them would
    do; it is empty until they all have looked, and what is approved and applied is exactly that.
    """

    id: str
    created: float
    creator: str
    target: str
    target_kind: str
    states: tuple[str, ...]
    saltenv: str
    pillar: dict[str, Any]
    exclude: tuple[str, ...]
    expires: float
    jid: JobId
    fingerprint: str = ""
    approved_by: str = ""
    approved_at: float | None = None
    reason: str = ""
    applied_by: str = ""
    applied_at: float | None = None
    applied_jid: str = ""

    def state(self, now: float) -> PlanState:
        """Return where it is in its life at a time."""
        if self.applied_jid:
            return PlanState.APPLIED
        if now >= self.expires:
            return PlanState.EXPIRED
        if self.approved_by:
            return PlanState.APPROVED
        return PlanState.READY if self.fingerprint else PlanState.MAKING


class PlannedAgent(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan says of one agent. With an ``error`` there is no plan for it, and it gets no job.

    ``told`` has, for each state that would do something, its key, that in a few words, and a mark that is
    the same as long as it would do exactly the same.
    """

    key: AgentKey
    name: str
    fingerprint: str = ""
    changes: int = 0  # states that would change something
    failures: int = 0  # states that would fail
    unknown: int = 0  # of the changes, those that can't be foreseen
    told: tuple[tuple[str, str, str], ...] = ()
    error: str = ""


class PlanDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A plan with all of its agents, by name."""

    plan: FleetPlan
    state: PlanState
    agents: list[PlannedAgent]
