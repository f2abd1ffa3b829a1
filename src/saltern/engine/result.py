"""What became of one state, and its shape in a highstate's return."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How one state ended. ``result`` is None when a dry run found that it would change.

    ``started`` is seconds since the epoch, ``duration`` seconds. ``ran`` is False when its requisites
    kept it from running; ``skipped`` is True when its own conditions did. ``unknown`` says why what would
    happen can't be foreseen. ``mark`` is that of what a dry run would mend with, which is not shown.
    """

    result: bool | None
    comment: str = ""
    changes: Mapping[str, Any] = {}
    started: float = 0.0
    duration: float = 0.0
    ran: bool = True
    skipped: bool = False
    unknown: str = ""
    warnings: tuple[str, ...] = ()
    mark: str = ""

    @property
    def changed(self) -> bool:
        """Tell whether it has changed something, or would."""
        return bool(self.changes) or (self.result is None and self.ran)


def in_salt_shape(result: Result, chunk_id: str, name: str, sls: str, number: int) -> dict[str, Any]:
    """Return a result as Salt's users know it: ``duration`` in milliseconds, times as local clock time."""
    found: dict[str, Any] = {
        "name": name,
        "result": result.result,
        "changes": dict(result.changes),
        "comment": result.comment,
        "__id__": chunk_id,
        "__sls__": sls,
        "__run_num__": number,
        "start_time": _clock_time(result.started),
        "duration": round(result.duration * 1000, 3),
    }
    if not result.ran:
        found["__state_ran__"] = False
    if result.skipped:
        found["skip_watch"] = True
    if result.unknown and result.result is None:
        found["unknown"] = result.unknown
    if result.warnings:
        found["warnings"] = list(result.warnings)
    return found


def _clock_time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds).astimezone()
    return moment.time().isoformat(timespec="microseconds")
