"""What is secret in the pillar is shown by no job, whatever became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from saltern.agent.pillar import Masks, pillar_of
from saltern.engine.encode import encode
from saltern.engine.outcome import Failure, Outcome
from saltern.engine.pillar_data import NotPillar
from saltern.engine.pillar_data import decode as decode_pillar
from saltern.engine.pillar_data import encode as encode_pillar
from saltern.foundation.errors import BadMessage
from saltern.messages.v1 import AskPillar, PillarIs
from saltern.messages.v1 import decode as decode_frame
from saltern.messages.v1 import encode as encode_frame
from saltern.sdk.secret import Secret, unmasked
from saltern.testing.agent import FakeAgent

KEY = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\nsecondline\n-----END KEY-----"
PILLAR: dict[str, Any] = {
    "password": Secret('hunter2"x'),
    "key": Secret(KEY),
    "short": Secret("abc"),
    "public": "hunter3",
}


def test_a_function_returns_a_mask() -> None:
    assert msgspec.json.decode(encode(PILLAR)) == {
        "password": "****",
        "key": "****",
        "short": "****",
        "public": "hunter3",
    }
    assert msgspec.json.decode(encode(unmasked(PILLAR)))["key"] == KEY


def test_plain_text_is_covered_too() -> None:
    masks = Masks(lambda: PILLAR)
    assert masks.hide(b'the word is hunter2"x, abc') == b"the word is ****, abc"
    assert masks.hide(encode({"diff": '+hunter2"x\n+MIIEpAIBAAKCAQEA\n'})) == b'{"diff":"+****\\n+****\\n"}'


def test_an_outcome_is_covered() -> None:
    failure = Failure(kind="x", message='no hunter2"x', detail="secondline", hint="")
    outcome = Masks(lambda: PILLAR).hidden(Outcome(ok=False, retcode=1, data=b"null", error=failure))
    assert outcome.error == Failure(kind="x", message="no ****", detail="****", hint="")


def test_a_pillar_not_asked_for_covers_nothing() -> None:
    known: Mapping[str, Any] = {}
    masks = Masks(lambda: known)
    assert masks.hide(b"hunter2") == b"hunter2"


def test_a_pillar_survives_the_wire() -> None:
    data: dict[Any, Any] = {**PILLAR, 1: [None, True, 2**70, b"\xff", 1.5], "deep": {"x": Secret("yyyy")}}
    found = decode_pillar(encode_pillar(data))
    assert found == data
    assert [type(found[name]) for name in ("password", "public")] == [Secret, str]
    assert type(found["deep"]["x"]) is Secret


def test_what_is_no_data_is_named() -> None:
    with pytest.raises(NotPillar, match="a:0:b: a object is no data"):
        encode_pillar({"a": [{"b": object()}]})
    circle: dict[str, Any] = {}
    circle["x"] = circle
    with pytest.raises(NotPillar, match="holds itself"):
        encode_pillar(circle)


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x81\xa1a\xc7\x01\x09x", b"\x81\xa1a\xc7\x01\x01\xff", b"\xff"]
)
def test_bytes_that_are_no_pillar(data: bytes) -> None:
    with pytest.raises(BadMessage):
        decode_pillar(data)


class Answering(FakeAgent):
    """An agent whose controllers give one pillar."""

    def __init__(self, answer: PillarIs) -> None:
        super().__init__()
        self.answer = answer
        self.wanted: list[AskPillar] = []

    def ask(self, service: str, frame: bytes) -> bytes:
        """Answer questions for the pillar."""
        assert service == "pillar"
        self.wanted.append(decode_frame(frame, AskPillar))
        return encode_frame(self.answer)


def test_what_is_given_is_laid_over_it_here_and_sent_to_nobody() -> None:
    data = encode_pillar({"x": {"l": ["a"], "s": 1}})
    agent = Answering(PillarIs(data=data, merge_lists=True))
    assert pillar_of(agent)({"x": {"l": ["g"]}, "role": "db"}, "dev") == {
        "x": {"l": ["g", "a"], "s": 1},
        "role": "db",
    }
    assert agent.wanted == [AskPillar(pillarenv="dev")]
