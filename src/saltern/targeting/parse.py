"""Text to expression."""

from __future__ import annotations

from saltern.targeting.errors import TargetError
from saltern.targeting.expression import Expression, Glob, Kind, Names, Or


def parse(text: str, kind: Kind = Kind.GLOB) -> Expression:
    """Return what ``text``, read as ``kind``, means.

    Raises TargetError, with a caret at the fault, when it means nothing.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise TargetError("the target is empty", text, hint="'*' means every agent")
    if kind is Kind.LIST:
        return Names(tuple(parts))
    if kind is not Kind.GLOB:
        raise TargetError(f"targets of kind {kind.value!r} are not read yet", text)
    return Glob(parts[0]) if len(parts) == 1 else Or(tuple(Glob(part) for part in parts))
