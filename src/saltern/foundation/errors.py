"""The error tree. Each error has a stable code, says what is wrong and where, and offers a hint."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class SalternError(Exception):
    """Anything Saltern refuses or cannot do, worded for the person who asked.

    ``code`` is stable and meant for programs; ``hint`` says what to do next (may be empty);
    ``where`` is ``file:line`` or the like (may be empty).
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(SalternError):
    """What the caller wrote cannot be understood."""

    code = "usage"


class SettingsError(SalternError):
    """A settings file is wrong."""

    code = "settings"


class NotAllowed(SalternError):
    """The caller may not do that."""

    code = "not_allowed"


class NotFound(SalternError):
    """The thing named does not exist."""

    code = "not_found"


class Conflict(SalternError):
    """It cannot be done in the present state of things."""

    code = "conflict"


class Unavailable(SalternError):
    """A part that is needed (controller, broker, database, disk) does not answer."""

    code = "unavailable"


class BadMessage(SalternError):
    """Bytes from the wire that are not a valid message."""

    code = "bad_message"


class Refused(SalternError):
    """An order an agent will not carry out: unsigned, expired, replayed, misaddressed."""

    code = "refused"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` for the known name closest to ``word``, or an empty string."""
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]!r}?" if found else ""
