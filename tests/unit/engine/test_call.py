"""Whatever a function does, an Outcome comes back."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Mapping
from typing import Any, NoReturn

import pytest

from saltern.engine.call import call
from saltern.engine.outcome import Outcome
from saltern.sdk import CommandFailed, Host, NotFound
from saltern.sdk.registry import Registry
from saltern.testing.host import FakeHost


class Unshowable(Exception):
    """An exception whose text can't be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Coded(Exception):
    """An exception with a code of its own."""

    retcode = 9


def unforeseen(host: Host) -> NoReturn:
    raise ValueError("what now")


def foreseen(host: Host) -> NoReturn:
    raise NotFound("no such thing", hint="look elsewhere", where="/etc/x:3")


def failed(host: Host) -> NoReturn:
    raise CommandFailed("it broke", retcode=17)


def coded(host: Host) -> NoReturn:
    raise Coded("own code")


def unshowable(host: Host) -> NoReturn:
    raise Unshowable


def leaves(host: Host, code: Any = None) -> NoReturn:
    sys.exit(code)


def marked(host: Host) -> str:
    host.fail(4)
    return "data all the same"


def deep(host: Host) -> None:
    deep(host)


def no_data(host: Host) -> object:
    return object()


def interrupted(host: Host) -> NoReturn:
    raise KeyboardInterrupt


class Here:
    """A source with this module's functions."""

    def modules(self) -> Mapping[str, str]:
        return {"noun": "noun_under_test"}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    module = types.ModuleType("noun_under_test")
    for each in (
        *(unforeseen, foreseen, failed, coded, unshowable, leaves, marked, deep, no_data, interrupted),
    ):
        made = types.FunctionType(each.__code__, globals() | {"__name__": module.__name__}, each.__name__)
        made.__annotations__ = each.__annotations__
        made.__defaults__ = each.__defaults__
        made.__module__ = module.__name__
        setattr(module, each.__name__, made)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Registry(Here())


def made(registry: Registry, fun: str, *args: Any) -> Outcome:
    return call(FakeHost(), f"noun.{fun}", args, registry=registry)


def test_an_unforeseen_exception_brings_its_traceback(registry: Registry) -> None:
    outcome = made(registry, "unforeseen")
    assert (outcome.ok, outcome.retcode, outcome.data) == (False, 1, b"null")
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.message) == ("ValueError", "what now")
    assert "in unforeseen" in outcome.error.detail
    assert "engine/call.py" not in outcome.error.detail


def test_a_foreseen_one_does_not(registry: Registry) -> None:
    error = made(registry, "foreseen").error
    assert error is not None
    assert (error.kind, error.message, error.hint, error.detail) == (
        *("not_found", "/etc/x:3: no such thing"),
        *("look elsewhere", ""),
    )


@pytest.mark.parametrize(("fun", "retcode"), [("failed", 17), ("coded", 9), ("unforeseen", 1)])
def test_the_exception_s_own_code(registry: Registry, fun: str, retcode: int) -> None:
    assert made(registry, fun).retcode == retcode


def test_an_exception_that_can_not_be_shown(registry: Registry) -> None:
    error = made(registry, "unshowable").error
    assert error is not None
    assert error.message == "Unshowable that can't be shown (RuntimeError)"


@pytest.mark.parametrize(
    ("code", "ok", "retcode"), [(None, True, 0), (0, True, 0), (3, False, 3), ("sorry", False, 1)]
)
def test_leaving_ends_only_the_call(registry: Registry, code: Any, ok: bool, retcode: int) -> None:
    outcome = made(registry, "leaves", code)
    assert (outcome.ok, outcome.retcode, outcome.error is None) == (ok, retcode, ok)


def test_marked_as_failed_with_data(registry: Registry) -> None:
    outcome = made(registry, "marked")
    assert (outcome.ok, outcome.retcode, outcome.error) == (False, 4, None)
    assert json.loads(outcome.data) == "data all the same"


def test_the_mark_of_one_call_is_not_the_next_one_s(registry: Registry) -> None:
    host = FakeHost()
    assert call(host, "noun.marked", registry=registry).retcode == 4
    assert call(host, "noun.leaves", registry=registry).retcode == 0


def test_endless_recursion(registry: Registry) -> None:
    error = made(registry, "deep").error
    assert error is not None
    assert error.kind == "RecursionError"
    assert len(error.detail) < 10_000


def test_a_result_that_is_no_data(registry: Registry) -> None:
    error = made(registry, "no_data").error
    assert error is not None
    assert (error.kind, error.message) == ("not_data", "the function returned object, which can't be sent")


def test_the_keyboard_gets_through(registry: Registry) -> None:
    with pytest.raises(KeyboardInterrupt):
        made(registry, "interrupted")


def test_an_unknown_function(registry: Registry) -> None:
    error = made(registry, "faild").error
    assert error is not None
    assert (error.kind, error.hint) == ("not_found", "did you mean 'noun.failed'?")
