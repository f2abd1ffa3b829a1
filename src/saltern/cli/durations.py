"""Times as people write and read them."""

from __future__ import annotations

import re
import time

from saltern.foundation.errors import UsageError

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw]?)")
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def duration(text: str) -> float:
    """Return seconds of ``30``, ``10s``, ``5m``, ``1h30m``, ``2d``. Raises UsageError."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"{text!r} is not a duration", hint="write for example 30s, 5m, 1h30m or 7d")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds <= 0:
        raise UsageError("a duration must be longer than nothing")
    return seconds


_MOMENTS = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


def when(text: str, now: float) -> float:
    """Return seconds since the epoch for ``2h`` (ago) or a date in local time. Raises UsageError."""
    for form in _MOMENTS:
        try:
            return time.mktime(time.strptime(text, form))
        except (ValueError, OverflowError):
            continue
    try:
        return max(0.0, now - duration(text))
    except UsageError:
        hint = "write for example 2h, 1d, 2026-11-22 or '2026-11-22 13:05'"
        raise UsageError(f"{text!r} is no time", hint=hint) from None


def span(seconds: float) -> str:
    """Return a length of time in the unit that suits it: ``0.12 s``, ``3.4 s``, ``12 min``, ``5 d``."""
    for length, unit in _UNITS:
        if seconds >= length * 2:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s" if seconds >= 0.01 else "0.01 s"


def ago(moment: float | None, now: float) -> str:
    """Return how long ago ``moment`` was (both seconds since the epoch); ``never`` for None."""
    if moment is None:
        return "never"
    return "now" if now - moment < 1 else f"{span(now - moment)} ago"


def moment(seconds: float) -> str:
    """Return a moment in local time: ``2026-11-22 13:05:00``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
