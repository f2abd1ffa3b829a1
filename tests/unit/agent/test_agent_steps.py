"""What the agent's loop makes of a run's own words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.agent.steps import Steps
from saltern.model.update import Progressing


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


BEGUN = line(number=0, of=2, next="test_|-a_|-a_|-nop")
FIRST = line(number=1, of=2, key="test_|-a_|-a_|-nop", result=True, changed=True, next="cmd_|-b c_|-x_|-run")
SECOND = line(number=2, of=2, key="cmd_|-b c_|-x_|-run", result=False, event="my/own tag", comment="No.")


def test_it_counts_and_knows_what_runs() -> None:
    steps = Steps()
    assert list(steps.take(BEGUN)) == []
    assert steps.news() == Progressing(number=0, of=2, running="test.nop a")
    assert steps.news() is None
    events = list(steps.take(FIRST + SECOND))
    assert steps.news() == Progressing(number=2, of=2, changed=1, failed=1)
    told = {"key": "cmd_|-b c_|-x_|-run", "result": False, "changed": False, "comment": "No.", "duration": 0}
    assert events == [("my/own_tag", told)]


def test_an_event_without_a_tag_has_one_of_the_states() -> None:
    [(tag, _)] = Steps().take(line(number=1, of=1, key="file_|-/etc/a b_|-n_|-managed", event=True))
    assert tag == "state/file.managed/etc/a_b".replace("file.managed", "file_managed")


@pytest.mark.parametrize("tag", ["*", ">", "a/>/b", "a.b.*", "", "///", "a\r\nPUB x", "ü" * 500, "$JS.API.x"])
def test_no_tag_is_more_than_words(tag: str) -> None:
    """It becomes part of a subject: no wildcards, no empty words, no line ends, no dots."""
    [(made, _)] = Steps().take(line(number=1, of=1, key="a_|-b_|-c_|-d", event=tag))
    assert made
    for word in made.split("/"):
        assert word
        assert not set(word) & set("*>. \r\n$")


@given(st.binary(max_size=300), st.integers(0, 300))
def test_whatever_comes_in_whatever_pieces(data: bytes, at: int) -> None:
    steps = Steps()
    stream = BEGUN + data.replace(b"\n", b"") + b"\n" + FIRST
    list(steps.take(stream[:at]))
    list(steps.take(stream[at:]))
    found = steps.news()
    assert found is not None
    assert (found.number, found.changed) == (1, 1)
