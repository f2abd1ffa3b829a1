"""The decision table of a restart."""

from __future__ import annotations

import pytest

from saltern.agent.journal import Entry, Kept, Started
from saltern.agent.recovery import Adopt, GiveUp, Run, decide
from saltern.messages.v1 import Order
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status

JID = JobId("20260101000000000000")
ORDER = Order(jid=JID, to=AgentKey("U"), issued=0.0, expires=100.0, nonce=b"", fun="test.ping")
HERE, BEFORE = Started(JID, "here"), Started(JID, "before")
KEPT = Kept(JID, 1, 2, 3.0, None)


@pytest.mark.parametrize(
    ("started", "kept", "lives", "handed", "damaged", "now", "expected"),
    [
        (None, None, False, False, False, 99.0, "run"),
        (None, None, False, False, False, 100.0, Status.REFUSED),
        (None, None, False, True, True, 99.0, "run"),
        (HERE, None, False, False, False, 99.0, "run"),
        (HERE, None, False, False, False, 101.0, Status.REFUSED),
        (HERE, None, False, True, True, 99.0, Status.LOST),
        (HERE, None, False, False, True, 99.0, "run"),
        (HERE, KEPT, True, False, False, 101.0, "adopt"),
        (HERE, KEPT, True, True, False, 101.0, "adopt"),
        (HERE, KEPT, False, True, False, 99.0, Status.LOST),
        (HERE, KEPT, False, False, False, 99.0, "run"),
        (HERE, KEPT, False, False, False, 101.0, Status.REFUSED),
        (BEFORE, None, False, False, False, 99.0, Status.LOST),
        (BEFORE, KEPT, False, False, False, 99.0, Status.LOST),
        (BEFORE, KEPT, True, True, False, 99.0, Status.LOST),  # the process id means another process now
    ],
)
def test_decision(
    started: Started | None,
    kept: Kept | None,
    lives: bool,
    handed: bool,
    damaged: bool,
    now: float,
    expected: str,
) -> None:
    entry = Entry(ORDER, started, kept)
    decision = decide(entry, boot="here", keeper_lives=lives, handed=handed, damaged=damaged, now=now)
    match decision:
        case Run():
            assert expected == "run"
        case Adopt():
            assert expected == "adopt"
        case GiveUp(verdict, reason):
            assert verdict == expected
            assert reason
