"""An agent takes the controller's orders, meant for it, in time; nothing else."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.foundation.errors import Refused
from saltern.identity.keys import KeyPair, Kind, PublicKey
from saltern.messages.v1 import Cancel, Denied, Order, Probe, Signed, decode, encode
from saltern.messages.v1.orders import PURPOSE, Expired, sign, verify
from saltern.model.ids import AgentKey, JobId

CONTROLLER, MALLORY = KeyPair.new(Kind.USER), KeyPair.new(Kind.USER)
SIGNER = PublicKey(CONTROLLER.public)
ME = AgentKey(KeyPair.new(Kind.USER).public)
JID = JobId("20260101000000000000")

ORDERS: list[Order | Cancel | Probe] = [
    Order(jid=JID, to=ME, issued=100.0, expires=160.0, nonce=b"n" * 12, fun="test.ping"),
    Cancel(jid=JID, to=ME, issued=100.0, expires=160.0, nonce=b"n" * 12),
    Probe(to=ME, issued=100.0, expires=160.0, nonce=b"n" * 12),
]
everyone = pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)


@everyone
@pytest.mark.parametrize("now", [0.0, 100.0, 160.0])
def test_an_order_of_the_controller_is_taken(order: Order | Cancel | Probe, now: float) -> None:
    assert verify(sign(CONTROLLER, order), SIGNER, ME, now) == order


@everyone
def test_an_order_of_somebody_else_is_refused(order: Order | Cancel | Probe) -> None:
    with pytest.raises(Refused, match="not signed by the controller"):
        verify(sign(MALLORY, order), SIGNER, ME, 100.0)


@everyone
def test_an_order_for_another_agent_is_refused(order: Order | Cancel | Probe) -> None:
    with pytest.raises(Refused, match="meant for another agent"):
        verify(sign(CONTROLLER, order), SIGNER, AgentKey(MALLORY.public), 100.0)


@everyone
def test_an_order_that_comes_too_late_is_refused_and_told(order: Order | Cancel | Probe) -> None:
    with pytest.raises(Expired, match="expired 7 s before it came") as caught:
        verify(sign(CONTROLLER, order), SIGNER, ME, 167.0)
    assert caught.value.order == order


@everyone
def test_an_unsigned_order_is_refused(order: Order | Cancel | Probe) -> None:
    with pytest.raises(Refused, match="malformed"):
        verify(encode(order), SIGNER, ME, 100.0)


def test_a_signature_made_for_something_else_proves_nothing() -> None:
    body = encode(ORDERS[0])
    assert PURPOSE
    bare = encode(Signed(body=body, signature=CONTROLLER.sign(body)))
    with pytest.raises(Refused, match="not signed"):
        verify(bare, SIGNER, ME, 100.0)


def test_a_signed_message_that_is_no_order_is_refused() -> None:
    body = encode(Denied(code="c", message="m"))
    signed = encode(Signed(body=body, signature=CONTROLLER.sign(PURPOSE + body)))
    with pytest.raises(Refused, match="malformed"):
        verify(signed, SIGNER, ME, 100.0)


def test_an_order_wrapped_twice_is_refused() -> None:
    inner = sign(CONTROLLER, ORDERS[0])
    signed = encode(Signed(body=inner, signature=CONTROLLER.sign(PURPOSE + inner)))
    with pytest.raises(Refused, match="malformed"):
        verify(signed, SIGNER, ME, 100.0)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        verify(b"\x01" + data, SIGNER, ME, 100.0)


@given(st.data())
def test_an_order_tampered_with_is_refused_or_the_same(data: st.DataObject) -> None:
    raw = bytearray(sign(CONTROLLER, ORDERS[0]))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = verify(bytes(raw), SIGNER, ME, 100.0)
    except Refused:
        return
    assert found == ORDERS[0]


def test_the_signature_covers_every_field() -> None:
    envelope = decode(sign(CONTROLLER, ORDERS[0]), Signed)
    assert isinstance(ORDERS[0], Order)
    for change in (
        {"fun": "cmd.run"},
        {"expires": 1e12},
        {"user": "root"},
        {"timeout": 1.0},
        {"args": ("x",)},
    ):
        body = encode(msgspec.structs.replace(ORDERS[0], **change))
        forged = encode(Signed(body=body, signature=envelope.signature))
        with pytest.raises(Refused, match="not signed"):
            verify(forged, SIGNER, ME, 100.0)
