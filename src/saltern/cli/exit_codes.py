"""How a command ended, for scripts. Described for people in docs/reference/exit-codes.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum

from saltern.model.status import Status


class ExitCode(IntEnum):
    """Exit codes. With several reasons at once the most serious one counts: see ``of_statuses``."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOBODY = 3
    UNREACHED = 4
    REFUSED = 5
    UNAVAILABLE = 6
    STOPPED = 7
    ERROR = 8
    INTERRUPTED = 130


MEANING: Mapping[ExitCode, str] = {
    ExitCode.OK: "All went well, on every target.",
    ExitCode.FAILED: "The function failed on at least one target.",
    ExitCode.USAGE: "What you wrote cannot be understood; nothing was done.",
    ExitCode.NOBODY: "Nobody matches the target, or there is no such job, key or token; nothing was done.",
    ExitCode.UNREACHED: "Nothing failed, but some targets were offline, unresponsive or lost, or are queued.",
    ExitCode.REFUSED: "You may not do that, or an agent refused to.",
    ExitCode.UNAVAILABLE: "The controller cannot be reached, or a part it needs does not answer.",
    ExitCode.STOPPED: "Nothing failed, but on some targets the job was cancelled or ran out of time.",
    ExitCode.ERROR: "Anything else: the present state of things forbids it, or Saltern itself failed.",
    ExitCode.INTERRUPTED: "You pressed Ctrl-C; what was started goes on.",
}

_OF_STATUS: Mapping[Status, ExitCode] = {
    Status.OK: ExitCode.OK,
    Status.FAILED: ExitCode.FAILED,
    Status.REFUSED: ExitCode.REFUSED,
    Status.TIMED_OUT: ExitCode.STOPPED,
    Status.CANCELLED: ExitCode.STOPPED,
}
_SERIOUS = (ExitCode.FAILED, ExitCode.REFUSED, ExitCode.STOPPED, ExitCode.UNREACHED)
_OF_CODE: Mapping[str, ExitCode] = {
    "usage": ExitCode.USAGE,
    "target": ExitCode.USAGE,
    "not_allowed": ExitCode.REFUSED,
    "refused": ExitCode.REFUSED,
    "no_match": ExitCode.NOBODY,
    "not_found": ExitCode.NOBODY,
    "unavailable": ExitCode.UNAVAILABLE,
}


def of_statuses(statuses: Iterable[Status]) -> ExitCode:
    """Return the most serious code: failed, then refused, then stopped, then unreached."""
    seen = {_OF_STATUS.get(status, ExitCode.UNREACHED) for status in statuses}
    return next((code for code in _SERIOUS if code in seen), ExitCode.OK)


def of_error(code: str) -> ExitCode:
    """Return the exit code for an error's stable code."""
    return _OF_CODE.get(code, ExitCode.ERROR)
