"""Errors library code may raise, and what a failed function says of itself."""

from __future__ import annotations

from saltern.foundation.errors import (
    Conflict,
    NotAllowed,
    NotFound,
    SalternError,
    SettingsError,
    Unavailable,
    UsageError,
    nearest,
)

__all__ = [
    "BadArgument",
    "CommandFailed",
    "Conflict",
    "NotAllowed",
    "NotFound",
    "NotSupported",
    "OutputTooLarge",
    "SalternError",
    "SettingsError",
    "TimedOut",
    "Unavailable",
    "UsageError",
    "nearest",
]


class BadArgument(UsageError):
    """An argument of a function is missing, unknown, or of the wrong kind."""

    code = "bad_argument"


class NotSupported(SalternError):
    """This host can't do that: a program is missing, or the platform has no such thing."""

    code = "not_supported"


class CommandFailed(SalternError):
    """A program ended with a code that means failure. ``retcode`` is that code."""

    code = "command_failed"

    def __init__(self, message: str, *, retcode: int = 1, hint: str = "", where: str = "") -> None:
        super().__init__(message, hint=hint, where=where)
        self.retcode = retcode


class TimedOut(SalternError):
    """It took longer than it was given."""

    code = "timed_out"
    retcode = 124


class OutputTooLarge(SalternError):
    """A program wrote, or a file holds, more than the caller is willing to keep in memory."""

    code = "output_too_large"
