"""Answers are for one agent, to one question, and the controller's."""

from __future__ import annotations

import pytest

from saltern.controller.answers import KEPT, PART, ROOM, Answers
from saltern.foundation.errors import Conflict, Refused, Unavailable
from saltern.identity.keys import KeyPair, Kind, PublicKey
from saltern.messages.v1 import Answered, More, Part, Parts, Question, Restored, Signed, decode, encode
from saltern.messages.v1 import Piece as Large
from saltern.messages.v1.answers import PURPOSE, sign, verify
from saltern.messages.v1.codec import MAX_ANSWER
from saltern.model.ids import AgentKey

CONTROLLER, OTHER = KeyPair.new(Kind.USER), KeyPair.new(Kind.USER)
SIGNER = PublicKey(CONTROLLER.public)
ME = AgentKey(KeyPair.new(Kind.USER).public)
NONCE = b"n" * 16


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.time


def answer(**changed: object) -> Answered:
    return Answered(**{"to": ME, "nonce": NONCE, "body": b"body", **changed})  # type: ignore[arg-type]


def test_the_answer_comes_out() -> None:
    assert verify(sign(CONTROLLER, answer()), SIGNER, ME, NONCE) == b"body"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (sign(OTHER, answer()), "not signed"),
        (sign(CONTROLLER, answer(to=AgentKey(OTHER.public))), "another agent"),
        (sign(CONTROLLER, answer(nonce=b"x" * 16)), "another question"),
        (encode(Signed(body=encode(answer()), signature=CONTROLLER.sign(encode(answer())))), "not signed"),
        (
            encode(Signed(body=encode(Restored()), signature=CONTROLLER.sign(PURPOSE + encode(Restored())))),
            "malformed",
        ),
        (b"{}", "malformed"),
        (b"", "malformed"),
    ],
)
def test_what_is_not_the_answer_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(Refused, match=says):
        verify(data, SIGNER, ME, NONCE)


def test_an_order_is_no_answer() -> None:
    body = encode(answer())
    order = encode(Signed(body=body, signature=CONTROLLER.sign(b"saltern order 1\x00" + body)))
    with pytest.raises(Refused, match="not signed"):
        verify(order, SIGNER, ME, NONCE)


def question() -> Question:
    return Question(nonce=NONCE, body=b"")


def test_a_large_answer_comes_in_parts() -> None:
    answers = Answers(CONTROLLER, Clock())
    frame = Large(data=bytes(range(256)) * 10_000)
    parts = answers.seal(ME, question(), frame)
    assert isinstance(parts, Parts)
    found = [answers.part(ME, More(id=parts.id, number=number)) for number in range(parts.count)]
    data = b"".join(part.data for part in found if isinstance(part, Part))
    assert len(data) == parts.size
    assert decode(verify(data, SIGNER, ME, NONCE), Large, limit=MAX_ANSWER) == frame


def test_parts_are_for_who_asked_while_they_are_kept() -> None:
    clock = Clock()
    answers = Answers(CONTROLLER, clock)
    parts = answers.seal(ME, question(), Large(data=bytes(3 * PART)))
    assert isinstance(parts, Parts)
    more = More(id=parts.id, number=0)
    assert answers.part(AgentKey(OTHER.public), more) is None
    assert answers.part(ME, More(id=parts.id, number=parts.count)) is None
    assert answers.part(ME, More(id=parts.id, number=-1)) is None
    assert answers.part(ME, More(id=b"x", number=0)) is None
    assert answers.part(ME, more) is not None
    clock.time += KEPT + 1
    answers.seal(ME, question(), Large(data=bytes(3 * PART)))
    assert answers.part(ME, more) is None


def test_what_is_kept_is_bounded() -> None:
    answers = Answers(CONTROLLER, Clock())
    with pytest.raises(Conflict, match="the limit"):
        answers.seal(ME, question(), Large(data=bytes(MAX_ANSWER + 1)))
    large = Large(data=bytes(MAX_ANSWER // 2))
    with pytest.raises(Unavailable, match="too many"):
        for _ in range(2 * ROOM // MAX_ANSWER + 1):
            answers.seal(ME, question(), large)
