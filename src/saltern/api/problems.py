"""Errors as HTTP says them: a status, and one JSON shape."""

from __future__ import annotations

from typing import ClassVar

from saltern.api.replies import Problem
from saltern.foundation.errors import (
    BadMessage,
    Conflict,
    NotAllowed,
    NotFound,
    Refused,
    SalternError,
    Unavailable,
    UsageError,
)
from saltern.targeting.errors import NobodyMatched


class HttpError(SalternError):
    """A request that is wrong as HTTP, before it means anything."""

    code = "http"
    status: ClassVar[int] = 400


class NoRoute(HttpError):
    """No such path."""

    code = "no_route"
    status = 404


class WrongMethod(HttpError):
    """The path exists, the method does not."""

    code = "wrong_method"
    status = 405


class TooLarge(HttpError):
    """The body is larger than allowed."""

    code = "too_large"
    status = 413


class TooSlow(HttpError):
    """The body did not come in time."""

    code = "too_slow"
    status = 408


class WrongMedia(HttpError):
    """The body is not of the kind that is taken here, or is compressed."""

    code = "wrong_media"
    status = 415


class WrongHost(HttpError):
    """The Host header names somebody else."""

    code = "wrong_host"
    status = 421


class NoMatch(NotFound):
    """What was asked for is well formed and nothing is meant by it."""

    code = "no_match"


_STATUS: dict[type[SalternError], int] = {
    UsageError: 400,
    BadMessage: 400,
    NotAllowed: 403,
    NotFound: 404,
    NobodyMatched: 404,
    Conflict: 409,
    Refused: 409,
    Unavailable: 503,
}


def http_status(error: SalternError) -> int:
    """Return the HTTP status for an error; 500 for what only an operator can mend."""
    if isinstance(error, HttpError):
        return error.status
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def problem(error: SalternError) -> Problem:
    """Return an error as it travels."""
    return Problem(code=error.code, message=error.message, hint=error.hint, where=error.where)
