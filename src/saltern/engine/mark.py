"""Marks: short digests by which a plan knows again what is not shown in it."""

from __future__ import annotations

import hashlib
from typing import Any

from saltern.engine.encode import NotData, encode
from saltern.sls.low import Chunk

#: Where a state stands among the others; moving it changes nothing that it does.
_PLACE = frozenset({"order"})


def mark(value: Any) -> str:
    """Return 32 hexadecimal digits that are the same for equal values; empty for None.

    What is no data, such as an open file, counts as its type alone.
    """
    if value is None:
        return ""
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()[:32]
    try:
        return hashlib.sha256(encode(value)).hexdigest()[:32]
    except NotData:
        return hashlib.sha256(type(value).__name__.encode()).hexdigest()[:32]


def of_arguments(chunk: Chunk) -> str:
    """Return the mark of all that is written of a state, as it was rendered."""
    return mark({name: value for name, value in chunk.low.items() if name not in _PLACE})
