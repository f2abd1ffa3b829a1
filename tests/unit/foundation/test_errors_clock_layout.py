"""Errors as people and programs see them; time; where things lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.foundation.clock import SystemClock
from saltern.foundation.errors import NotFound, SalternError, nearest
from saltern.foundation.layout import Layout


def test_an_error_says_where() -> None:
    error = NotFound("no such thing", hint="look elsewhere", where="a.yaml:3")
    assert str(error) == "a.yaml:3: no such thing"
    assert (error.code, error.message, error.hint) == ("not_found", "no such thing", "look elsewhere")


def errors(kind: type[SalternError] = SalternError) -> Iterator[type[SalternError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from errors(each)


def test_foundation_errors_have_codes_of_their_own() -> None:
    own = [kind for kind in errors() if kind.__module__ == "saltern.foundation.errors"]
    codes = [kind.code for kind in own]
    assert len(codes) == len(set(codes))
    assert all(code.isidentifier() and code.islower() for code in codes)


@pytest.mark.parametrize(
    ("word", "says"),
    [("fabrik", "did you mean 'fabric'?"), ("qqq", ""), ("", ""), ("fabric", "did you mean 'fabric'?")],
)
def test_the_nearest_word(word: str, says: str) -> None:
    assert nearest(word, ["fabric", "jobs"]) == says


def test_steady_time_never_goes_back() -> None:
    clock = SystemClock()
    moments = [clock.steady() for _ in range(100)]
    assert moments == sorted(moments)
    assert clock.now() > 1_700_000_000


def test_the_root_is_chosen_by_argument_then_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALTERN_ROOT", "/from/environment")
    assert Layout.choose(tmp_path).root == tmp_path
    assert Layout.choose().root == Path("/from/environment")
    monkeypatch.delenv("SALTERN_ROOT")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert Layout.choose().root == Path("/")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert Layout.choose().root == Path("/home/somebody/.saltern")


def test_a_relative_root_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Layout.choose("here").root == tmp_path / "here"


def test_a_packaged_installation_lies_where_people_look() -> None:
    layout = Layout(Path("/"))
    assert str(layout.settings) == "/etc/saltern"
    assert str(layout.controller) == "/var/lib/saltern/controller"
    assert str(layout.agent) == "/var/lib/saltern/agent"
    assert str(layout.socket) == "/run/saltern/api.sock"
