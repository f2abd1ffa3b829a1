"""Orders are signed by the controller; an agent takes no others."""

from __future__ import annotations

from saltern.foundation.errors import BadMessage, Refused
from saltern.identity.keys import KeyPair, PublicKey
from saltern.messages.v1.codec import decode, encode
from saltern.messages.v1.frames import Cancel, Order, Probe, Signed
from saltern.model.ids import AgentKey


class Expired(Refused):
    """An order that was ours and came too late."""

    code = "expired"

    def __init__(self, message: str, order: Order | Cancel | Probe) -> None:
        super().__init__(message)
        self.order = order


#: What the signature is over, besides the body: a signature made for something else proves nothing.
PURPOSE = b"saltern order 1\x00"


def sign(pair: KeyPair, order: Order | Cancel | Probe) -> bytes:
    """Return the bytes to send on the agent's job subject."""
    body = encode(order)
    return encode(Signed(body=body, signature=pair.sign(PURPOSE + body)))


def verify(data: bytes, signer: PublicKey, me: AgentKey, now: float) -> Order | Cancel | Probe:
    """Return the order in ``data`` if the controller signed it, for ``me``, and ``now`` is in its time.

    ``now`` is on the controller's clock. Raises Refused with the reason. Whether it was seen before is
    for the journal to say.
    """
    try:
        envelope = decode(data, Signed)
        if not signer.verifies(PURPOSE + envelope.body, envelope.signature):
            raise Refused(
                "not signed by the controller", hint="someone else can write to this agent's subject"
            )
        order: Order | Cancel | Probe = decode(envelope.body, Order, Cancel, Probe)
    except BadMessage as error:
        raise Refused(f"malformed: {error.message}") from error
    if order.to != me:
        raise Refused("meant for another agent")
    if now > order.expires:
        raise Expired(f"it expired {now - order.expires:.0f} s before it came", order)
    return order
