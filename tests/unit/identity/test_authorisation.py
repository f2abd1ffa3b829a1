"""One function decides, it denies by default, and nobody can pass by it."""

from __future__ import annotations

import pytest

from saltern.foundation.errors import NotAllowed, UsageError
from saltern.identity.authorise import (
    Action,
    Decision,
    Principal,
    Role,
    Targets,
    admit,
    authorise,
    local_principal,
)
from saltern.model.ids import AgentKey

ADMIN = Principal(name="root", role=Role.ADMIN, via="unix:0")
NOBODY = Principal(name="mallory", role=Role.NOBODY, via="unix:1234")
WEB = Targets({AgentKey("U1"): "web1"}, "web*")


@pytest.mark.parametrize("action", list(Action))
def test_nobody_may_do_nothing(action: Action) -> None:
    with pytest.raises(NotAllowed, match="mallory may not"):
        admit(NOBODY, action)
    with pytest.raises(NotAllowed):
        authorise(NOBODY, action, WEB)


@pytest.mark.parametrize("action", list(Action))
def test_an_admin_may_do_everything(action: Action) -> None:
    decision = authorise(ADMIN, action, WEB, {"fun": "test.ping"})
    assert (decision.principal, decision.action, decision.targets) == (ADMIN, action, WEB)
    decision.require(action)


def test_an_empty_target_is_an_error_and_never_all() -> None:
    with pytest.raises(UsageError, match=r"no agent matches 'nobody\*'"):
        authorise(ADMIN, Action.JOB_RUN, Targets({}, "nobody*"))


def test_who_may_not_learns_nothing_of_the_target() -> None:
    with pytest.raises(NotAllowed):
        authorise(NOBODY, Action.JOB_RUN, Targets({}, "nobody*"))


def test_a_decision_is_about_one_action() -> None:
    decision = authorise(ADMIN, Action.JOB_READ)
    with pytest.raises(NotAllowed):
        decision.require(Action.JOB_RUN, Action.JOB_CANCEL)


def test_what_was_decided_on_does_not_change_afterwards() -> None:
    arguments = {"fun": "test.ping"}
    decision = authorise(ADMIN, Action.JOB_RUN, WEB, arguments)
    arguments["fun"] = "cmd.run"
    assert decision.arguments == {"fun": "test.ping"}


def test_nobody_makes_a_decision_himself() -> None:
    with pytest.raises(NotAllowed, match=r"from authorise\(\) only"):
        Decision(ADMIN, Action.JOB_RUN, WEB, {}, object())
    with pytest.raises(TypeError):
        Decision(ADMIN, Action.JOB_RUN, WEB, {})  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("uid", "service", "role"),
    [(0, 990, Role.ADMIN), (990, 990, Role.ADMIN), (1000, 990, Role.NOBODY), (1000, 0, Role.NOBODY)],
)
def test_on_the_socket_root_and_the_services_own_user_are_admins(uid: int, service: int, role: Role) -> None:
    assert local_principal(uid, "somebody", service).role is role
