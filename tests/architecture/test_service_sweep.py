"""Every question an agent may ask: described by a frame, and garbage is answered with a no."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from saltern.controller.happenings import Happenings
from saltern.controller.intake import Intake
from saltern.foundation.clock import SystemClock
from saltern.messages.v1 import Denied, Frame, decode
from saltern.transport.connection import Message

#: Always the same: test ids hold it.
KEY = "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK"
GARBAGE = [b"", b"\x01", b"\x00" * 40, b"\x02\x80", b"\x01\x90", b"{}", b"\x01" + b"\x91" * 3000]


class Line:
    """A connection that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        """Keep it."""
        self.sent.append((subject, data))


def intake() -> tuple[Intake, Line]:
    """Return an intake none of whose parts may be touched: no garbage gets that far."""
    untouchable = cast(Any, None)
    made = Intake(
        authority=cast(Any, SimpleNamespace(orders=None)),
        endpoint=untouchable,
        fleet=untouchable,
        jobs=untouchable,
        admission=untouchable,
        happenings=Happenings(SystemClock()),
        peers=untouchable,
        mine=untouchable,
        publishing=untouchable,
        clock=SystemClock(),
    )
    line = Line()
    made._connection = cast(Any, line)
    return made, line


def ask(subject: str, data: bytes, reply: str) -> list[tuple[str, bytes]]:
    async def run() -> list[tuple[str, bytes]]:
        made, line = intake()
        message = Message(subject, data, reply, cast(Any, None))
        await (made._on_enrol if subject.startswith("enrol.") else made._on_rpc)(message)
        await asyncio.gather(*made._tasks)
        assert not made._busy
        return line.sent

    return asyncio.run(run())


SERVICES = sorted(intake()[0].services)


def test_there_are_services() -> None:
    assert {"hello", "renew"} <= set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_what_its_question_looks_like(service: str) -> None:
    frame = intake()[0].services[service].frame
    assert issubclass(frame, Frame)
    assert frame is not Frame


@pytest.mark.parametrize("data", GARBAGE, ids=lambda data: data[:8].hex() or "nothing")
@pytest.mark.parametrize(
    "service", [f"rpc.{KEY}.{name}" for name in SERVICES] + [f"enrol.{KEY}", "enrol.open"]
)
def test_garbage_is_answered_with_a_no(service: str, data: bytes) -> None:
    inbox = "_open.x" if service == "enrol.open" else f"_in.{KEY}.x"
    [(subject, answer)] = ask(service, data, inbox)
    assert subject == inbox
    assert decode(answer, Denied).code == "bad_message"


def test_a_service_that_does_not_exist_is_answered_with_a_no() -> None:
    [(_, answer)] = ask(f"rpc.{KEY}.__class__", b"\x01\x80", f"_in.{KEY}.x")
    assert decode(answer, Denied).code == "no_such_service"


@pytest.mark.parametrize("service", [*SERVICES, "nonsense"])
@pytest.mark.parametrize(
    "reply",
    [
        "",
        "job.UOTHER",
        "_in.UOTHER.x",
        f"_in.{KEY}",
        f"_in.{KEY}x.y",
        "$JS.API.STREAM.DELETE.RETURNS",
        "_open.x",
    ],
)
def test_nobody_is_answered_where_he_cannot_hear(service: str, reply: str) -> None:
    """Else an agent could make the controller, which may write everywhere, write for it."""
    assert ask(f"rpc.{KEY}.{service}", b"garbage", reply) == []


def test_who_comes_with_nothing_is_not_answered_in_an_agents_inbox() -> None:
    assert ask("enrol.open", b"garbage", f"_in.{KEY}.x") == []
