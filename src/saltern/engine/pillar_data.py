"""A pillar as bytes, from controller to agent: any data that SLS come to, and which of it is secret."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import msgspec

from saltern.foundation.errors import BadMessage, SalternError
from saltern.sdk.secret import Secret

_SECRET, _NUMBER = 1, 2


class NotPillar(SalternError):
    """A pillar holds something that is no data: an object of a Python renderer, or itself."""

    code = "not_pillar"


def encode(pillar: Mapping[str, Any]) -> bytes:
    """Return a pillar as MessagePack; secrets stay secrets. Raises NotPillar that names the path."""
    try:
        return msgspec.msgpack.encode(pillar, enc_hook=_hook)
    except (TypeError, ValueError, OverflowError, RecursionError, NotPillar):
        return _taken_apart(pillar)


def _taken_apart(pillar: Mapping[str, Any]) -> bytes:
    """Return a pillar that holds more than MessagePack knows of, value by value. Raises NotPillar."""
    try:
        return msgspec.msgpack.encode(_packed(pillar, ()), enc_hook=_hook)
    except RecursionError:
        raise NotPillar("the pillar holds itself, or is nested too deep") from None


def decode(data: bytes) -> dict[str, Any]:
    """Return the pillar in ``data``. Raises BadMessage."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadMessage(f"not a pillar: {error}") from error


def _packed(value: Any, path: tuple[str, ...]) -> Any:
    """Return data of which MessagePack knows everything, or ``_hook`` does."""
    if isinstance(value, Mapping):
        return {_key(key): _packed(one, (*path, str(key))) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(one, (*path, str(place))) for place, one in enumerate(value)]
    if isinstance(value, Set):
        return [_packed(one, path) for one in sorted(value, key=str)]
    if isinstance(value, bool | float | bytes | Secret) or value is None:
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else msgspec.msgpack.Ext(_NUMBER, str(value).encode())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise NotPillar(f"{':'.join(path)}: a {type(value).__name__} is no data that a pillar can hold")


def _key(key: Any) -> Any:
    return _text(key) if isinstance(key, str) else key


def _text(text: str) -> str:
    """Return plain text; half characters, which no encoding has, are replaced."""
    return (
        text if type(text) is str and text.isascii() else str.__str__(text).encode(errors="replace").decode()
    )


def _hook(value: Any) -> Any:
    if isinstance(value, Secret):
        return msgspec.msgpack.Ext(_SECRET, _text(str.__str__(value)).encode())
    if isinstance(value, dict):  # a mapping that remembers its lines
        return dict(value)
    raise NotPillar(f"a {type(value).__name__} is no key that a pillar can have")


def _extension(code: int, data: memoryview) -> Any:
    if code == _SECRET:
        return Secret(bytes(data).decode())
    if code == _NUMBER:
        return int(bytes(data))
    raise ValueError(f"an extension {code} that is not known")


_decoder: msgspec.msgpack.Decoder[dict[str, Any]] = msgspec.msgpack.Decoder(
    dict[Any, Any], ext_hook=_extension
)
