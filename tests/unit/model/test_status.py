"""What may follow what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.model.status import SETTLED, VERDICTS, Status, advance

ORDER = [Status.QUEUED, Status.SENT, Status.RECEIVED, Status.RUNNING]
STATUSES = st.sampled_from(sorted(Status))
PROOFS = st.sampled_from(sorted(VERDICTS))


@given(STATUSES, STATUSES, st.booleans())
def test_what_is_proven_is_final(current: Status, seen: Status, proof: bool) -> None:
    assert advance(current, seen, proven=True, proof=proof) is None


@given(STATUSES, PROOFS)
def test_a_return_always_wins_once(current: Status, seen: Status) -> None:
    assert advance(current, seen, proven=False, proof=True) is seen


@given(STATUSES, STATUSES)
def test_no_change_is_none(current: Status, seen: Status) -> None:
    assert advance(current, seen, proven=False, proof=False) is not current


@given(st.lists(st.sampled_from(ORDER)))
def test_signs_of_life_never_go_backwards(news: list[Status]) -> None:
    current = Status.QUEUED
    for seen in news:
        following = advance(current, seen, proven=False, proof=False)
        assert following is None or ORDER.index(following) > ORDER.index(current)
        current = following or current
    assert current is max([Status.QUEUED, *news], key=ORDER.index)


@given(st.sampled_from(sorted(SETTLED)), st.sampled_from(ORDER))
def test_a_late_sign_of_life_takes_a_conclusion_back(current: Status, seen: Status) -> None:
    assert advance(current, seen, proven=False, proof=False) is seen


@given(st.lists(st.tuples(STATUSES, st.just(False)) | st.tuples(PROOFS, st.just(True))))
def test_the_first_return_is_what_stays(news: list[tuple[Status, bool]]) -> None:
    current, proven = Status.SENT, False
    for seen, proof in news:
        following = advance(current, seen, proven=proven, proof=proof)
        if following is not None:
            current, proven = following, proof
    first = next((seen for seen, proof in news if proof), None)
    assert proven == (first is not None)
    assert first is None or current is first


@pytest.mark.parametrize("status", ORDER)
def test_one_waits_for_what_is_under_way(status: Status) -> None:
    assert status not in SETTLED


def test_every_status_is_under_way_or_settled() -> None:
    assert set(Status) == set(ORDER) | SETTLED
