"""One state made true: looked at, mended, looked at again."""

from __future__ import annotations

from typing import Any

import pytest

from saltern.engine.door import PLAIN, Looking, Mending
from saltern.engine.ensure import ensure
from saltern.engine.result import Result
from saltern.sdk import Action, Changes, Conflict, Done, Host, State
from saltern.testing.host import FakeHost

PATH = "/tmp/it"


class Written(State, frozen=True, kw_only=True):
    """A file with a content; ``mends`` says how well apply does its work."""

    text: str
    mends: str = "well"

    def check(self, host: Host) -> Changes:
        return Changes.between({"text": host.text(PATH, "")}, {"text": self.text})

    def apply(self, host: Host, changes: Changes) -> None:
        if self.mends == "before raising":
            host.write(PATH, b"half")
        if self.mends in ("never", "before raising"):
            raise Conflict("it can't be done", hint="do something else")
        host.write(PATH, self.text.encode() if self.mends == "well" else b"something else")


class Sneaky(State, frozen=True, kw_only=True):
    """Writes where it may only look."""

    def check(self, host: Host) -> Changes:
        host.write(PATH, b"sneaked")
        return Changes()


class Rung(Action, frozen=True, kw_only=True):
    """Something done."""

    ok: bool = True

    def apply(self, host: Host, changes: Changes) -> Done:
        return Done(ok=self.ok, changes={"rung": 1}, comment="Rung.", warnings=("loud",))


class Broken(State, frozen=True, kw_only=True):
    """A fault of its author."""

    def check(self, host: Host) -> Changes:
        return Changes({"x": dict[str, str]()["y"]})


def made(
    state: State, *, text: str = "old", dry: bool = False, expected: Changes | None = None
) -> tuple[Result, FakeHost]:
    host = FakeHost(files={PATH: text})
    mending = None if dry else Mending(host, PLAIN, None, lambda path: None, lambda what: None)
    return ensure(state, Looking(host), mending, expected), host


def content(host: FakeHost) -> str:
    return host.files[PATH].data.decode()


CHANGE = {"text": {"old": "old", "new": "new"}}


def test_mended() -> None:
    result, host = made(Written(name="it", text="new"))
    assert (result.result, result.changes, content(host)) == (True, CHANGE, "new")


def test_nothing_to_do() -> None:
    result, _ = made(Written(name="it", text="old"))
    assert (result.result, result.changes, result.changed) == (True, {}, False)


def test_a_dry_run_never_calls_apply() -> None:
    result, host = made(Written(name="it", text="new", mends="never"), dry=True)
    assert (result.result, result.changes, content(host)) == (None, CHANGE, "old")


def test_what_changed_and_still_differs_has_failed() -> None:
    result, host = made(Written(name="it", text="new", mends="badly"))
    assert result.result is False
    assert "still not as it should be: text" in result.comment
    assert content(host) == "something else"


def test_an_error_before_anything_changed() -> None:
    result, _ = made(Written(name="it", text="new", mends="never"))
    assert (result.result, result.changes) == (False, {})
    assert result.comment == "it can't be done\nhint: do something else"


def test_an_error_when_something_has_changed() -> None:
    result, _ = made(Written(name="it", text="new", mends="before raising"))
    assert (result.result, result.changes) == (False, CHANGE)


def test_check_may_only_look() -> None:
    result, host = made(Sneaky(name="it"))
    assert result.result is False
    assert f"check() tried to write {PATH}" in result.comment
    assert content(host) == "old"


def test_an_error_nobody_foresaw_brings_its_traceback() -> None:
    result, _ = made(Broken(name="it"))
    assert result.comment.startswith("An exception occurred in this state: ")
    assert "KeyError: 'y'" in result.comment


def test_an_action() -> None:
    result, _ = made(Rung(name="it"))
    assert (result.result, result.changes, result.comment) == (True, {"rung": 1}, "Rung.")
    assert result.warnings == ("loud",)


def test_an_action_in_a_dry_run_says_that_it_is_unknown() -> None:
    result, _ = made(Rung(name="it"), dry=True)
    assert result.result is None
    assert result.unknown
    assert result.changed


def test_a_failed_action() -> None:
    result, _ = made(Rung(name="it", ok=False))
    assert (result.result, result.changes) == (False, {"rung": 1})


@pytest.mark.parametrize(
    ("foreseen", "result", "left"),
    [(CHANGE, True, "new"), ({}, False, "old"), ({"text": {"old": "older", "new": "new"}}, False, "old")],
)
def test_only_what_was_expected_is_done(foreseen: dict[str, Any], result: bool, left: str) -> None:
    found, host = made(Written(name="it", text="new"), expected=Changes(foreseen))
    assert (found.result, content(host)) == (result, left)
    if not result:
        assert "no longer what was planned (text)" in found.comment
