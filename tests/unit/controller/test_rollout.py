"""Whose turn it is, and when a roll-out stops."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.controller.rollout import Record, Roll, begun, check, next_batch, passes, read, verdict
from saltern.foundation.errors import UsageError
from saltern.identity.authorise import Principal, Role
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Check, Rollout
from saltern.model.status import Status
from saltern.model.update import Settled

KEYS = [AgentKey(f"U{number}") for number in range(10)]


def test_as_many_work_as_the_batch_is_large() -> None:
    roll = Roll(Rollout(batch="3"), KEYS, 10)
    assert roll.take(at_work=0) == KEYS[:3]
    assert roll.take(at_work=3) == []
    assert roll.take(at_work=1) == KEYS[3:5]


def test_a_place_that_is_held_is_not_free() -> None:
    roll = Roll(Rollout(batch="3"), KEYS, 10)
    roll.held = 2
    assert roll.take(at_work=0) == KEYS[:1]


def test_a_share_is_of_all_who_take_part() -> None:
    assert len(Roll(Rollout(batch="20%"), KEYS, 10).take(at_work=0)) == 2
    assert len(Roll(Rollout(batch="1%"), KEYS, 10).take(at_work=0)) == 1


@pytest.mark.parametrize(("allowed", "failed", "stops"), [("2", 2, False), ("2", 3, True), ("10%", 1, False)])
def test_it_stops_when_more_fail_than_allowed(allowed: str, failed: int, stops: bool) -> None:
    roll = Roll(Rollout(batch="1", max_failures=allowed), KEYS, 10)
    assert bool(roll.stop(failed)) is stops
    assert bool(roll.waiting) is not stops


def test_without_a_limit_it_never_stops() -> None:
    assert Roll(Rollout(batch="1"), KEYS, 10).stop(10) == []


@pytest.mark.parametrize(
    "rollout", [Rollout(batch="0"), Rollout(batch="x"), Rollout(batch="1", max_failures="-1")]
)
def test_nonsense_is_refused_before_anything_is_sent(rollout: Rollout) -> None:
    with pytest.raises(UsageError):
        check(rollout, 10)


@given(st.integers(1, 12), st.lists(st.integers(0, 12), max_size=60))
def test_everybody_has_exactly_one_turn_and_never_too_many_work(size: int, ends: list[int]) -> None:
    roll = Roll(Rollout(batch=str(size)), KEYS, 10)
    working: list[AgentKey] = []
    had: list[AgentKey] = []
    for end in [*ends, *([12] * 30)]:
        turn = roll.take(len(working))
        had += turn
        working += turn
        assert len(working) <= size
        del working[: min(end, len(working))]
    assert had == KEYS


# --- in steps -----------------------------------------------------------------------------------------


def in_steps(**fields: Any) -> Rollout:
    return Rollout(**{"batch": "2", "rollback": True, **fields})


@given(st.integers(1, 40), st.integers(1, 50))
def test_everybody_has_one_turn_in_order(batch: int, count: int) -> None:
    waiting = [AgentKey(f"K{number}") for number in range(count)]
    turns: list[AgentKey] = []
    while waiting:
        now = next_batch(in_steps(batch=str(batch)), waiting, count)
        assert 1 <= len(now) <= batch
        turns += now
        waiting = waiting[len(now) :]
    assert turns == [AgentKey(f"K{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("fields", "failed", "stops"),
    [
        ({}, 0, False),
        ({}, 1, True),
        ({"max_failures": "1"}, 1, False),
        ({"max_failures": "1"}, 2, True),
        ({"max_failures": "10%"}, 1, False),
        ({"max_failures": "10%"}, 2, True),
        ({"rollback": False, "checks": (Check(fun="test.ping"),)}, 9, False),
    ],
)
def test_with_rollback_nothing_may_fail_unless_it_is_said(
    fields: dict[str, Any], failed: int, stops: bool
) -> None:
    assert bool(verdict(in_steps(**fields), failed, 10)) is stops


@pytest.mark.parametrize(
    ("status", "data", "well"),
    [
        (Status.OK, b"true", True),
        (Status.OK, b"false", False),
        (Status.OK, b'""', True),
        (Status.OK, None, True),
        (Status.FAILED, b"true", False),
        (Status.OFFLINE, None, False),
    ],
)
def test_what_passes_a_check(status: Status, data: bytes | None, well: bool) -> None:
    raw = msgspec.UNSET if data is None else msgspec.Raw(data)
    settled = Settled(jid=JobId("2"), key=AgentKey("K"), name="a", status=status, data=raw)
    assert passes(settled) is well


def test_a_record_outlives_the_controller() -> None:
    principal = Principal(name="root", role=Role.ADMIN, via="unix:0")
    assert read(begun(principal, 5.0)) == Record(principal=principal, since=5.0)
