"""What became of a call."""

from __future__ import annotations

import msgspec


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a function failed. ``kind`` is the error's stable code, or its type's name."""

    kind: str
    message: str
    detail: str = ""  # the traceback, for the curious
    hint: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a call. ``data`` is JSON; ``retcode`` is 0 exactly when ``ok``."""

    ok: bool
    retcode: int
    data: bytes = b"null"
    error: Failure | None = None
    snapshot: dict[str, str] = {}  # environments it used: SHA-256 of the tree, and revision if there is one
