"""Answers to agents' questions: signed, and handed out in parts when one message does not hold them."""

from __future__ import annotations

import os
from typing import NamedTuple

from saltern.foundation.clock import Clock
from saltern.foundation.errors import Conflict, Unavailable
from saltern.identity.keys import KeyPair
from saltern.messages.v1 import Answered, Frame, More, Part, Parts, Question, Signed, decode, encode
from saltern.messages.v1.answers import ENVELOPE, sign
from saltern.messages.v1.codec import MAX_ANSWER, MAX_FRAME
from saltern.model.ids import AgentKey

#: Bytes of one part.
PART = 512 * 1024
#: Seconds for which an answer is kept after its last part was asked for.
KEPT = 30.0
#: Bytes of answers kept for all agents together.
ROOM = 512 * 1024 * 1024


class _Kept(NamedTuple):
    key: AgentKey
    data: bytes
    until: float


class Answers:
    """Makes answers, and keeps the large ones until the agent has fetched them."""

    def __init__(self, pair: KeyPair, clock: Clock) -> None:
        """Sign with ``pair``: that of orders."""
        self._pair = pair
        self._clock = clock
        self._kept: dict[bytes, _Kept] = {}

    def seal(self, key: AgentKey, question: Question, answer: Frame) -> Signed | Parts:
        """Return what to send. Raises Conflict for an answer that is too large, Unavailable without room."""
        body = encode(answer)
        if len(body) > MAX_ANSWER:
            raise Conflict(f"the answer has {len(body)} bytes; the limit is {MAX_ANSWER}")
        data = sign(self._pair, Answered(to=key, nonce=question.nonce, body=body))
        if len(data) <= MAX_FRAME - ENVELOPE * 4:
            return decode(data, Signed)
        return self._keep(key, data)

    def _keep(self, key: AgentKey, data: bytes) -> Parts:
        now = self._clock.steady()
        self._kept = {id: kept for id, kept in self._kept.items() if kept.until > now}
        if sum(len(kept.data) for kept in self._kept.values()) + len(data) > ROOM:
            raise Unavailable("too many large answers at once", hint="it is tried again in a moment")
        id = os.urandom(12)
        self._kept[id] = _Kept(key, data, now + KEPT)
        return Parts(id=id, size=len(data), count=-(-len(data) // PART))

    def part(self, key: AgentKey, more: More) -> Part | None:
        """Return the part asked for; None when it is not ours, or not for this agent."""
        kept = self._kept.get(more.id)
        if kept is None or kept.key != key or not 0 <= more.number * PART < len(kept.data):
            return None
        self._kept[more.id] = kept._replace(until=self._clock.steady() + KEPT)
        return Part(data=kept.data[more.number * PART : (more.number + 1) * PART])
