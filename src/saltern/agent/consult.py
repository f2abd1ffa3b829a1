"""Questions that functions put to the controllers: plain data in, plain data out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from saltern.foundation.errors import UsageError
from saltern.messages.v1 import (
    Frame,
    MineDrop,
    MineFound,
    MineGet,
    MineKept,
    MinePut,
    Publish,
    Published,
    decode,
    encode,
)


class Question(NamedTuple):
    """What is asked of a service, and what it answers."""

    frame: type[Frame]
    answer: type[Frame]


#: The services that functions may ask.
QUESTIONS: Mapping[str, Question] = {
    "mine_put": Question(MinePut, MineKept),
    "mine_get": Question(MineGet, MineFound),
    "mine_drop": Question(MineDrop, MineKept),
    "publish": Question(Publish, Published),
}


def consult(ask: Callable[[str, bytes], bytes], service: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Put the question with these fields to a service, and return the fields of its answer.

    Raises UsageError for fields that are no such question, and what ``ask`` raises.
    """
    question = QUESTIONS[service]
    try:
        frame = encode(msgspec.convert(fields, question.frame))
    except (msgspec.ValidationError, TypeError, OverflowError) as error:
        raise UsageError(f"not a question for {service}: {error}") from None
    return msgspec.structs.asdict(decode(ask(service, frame), question.answer))
