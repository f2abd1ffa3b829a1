"""Bytes become the frame expected, or one clear error."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.foundation.errors import BadMessage
from saltern.messages.v1 import MAX_FRAME, Denied, Event, Order, Return, decode, encode, frames
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status

KINDS = [
    kind
    for _, kind in inspect.getmembers(frames, inspect.isclass)
    if issubclass(kind, frames.Frame) and kind is not frames.Frame
]
SIMPLE = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary()
VALUES = st.recursive(
    SIMPLE | st.floats(allow_nan=False),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=10,
)


def order(*args: Any, **kwargs: Any) -> Order:
    return Order(
        jid=JobId("20260101000000000000"),
        to=AgentKey("U"),
        issued=1.0,
        expires=2.0,
        nonce=b"n",
        fun="test.arg",
        args=args,
        kwargs=kwargs,
    )


@given(st.lists(VALUES, max_size=4), st.dictionaries(st.text(), VALUES, max_size=4))
def test_what_goes_in_comes_out(args: list[Any], kwargs: dict[str, Any]) -> None:
    frame = msgspec.structs.replace(order(*args), kwargs=kwargs)
    assert decode(encode(frame), Order) == frame


@given(st.binary(max_size=300), st.sampled_from(KINDS))
def test_random_bytes_are_a_bad_message_or_a_frame(data: bytes, kind: type[frames.Frame]) -> None:
    for attempt in (data, b"\x01" + data):
        try:
            found = decode(attempt, kind)
        except BadMessage:
            continue
        assert isinstance(found, kind)


@given(VALUES.filter(lambda value: not isinstance(value, dict)), st.sampled_from(KINDS))
def test_what_is_no_map_is_a_bad_message(value: Any, kind: type[frames.Frame]) -> None:
    with pytest.raises(BadMessage):
        decode(b"\x01" + msgspec.msgpack.encode(value), kind)


@given(st.data())
def test_a_frame_that_was_damaged_on_the_way_is_a_bad_message_or_a_frame(data: st.DataObject) -> None:
    raw = bytearray(encode(order(1, "two", {"three": [4.0, None]}, k=b"v")))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decode(bytes(raw), Order)
    except BadMessage:
        return
    assert isinstance(found, Order)


@given(st.integers(0, len(encode(order("x", k=1))) - 1))
def test_a_frame_cut_short_is_a_bad_message(length: int) -> None:
    with pytest.raises(BadMessage):
        decode(encode(order("x", k=1))[:length], Order)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty message"),
        (b"\x02\x80", "version 2; this side speaks version 1"),
        (bytes(MAX_FRAME + 1), f"the limit is {MAX_FRAME}"),
        (encode(order()) + b"\x00", "not a valid Order"),
        (encode(Denied(code="no", message="no")), "not a valid Order"),
        (b"\x01" + b"\x91" * 5000, "not a valid Order"),
    ],
)
def test_the_error_says_what_is_wrong(data: bytes, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        decode(data, Order)


@pytest.mark.parametrize(
    "value",
    [
        b"\x91" * 5000 + b"\xc0",  # arrays without end
        b"\x81\xa1a" * 5000 + b"\xc0",  # maps without end
        b"\xdd\xff\xff\xff\xff",  # an array said to have four thousand million parts
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x81\x80\x01",  # a map as a map's key
        b"\xa1\xff",  # text that is not UTF-8
        b"\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff",  # a time after the end of time
        b"\xc1",  # a byte that means nothing
    ],
)
def test_hostile_values_are_a_bad_message(value: bytes) -> None:
    fields = {"t": "event", "at": 1.0}
    head = b"\x83" + b"".join(msgspec.msgpack.encode(part) for pair in fields.items() for part in pair)
    with pytest.raises(BadMessage):
        decode(b"\x01" + head + msgspec.msgpack.encode("data") + b"\x81\xa1k" + value, Event)


def test_one_of_several_frames_is_told_by_its_tag() -> None:
    assert isinstance(decode(encode(Denied(code="c", message="m")), Order, Denied), Denied)
    with pytest.raises(BadMessage, match="not a valid Order or Denied"):
        decode(encode(Return(verdict=Status.OK)), Order, Denied)


def test_what_newer_programs_add_is_ignored() -> None:
    fields = {"t": "denied", "code": "c", "message": "m", "invented": {"later": [1]}}
    assert decode(b"\x01" + msgspec.msgpack.encode(fields), Denied) == Denied(code="c", message="m")


def test_frames_have_names_of_their_own() -> None:
    tags = [kind.__struct_config__.tag for kind in KINDS]
    assert len(tags) == len(set(tags))
