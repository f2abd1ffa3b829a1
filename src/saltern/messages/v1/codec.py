"""Bytes to frames and back. Bytes that are not the frame expected are one clear error."""

from __future__ import annotations

from typing import Any, TypeVar, overload

import msgspec

from saltern.foundation.errors import BadMessage
from saltern.messages.v1.frames import Frame

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")

#: Larger frames are refused before they are decoded; the broker refuses them too.
MAX_FRAME = 1024 * 1024
#: An answer that comes in parts may be as large as this.
MAX_ANSWER = 64 * 1024 * 1024

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[object, msgspec.msgpack.Decoder[object]] = {}


def encode(frame: Frame) -> bytes:
    """Return the frame's bytes: version byte 1, then MessagePack."""
    return b"\x01" + _encoder.encode(frame)


@overload
def decode(data: bytes, kind: type[A], /, *, limit: int = ...) -> A: ...
@overload
def decode(data: bytes, kind: type[A], other: type[B], /, *, limit: int = ...) -> A | B: ...
@overload
def decode(data: bytes, kind: type[A], other: type[B], third: type[C], /) -> A | B | C: ...
@overload
def decode(
    data: bytes, kind: type[A], other: type[B], third: type[C], fourth: type[D], /
) -> A | B | C | D: ...
def decode(data: bytes, *kinds: type[Any], limit: int = MAX_FRAME) -> Any:
    """Return the frame in ``data``, which must be one of ``kinds``.

    Raises BadMessage that says what is wrong: version, size, truncation, type, or field.
    """
    if len(data) > limit:
        raise BadMessage(f"message of {len(data)} bytes; the limit is {limit}")
    if not data:
        raise BadMessage("empty message")
    if data[0] != 1:
        raise BadMessage(f"message of version {data[0]}; this side speaks version 1")
    try:
        return _decoder(kinds).decode(memoryview(data)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise BadMessage(f"not a valid {expected}: {error}") from error


def _decoder(kinds: tuple[type[object], ...]) -> msgspec.msgpack.Decoder[object]:
    found = _decoders.get(kinds)
    if found is None:
        union: object = kinds[0]
        for kind in kinds[1:]:
            union = union | kind
        found = _decoders[kinds] = msgspec.msgpack.Decoder(union)
    return found
