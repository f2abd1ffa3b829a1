"""How values, times and progress look."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.cli.client import quoted
from saltern.cli.durations import ago, duration, span
from saltern.cli.exit_codes import ExitCode, of_statuses
from saltern.cli.output.printable import harmless_json, one_line, printable
from saltern.cli.output.progress import Progress
from saltern.cli.output.results import Folder, summary
from saltern.cli.output.style import Style
from saltern.cli.output.table import table
from saltern.cli.output.value import lines
from saltern.foundation.errors import UsageError
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status
from saltern.model.update import Settled

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
TEXT = st.text(st.characters(exclude_categories=[]), max_size=30)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)


@given(VALUES)
def test_no_value_can_steer_a_terminal(value: Any) -> None:
    """Whatever is in it: control characters, changes of direction, halves of characters."""
    for line in lines(value):
        assert "\n" not in line
        assert not STEERING.search(line)


@given(TEXT)
def test_harmless_text_is_still_all_there(text: str) -> None:
    """Printable text is not touched; one line is one line; JSON keeps its value."""
    assert not STEERING.search(printable(text))
    assert "\n" not in one_line(text)
    assert "\t" not in one_line(text)
    if text.isascii() and text.isprintable():
        assert printable(text) == one_line(text) == text
    made = harmless_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(made) == text


def test_deep_nesting_ends_in_one_line() -> None:
    """A hostile depth does not exhaust the stack."""
    value: Any = "leaf"
    for _ in range(200):
        value = [value]
    assert list(lines(value))[-1].endswith('"leaf"' + "]" * 160)


@given(TEXT.filter(lambda text: not re.search("[\ud800-\udfff]", text)))
def test_quoted_path_parts_come_back(text: str) -> None:
    """Any name goes into a path and out again."""
    from urllib.parse import unquote

    assert unquote(quoted(text)) == text
    assert re.fullmatch(r"[A-Za-z0-9%._~-]*", quoted(text))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("10s", 10), ("5m", 300), ("1h30m", 5400), ("2d", 172800), ("1w", 604800), ("0.5s", 0.5)],
)
def test_durations(text: str, seconds: float) -> None:
    """As people write them."""
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 m", "-5s", "0", "5x", "1h-3m", "٣s", "1e9"])
def test_wrong_durations(text: str) -> None:
    """Refused, with an example."""
    with pytest.raises(UsageError):
        duration(text)


def test_spans() -> None:
    """In the unit that suits."""
    shown = [span(seconds) for seconds in (0, 0.1234, 3.44, 59.6, 119, 120, 7200, 172800)]
    assert shown == ["0.01 s", "0.12 s", "3.4 s", "60 s", "119 s", "2 min", "2 h", "2 d"]
    assert (ago(None, 5.0), ago(4.5, 5.0), ago(0.0, 720.0)) == ("never", "now", "12 min ago")


def settled(name: str, **fields: Any) -> Settled:
    """Return a result of ``name``."""
    return Settled(jid=JobId("1"), key=AgentKey(name), name=name, **{"status": Status.OK, **fields})


def test_only_what_is_equal_is_folded() -> None:
    """Status, code, reason, error and every byte count; what is too large to compare stays alone."""
    folder = Folder()
    for result in (
        settled("a", reason="x"),
        settled("b", reason="x"),
        settled("c", reason="y"),
        settled("d", reason="x", retcode=1),
        settled("e", status=Status.FAILED, reason="x"),
        settled("f", status=Status.FAILED, reason="x", error={"message": "m"}),
        settled("g", size=10**9),
        settled("h", size=10**9),
    ):
        folder.add(result)
    assert [group.names for group in folder.drain()] == [["a", "b"], ["c"], ["d"], ["g"], ["h"], ["e"], ["f"]]
    assert folder.drain() == []


def test_the_most_serious_status_decides() -> None:
    """Failed before refused before stopped before unreached."""
    assert of_statuses([]) is ExitCode.OK
    assert of_statuses([Status.OK, Status.OFFLINE, Status.CANCELLED]) is ExitCode.STOPPED
    assert of_statuses([Status.CANCELLED, Status.REFUSED]) is ExitCode.REFUSED
    assert of_statuses([Status.REFUSED, Status.FAILED, Status.LOST]) is ExitCode.FAILED
    assert {of_statuses([status]) for status in Status if status is not Status.OK}.isdisjoint({ExitCode.OK})


def test_the_summary() -> None:
    """Counts, the slowest, the time; in words that fit the numbers."""
    counts = {Status.FAILED: 1, Status.OK: 12_000, Status.TIMED_OUT: 0}
    assert (
        summary(counts, (2.5, "web1"), 3.0)
        == "12,001 agents: 12000 ok, 1 failed · slowest web1 2.5 s · took 3 s"
    )
    assert summary({Status.OK: 1}, (2.5, "web1"), None) == "1 agent: 1 ok"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_the_progress_line() -> None:
    """After a moment, not too often, and gone when something else is written."""
    now = [0.0]
    stream = Terminal()
    progress = Progress(stream, clock=lambda: now[0])
    progress.counts = {Status.OK: 3, Status.RUNNING: 1}
    progress.draw()
    assert stream.getvalue() == ""
    now[0] = 12.0
    progress.draw()
    progress.draw()
    assert stream.getvalue() == "\r\x1b[2K[##################......] 3/4  3 ok  1 running  12 s"
    progress.clear()
    progress.clear()
    assert stream.getvalue().endswith("12 s\r\x1b[2K")


@pytest.mark.parametrize(("stream", "wanted"), [(io.StringIO(), True), (Terminal(), False)])
def test_no_progress_where_it_is_not_wanted(stream: io.StringIO, wanted: bool) -> None:
    """In a pipe, or with --no-progress."""
    now = [0.0]
    progress = Progress(stream, wanted=wanted, clock=lambda: now[0])
    progress.counts = {Status.RUNNING: 1}
    now[0] = 100.0
    progress.draw()
    progress.clear()
    assert stream.getvalue() == ""


def test_columns_stand_under_each_other_whatever_is_in_them() -> None:
    """Wide characters take two columns, combining ones none."""
    heads, *rows = table(("A", "B"), [("日本", "x"), ("e\u0301", "y"), ("\x1b[2J", "z")], Style(False))
    assert rows[0] == "日本     x"
    assert rows[1] == "e\u0301        y"
    assert rows[2] == "\\x1b[2J  z"
    assert heads == "A        B"
