"""One agent cannot use up the controller."""

from __future__ import annotations

from saltern.controller.floods import KEPT_OUT, LIMIT, REPORTS, REPORTS_WITHIN, Floods
from saltern.model.ids import AgentKey

A, B = AgentKey("U" + "A" * 55), AgentKey("U" + "B" * 55)


class Clock:
    """A clock that stands still until moved."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.time


def test_who_says_too_much_in_a_second_is_told_of_once_and_not_heard() -> None:
    clock = Clock()
    told: list[AgentKey] = []
    floods = Floods(clock)
    floods.on_flood = told.append
    assert sum(floods.passes(A) for _ in range(3 * LIMIT)) == LIMIT
    assert told == [A]
    assert floods.passes(B), "others are heard"
    clock.time += 1
    assert floods.passes(A), "and so is it, a second later"
    assert floods.kept_out(A), "but its connections are closed"
    assert not floods.kept_out(B)
    clock.time += KEPT_OUT
    assert not floods.kept_out(A)


def test_the_same_about_one_agent_is_reported_a_few_times() -> None:
    clock = Clock()
    floods = Floods(clock)
    assert sum(floods.reports(A, "return/unknown") for _ in range(1000)) == REPORTS
    assert floods.reports(A, "live/malformed")
    assert floods.reports(B, "return/unknown")
    clock.time += REPORTS_WITHIN
    assert floods.reports(A, "return/unknown")
