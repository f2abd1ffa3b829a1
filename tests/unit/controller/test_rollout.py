"""Whose turn it is, and when a roll-out stops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.controller.rollout import Roll, check
from saltern.foundation.errors import UsageError
from saltern.model.ids import AgentKey
from saltern.model.job import Rollout

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
