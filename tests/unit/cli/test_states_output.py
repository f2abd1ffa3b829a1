"""Runs of states on many machines: folded by outcome, and drawn while they go on."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.cli.output.progress import Progress
from saltern.cli.output.states import Gathered, folded
from saltern.cli.output.style import Style
from saltern.model.ids import JobId
from saltern.model.status import Status
from saltern.model.update import Step, Stepped
from saltern.testing.controller import Answer, FakeController, value

Saltern = Callable[..., Any]
KEY = "file_|-motd_|-/etc/motd_|-managed"
RUN = "cmd_|-run_|-date_|-run"


def one(result: bool | None = True, number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "result": result,
        "comment": "Said.",
        "changes": {},
        "name": "/etc/motd",
        "__id__": "motd",
        "__run_num__": number,
        "start_time": "12:00:00",
        "duration": 1.0,
        **more,
    }


def text(machines: dict[str, dict[str, Any]], mode: Any = "changes") -> str:
    gathered = Gathered(mode)
    for name, results in machines.items():
        assert gathered.add(name, json.dumps(results).encode())
    return "\n".join(folded(gathered.drain(), Style(False), mode))


def test_equal_outcomes_are_shown_once_whatever_time_they_took() -> None:
    machines = {
        f"web{number}": {
            KEY: one(changes={"diff": "-a\n+b"}, duration=number * 1.5, start_time=f"12:00:0{number}"),
            RUN: one(number=1, changes={"pid": 100 + number, "stdout": "x"}),
        }
        for number in range(3)
    }
    shown = text(machines)
    assert shown.startswith("web[0-2] (3):\n")
    assert shown.count("+b") == 1
    assert "Started" not in shown
    assert shown.endswith("3 agents: all the same: 2 states, 2 changes")


def test_who_differs_is_shown_by_what_differs() -> None:
    same = {KEY: one(changes={"mode": "0644"}), RUN: one(number=1)}
    other = same | {RUN: one(False, number=1, comment="It broke.")}
    shown = text({"a": same, "b": same, "c": other})
    assert "a,b (2):" in shown or "[a-b]" in shown or "a,b" in shown
    rest = (
        shown.partition("c: 2 states, 1 change, 1 failed; 1 as on [a-b]")[2] or shown.partition("1 as on ")[2]
    )
    assert "It broke." in rest
    assert "mode" not in rest
    assert rest.endswith("3 agents: 2 the same (2 states, 1 change); 1 differ")


def test_who_has_nothing_to_change_is_alike_whatever_its_states_are_called() -> None:
    machines = {name: {f"file_|-{name}_|-{name}_|-managed": one(comment=name)} for name in "abc"}
    assert text(machines).endswith("3 agents: all the same: 1 state, nothing to change")
    assert text(machines, "full").endswith("3 agents: all different")


def test_a_state_whose_name_is_another_on_each_machine_is_there() -> None:
    shown = text({"a": {KEY: one(changes={"diff": "x"})}, "b": {KEY.replace("/etc", "/b"): one(False)}})
    assert "b: 1 state, 1 failed\n" in shown
    assert "1 not there" in text({"a": {KEY: one(changes={"diff": "x"})}, "b": {RUN: one()}})


def test_failures_are_full_in_every_mode() -> None:
    results = {KEY: one(False, comment="First.\nSecond.")}
    for mode in ("full", "terse", "mixed", "changes", "filter", "summary"):
        assert "Second." in text({"a": results}, mode)


def test_a_plan_is_shown_like_a_run() -> None:
    planned = [{"key": KEY, "result": None, "comment": "It would.", "changes": {"mode": "0600"}}]
    shown = text({"a": {"planned": planned, "fingerprint": "x", "machine": "a"}})
    assert "Result: None" in shown
    assert "mode: 0600" in shown


def test_what_is_no_run_of_states_is_not_taken() -> None:
    for data in (b"true", b'{"a_|-b": 1}', b'"_|-_|-_|-"', b"[]"):
        assert not Gathered("full").add("a", data)


@given(st.lists(st.sampled_from([None, True, False]), min_size=1, max_size=12))
def test_everybody_is_in_exactly_one_group(ends: list[bool | None]) -> None:
    gathered = Gathered("full")
    for number, end in enumerate(ends):
        gathered.add(f"m{number}", json.dumps({KEY: one(end)}).encode())
    groups = gathered.drain()
    assert len(groups) == len(set(ends))
    assert sorted(name for group in groups for name in group.names) == sorted(
        f"m{number}" for number in range(len(ends))
    )
    assert len(groups[0].names) == max(len(group.names) for group in groups)


@pytest.mark.usefixtures("api")
def test_a_run_of_states_through_the_command(saltern: Saltern, controller: FakeController) -> None:
    def applied(agent: Any, request: Any) -> Answer:
        if agent.name == "web3":
            return value({KEY: one(False, comment="No.")}, status=Status.FAILED, retcode=2)
        return value({KEY: one(changes={"diff": "+new"})})

    controller.functions["state.apply"] = applied
    done = saltern("run", "web*", "state.apply", "motd", "--state-output", "terse")
    assert done.code == 1
    assert "web[1-2] (2):\n  Name: /etc/motd - Function: file.managed - Result: Changed\n" in done.out
    assert "web3: 1 state, 1 failed" in done.out
    assert "3 agents: 2 the same (1 state, 1 change); 1 differ" in done.out
    assert re.search(r"\nwhy: saltern why \d{20} web3\n$", done.err)
    whole = saltern("run", "web*", "state.apply", "motd", "--json")
    assert {json.loads(line)["name"] for line in whole.out.splitlines()} == {"web1", "web2", "web3"}


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class Clock:
    """Goes on by a second at each look."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        self.time += 1.0
        return self.time


STEPPED = Stepped(
    jid=JobId("2"),
    number=1200,
    of=4000,
    changed=3,
    failed=1,
    steps=(Step(name="web1", number=3, of=40, running="file.managed motd\x1b[2J", changed=1, failed=1),),
)


def test_a_terminal_shows_who_is_behind_and_where() -> None:
    stream = Terminal()
    progress = Progress(stream, clock=Clock())
    progress.counts = {Status.RUNNING: 1, Status.OK: 3}
    progress.stepped = STEPPED
    progress.draw()
    shown = stream.getvalue()
    assert "  web1  3/40  1 changed  1 FAILED  file.managed motd\\x1b[2J\n" in shown
    assert "states: 1,200 of 4,000  3 changed  1 failed\n" in shown
    assert "] 3/4  " in shown
    progress.clear()
    assert stream.getvalue().endswith("\r\x1b[2K" + "\x1b[1A\x1b[2K" * 2)


def test_elsewhere_a_plain_line_comes_now_and_then() -> None:
    stream = io.StringIO()
    progress = Progress(stream, clock=Clock())
    progress.stepped = STEPPED
    for _ in range(30):
        progress.draw()
    lines = stream.getvalue().splitlines()
    assert 2 <= len(lines) <= 3
    assert lines[0].startswith("states: 1,200 of 4,000")
