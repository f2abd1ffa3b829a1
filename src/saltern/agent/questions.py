"""Questions to the controllers, on ``rpc.<KEY>.<service>``, and their signed answers of any size."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from saltern.foundation.errors import (
    BadMessage,
    Conflict,
    NotAllowed,
    NotFound,
    Refused,
    Unavailable,
    UsageError,
)
from saltern.identity.keys import PublicKey
from saltern.messages.v1 import Denied, More, Part, Parts, Question, Signed, decode, encode
from saltern.messages.v1.answers import ENVELOPE, verify
from saltern.messages.v1.codec import MAX_ANSWER
from saltern.model.ids import AgentKey
from saltern.transport.connection import Connection

#: Seconds a controller has for an answer: a pillar of many files takes its time.
WITHIN = 90.0
#: Seconds it has for one part of an answer that it announced.
PART_WITHIN = 10.0
#: Parts asked for at the same time.
_AT_ONCE = 4


class NobodyAnswers(Unavailable):
    """No controller has answered, or it has no time now: ask again."""

    code = "nobody_answers"


_ERRORS: Final = {
    **{kind.code: kind for kind in (Conflict, NotAllowed, NotFound, Refused, BadMessage, UsageError)},
    "target": UsageError,
}


async def ask(connection: Connection, key: AgentKey, signer: PublicKey, service: str, body: bytes) -> bytes:
    """Return the frame that a controller answers with.

    Raises NobodyAnswers when none does now, Refused when the answer is not the controller's to this
    question, and what the controller says is wrong (NotFound, NotAllowed, Conflict …).
    """
    nonce = os.urandom(16)
    question = encode(Question(nonce=nonce, body=body))
    data = await _asked(connection, f"rpc.{key}.{service}", question, WITHIN)
    answer = decode(data, Signed, Parts, Denied)
    if isinstance(answer, Denied) and answer.code == "busy":
        raise NobodyAnswers(answer.message, hint=answer.hint)
    if isinstance(answer, Denied):
        raise _ERRORS.get(answer.code, Unavailable)(answer.message, hint=answer.hint)
    if isinstance(answer, Parts):
        data = await _whole(connection, key, answer)
    return await asyncio.to_thread(verify, data, signer, key, nonce)


async def _asked(connection: Connection, subject: str, question: bytes, within: float) -> bytes:
    try:
        return await connection.request(subject, question, within)
    except Unavailable as error:
        raise NobodyAnswers(error.message, hint=error.hint) from error


async def _whole(connection: Connection, key: AgentKey, parts: Parts) -> bytes:
    """Return an answer put together from its parts."""
    if not 0 < parts.count <= parts.size <= MAX_ANSWER + ENVELOPE:
        raise BadMessage(f"an answer of {parts.size} bytes in {parts.count} parts")
    turn = asyncio.Semaphore(_AT_ONCE)

    async def part(number: int) -> bytes:
        async with turn:
            question = encode(More(id=parts.id, number=number))
            return decode(await _asked(connection, f"rpc.{key}.more", question, PART_WITHIN), Part).data

    found = await asyncio.gather(*(part(number) for number in range(parts.count)))
    data = b"".join(found)
    if len(data) != parts.size:
        raise BadMessage(f"an answer of {parts.size} bytes came with {len(data)}")
    return data
