"""The one place that decides who may do what. Deny by default.

Nothing is sent to an agent, and no key, token or job is changed, without a ``Decision``; only
``authorise`` makes them. A decision carries the resolved targets, and dispatch uses those, so a group that
changes in between changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from saltern.foundation.errors import NotAllowed, UsageError
from saltern.model.ids import AgentKey


class Action(StrEnum):
    """Everything that is ever asked for.

    ``job.run`` is the right to run anything at all. States, and even looking what they would do, render
    templates that may call any function; so plans, their application, looks for drift, the checks of a
    roll-out and its undoing are all ``job.run`` on their agents, decided here like any other job. Whoever
    restricts functions one day must count each of these as *any function*.
    """

    JOB_RUN = "job.run"
    JOB_CANCEL = "job.cancel"
    JOB_READ = "job.read"
    PLAN_READ = "plan.read"
    PLAN_APPROVE = "plan.approve"
    DRIFT_READ = "drift.read"
    AGENT_READ = "agent.read"
    PILLAR_READ = "pillar.read"
    EVENT_READ = "event.read"
    KEY_READ = "key.read"
    KEY_CHANGE = "key.change"
    TOKEN_READ = "token.read"  # noqa: S105
    TOKEN_CHANGE = "token.change"  # noqa: S105
    MINE_READ = "mine.read"
    MINE_CHANGE = "mine.change"
    AUDIT_READ = "audit.read"
    AUDIT_CHANGE = "audit.change"
    SYSTEM_READ = "system.read"
    SYSTEM_CHANGE = "system.change"


class Role(StrEnum):
    """What a principal is to us."""

    ADMIN = "admin"
    PEER = "peer"  # an agent that publishes: what it may run is up to the settings
    NOBODY = "nobody"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. ``name`` is for people and the audit log; ``via`` tells how we know."""

    name: str
    role: Role
    via: str


class Targets(msgspec.Struct, frozen=True):
    """The exact agents an action is about: key to name, in the order to be shown.

    ``unknown`` are names written out in the expression that no agent has.
    """

    members: dict[AgentKey, str]
    expression: str
    kind: str = "glob"
    unknown: tuple[str, ...] = ()


NO_TARGETS: Final = Targets({}, "")

_ALLOWED: Final[Mapping[Role, frozenset[Action]]] = {
    Role.ADMIN: frozenset(Action),
    Role.PEER: frozenset({Action.JOB_RUN}),
    Role.NOBODY: frozenset(),
}
#: Actions that are meaningless without agents: an empty set is an error, never "all".
_NEEDS_TARGETS: Final = frozenset({Action.JOB_RUN})
_SEAL: Final = object()


class Decision:
    """A permission that was given. Only ``authorise`` can make one."""

    __slots__ = ("action", "arguments", "principal", "targets")

    def __init__(
        self,
        principal: Principal,
        action: Action,
        targets: Targets,
        arguments: Mapping[str, Any],
        seal: object,
    ) -> None:
        if seal is not _SEAL:
            raise NotAllowed("a Decision comes from authorise() only")
        self.principal = principal
        self.action = action
        self.targets = targets
        self.arguments = arguments

    def require(self, *actions: Action) -> None:
        """Raise NotAllowed unless this decision is about one of ``actions``."""
        if self.action not in actions:
            raise NotAllowed(f"a decision about {self.action} does not allow {' or '.join(actions)}")


def admit(principal: Principal, action: Action) -> None:
    """Raise NotAllowed when ``principal`` may never do ``action``, whoever it is done to.

    It comes before the request is read: a stranger learns nothing, not even that the request was wrong.
    """
    if action not in _ALLOWED.get(principal.role, frozenset()):
        raise NotAllowed(
            f"{principal.name} may not {action}",
            hint="on this socket only root and the user that runs the controller are admins",
        )


def authorise(
    principal: Principal,
    action: Action,
    targets: Targets = NO_TARGETS,
    arguments: Mapping[str, Any] | None = None,
) -> Decision:
    """Return the Decision that ``principal`` may do ``action`` to ``targets`` with ``arguments``.

    Raises NotAllowed when it may not, UsageError when the action needs targets and there are none.
    """
    admit(principal, action)
    if action in _NEEDS_TARGETS and not targets.members:
        raise UsageError(f"no agent matches {targets.expression!r}", hint="see `saltern minions`")
    return Decision(principal, action, targets, dict(arguments or {}), _SEAL)


def local_principal(uid: int, user_name: str, service_uid: int) -> Principal:
    """Return who is at the other end of the Unix socket: root and the service's own user are admins."""
    role = Role.ADMIN if uid in (0, service_uid) else Role.NOBODY
    return Principal(name=user_name, role=role, via=f"unix:{uid}")
