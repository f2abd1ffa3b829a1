"""What functions return, as JSON: any Python value that has a plain meaning."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator, Mapping, Sequence, Set, ValuesView
from typing import Any

import msgspec

from saltern.sdk.errors import SalternError
from saltern.sdk.secret import MASK, Secret

_encoder = msgspec.json.Encoder()


class NotData(SalternError):
    """A function returned something that can't be sent: an open file, an object that holds itself."""

    code = "not_data"


def encode(value: Any) -> bytes:
    """Return ``value`` as JSON, with a mask in the place of each secret.

    Bytes are read as UTF-8, what isn't becomes U+FFFD; sets become sorted lists, keys text; times are
    ISO 8601; numbers that JSON has no word for (nan, infinity) are null. Raises NotData.
    """
    try:
        return _encoder.encode(_plain(value))
    except RecursionError:
        raise NotData("the result holds itself, or is nested too deep to be sent") from None


def noted(value: Any) -> bytes:
    """Return ``value`` as JSON for a record or a progress line: at once where it is plain data already."""
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, OverflowError):
        return encode(value)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | datetime.date | datetime.time | datetime.timedelta):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**64 else str(int(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode(errors="replace")
    if isinstance(value, Mapping):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted((_plain(item) for item in value), key=_order)
    return [_plain(item) for item in value] if _is_sequence(value) else _plain(_built_in(value))


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence | ValuesView | Iterator) and not isinstance(value, io.IOBase)


def _built_in(value: Any) -> Any:
    """Take a struct, a dataclass, an enumeration, a UUID or a path apart."""
    if hasattr(value, "__fspath__"):
        return str(value)
    try:
        plain = msgspec.to_builtins(value, builtin_types=(bytes, bytearray))
    except (TypeError, ValueError):
        raise NotData(f"the function returned {type(value).__name__}, which can't be sent") from None
    return plain


def _text(value: str) -> str:
    """Replace half characters (lone surrogates), which no encoding has, and secrets."""
    if isinstance(value, Secret):
        return MASK
    if type(value) is str and value.isascii():
        return value
    return str.__str__(value).encode(errors="replace").decode()


def _key(key: Any) -> str:
    if isinstance(key, str):
        return _text(key)
    plain = _plain(key)
    return plain if isinstance(plain, str) else _encoder.encode(plain).decode()


def _order(item: Any) -> tuple[str, Any]:
    """Numbers by value, text by letters, the rest by their JSON."""
    if isinstance(item, int | float):
        return ("", item)
    return (type(item).__name__, item if isinstance(item, str) else _encoder.encode(item))
