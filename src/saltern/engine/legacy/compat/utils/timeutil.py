"""``salt.utils.timeutil``: points in time, counted from now."""

from __future__ import annotations

import datetime
import time
from typing import Any


def get_timestamp_at(time_in: Any = None, time_at: str | None = None) -> int:
    """Return a time in seconds since the epoch: in so many minutes (``45``, ``2h30m``), or at ``15:00``."""
    if time_in:
        return int(time.time() + _seconds(str(time_in)))
    if time_at:
        wanted = datetime.time.fromisoformat(time_at)
        now = datetime.datetime.now().astimezone()
        found = now.replace(hour=wanted.hour, minute=wanted.minute, second=0, microsecond=0)
        return int((found if found > now else found + datetime.timedelta(days=1)).timestamp())
    return int(time.time())


def _seconds(text: str) -> float:
    hours, _, minutes = text.lower().partition("h") if "h" in text.lower() else ("0", "", text)
    return int(hours) * 3600 + float(minutes.strip("m ") or 0) * 60


def get_time_at(time_in: Any = None, time_at: str | None = None, out_fmt: str = "%Y-%m-%dT%H:%M:%S") -> str:
    """Return a time as text."""
    return time.strftime(out_fmt, time.localtime(get_timestamp_at(time_in, time_at)))
