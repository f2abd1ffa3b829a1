"""Nothing is done without a decision, and each kind of deed has been given to somebody."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from saltern.controller.admission import Admission
from saltern.controller.jobs import Jobs
from saltern.controller.plans import Plans
from saltern.identity import authorise
from saltern.identity.authorise import Action, Decision, Role

SOURCE = Path(__file__).parents[2] / "src/saltern"


@pytest.mark.parametrize("action", list(Action))
def test_every_action_is_allowed_to_some_role(action: Action) -> None:
    assert any(action in allowed for allowed in authorise._ALLOWED.values())


@pytest.mark.parametrize("role", list(Role))
def test_every_role_is_named_also_one_that_may_do_nothing(role: Role) -> None:
    assert role in authorise._ALLOWED


def test_decisions_are_made_in_one_function_only() -> None:
    makers = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Decision"
    ]
    assert len(makers) == 1
    assert makers[0].startswith("identity/authorise.py:")


def test_nobody_touches_the_seal() -> None:
    users = [path for path in SOURCE.rglob("*.py") if "_SEAL" in path.read_text()]
    assert users == [SOURCE / "identity/authorise.py"]


@pytest.mark.parametrize("part", [Admission, Jobs, Plans])
def test_who_takes_a_decision_looks_at_it(part: type) -> None:
    """A method that is handed a Decision starts with what it must be about."""
    takers = [
        method
        for _, method in inspect.getmembers(part, inspect.isfunction)
        if "decision" in inspect.signature(method).parameters
    ]
    assert takers
    for method in takers:
        lines = inspect.getsource(method)
        assert f"decision.{Decision.require.__name__}(Action." in lines, method.__qualname__
