"""Every case under this folder: a world, a call, and what must follow.

A case is ``<noun>/<function>/<case>.yaml``::

    given:                      # FakeHost's arguments, tree: {path: content}, pillar: {…}, opts: {…}
      files: {/etc/shells: "/bin/sh\\n"}
      programs: {"ls /": "etc\\n"}
    call: [cmd.run, "ls /", "timeout=3"]      # as typed on the command line; or {fun, args, kwargs}
    then:
      data: etc                 # what is returned
      retcode: 0                # default; with an error any other
      error: {kind: not_found, message: "a part of it", hint: "a part of it"}
      files: {/etc/x: "content", /etc/gone: null}
      ran: ["ls /"]
      emitted: {stdout: "etc\\n"}
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from saltern.cli.arguments import parse
from saltern.engine.call import call
from saltern.engine.outcome import Outcome
from saltern.sdk import Uname, User
from saltern.testing.agent import FakeAgent
from saltern.testing.host import FakeHost, interface
from saltern.testing.states import site

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/*/*.yaml"))
MISSING = object()


class Then(msgspec.Struct, forbid_unknown_fields=True):
    """What must follow; what is not mentioned is not looked at."""

    data: Any = MISSING
    retcode: int = 0
    error: dict[str, str] | None = None
    files: dict[str, str | None] = {}
    ran: list[str] | None = None
    emitted: dict[str, str] | None = None
    signals: list[list[int]] | None = None
    jobs_signalled: list[list[Any]] | None = None
    slept: float | None = None


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """One file."""

    call: list[str] | dict[str, Any]
    then: dict[str, Any]
    given: dict[str, Any] = {}


@pytest.mark.parametrize("path", CASES, ids=[str(path.relative_to(HERE)) for path in CASES])
def test_case(path: Path) -> None:
    case = msgspec.convert(yaml.load(path.read_text(), yaml.CSafeLoader), Case)
    fun = case.call[0] if isinstance(case.call, list) else case.call["fun"]
    assert fun == f"{path.parent.parent.name}.{path.parent.name}", "filed under another function's name"
    then = Then(**case.then)
    host = world(case.given)
    start = host.now()
    outcome = made(host, case.call)
    check_outcome(outcome, then)
    check_world(host, then)
    if then.slept is not None:
        assert host.now() - start == pytest.approx(then.slept)
    host.check()


def world(given: dict[str, Any]) -> FakeHost:
    """Build the world a case describes."""
    given = dict(given)
    given["users"] = [User(**one) for one in given.get("users", [])]
    given["interfaces"] = [
        interface(name, *one.pop("addresses", []), **one) for name, one in given.get("interfaces", {}).items()
    ]
    if "uname" in given:
        given["uname"] = Uname(**given["uname"])
    if "agent" in given:
        given["agent"] = FakeAgent(**given["agent"])
    supplied = {name: given.pop(name, None) for name in ("tree", "pillar", "opts")}
    host = FakeHost(**given)
    if any(one is not None for one in supplied.values()):
        site(host, **supplied)
    return host


def made(host: FakeHost, wanted: list[str] | dict[str, Any]) -> Outcome:
    """Make the call."""
    if isinstance(wanted, dict):
        return call(host, wanted["fun"], wanted.get("args", ()), wanted.get("kwargs", {}))
    return call(host, wanted[0], *parse(wanted[1:]))


def check_outcome(outcome: Outcome, then: Then) -> None:
    """Compare what came back."""
    if then.error is None:
        assert outcome.error is None
    else:
        assert outcome.error is not None, outcome
        assert not outcome.ok
        for field, part in then.error.items():
            assert part in getattr(outcome.error, field)
    assert outcome.ok == (outcome.retcode == 0)
    if then.error is None or then.retcode:
        assert outcome.retcode == then.retcode, outcome
    if then.data is not MISSING:
        assert json.loads(outcome.data) == then.data


def check_world(host: FakeHost, then: Then) -> None:
    """Compare what is left behind."""
    for path, content in then.files.items():
        found = host.files.get(path)
        assert (found.data.decode() if found else None) == content, path
    if then.ran is not None:
        assert [shlex.join(command.argv) for command in host.ran] == then.ran
    if then.emitted is not None:
        shown: dict[str, str] = {}
        for stream, data in host.emitted:
            shown[stream] = shown.get(stream, "") + data.decode()
        assert shown == then.emitted
    if then.signals is not None:
        assert [list(one) for one in host.signals] == then.signals
    if then.jobs_signalled is not None:
        assert isinstance(host.agent, FakeAgent)
        assert [list(one) for one in host.agent.signals] == then.jobs_signalled
