"""Answers are signed by the controller, each for one agent and one question."""

from __future__ import annotations

from saltern.foundation.errors import BadMessage, Refused
from saltern.identity.keys import KeyPair, PublicKey
from saltern.messages.v1.codec import MAX_ANSWER, decode, encode
from saltern.messages.v1.frames import Answered, Signed
from saltern.model.ids import AgentKey

#: What the signature is over, besides the body: a signature made for something else proves nothing.
PURPOSE = b"saltern answer 1\x00"
#: Bytes that the envelope may add to the answer.
ENVELOPE = 1024


def sign(pair: KeyPair, answer: Answered) -> bytes:
    """Return the bytes to send to the agent, in one message or in parts."""
    body = encode(answer)
    return encode(Signed(body=body, signature=pair.sign(PURPOSE + body)))


def verify(data: bytes, signer: PublicKey, me: AgentKey, nonce: bytes) -> bytes:
    """Return the frame in ``data`` if the controller signed it, for ``me``, to the question with ``nonce``.

    Raises Refused with the reason.
    """
    try:
        envelope = decode(data, Signed, limit=MAX_ANSWER + ENVELOPE)
        if not signer.verifies(PURPOSE + envelope.body, envelope.signature):
            raise Refused("an answer was not signed by the controller")
        answer = decode(envelope.body, Answered, limit=MAX_ANSWER + ENVELOPE)
    except BadMessage as error:
        raise Refused(f"an answer is malformed: {error.message}") from error
    if answer.to != me:
        raise Refused("an answer was meant for another agent")
    if answer.nonce != nonce:
        raise Refused("an answer was given to another question")
    return answer.body
