"""Filters on moments."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from saltern.foundation.errors import UsageError


@pass_context
def strftime(context: Context, moment: Any = None, format: str = "%Y-%m-%d") -> str:
    """Return a moment as text in local time; without one, now. Raises UsageError for what is no moment."""
    return _moment(moment).strftime(format)


def _moment(value: Any) -> datetime.datetime:
    if value is None:
        return datetime.datetime.now().astimezone()
    if isinstance(value, datetime.datetime):
        return value
    try:
        return datetime.datetime.fromtimestamp(float(value)).astimezone()
    except (TypeError, ValueError, OverflowError):
        return _written(str(value))


def _written(text: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{text!r} is not a moment", hint="give seconds since 1970, or a date as 2002-12-25T18:30"
        ) from None


FILTERS: Mapping[str, Callable[..., Any]] = {"date_format": strftime, "strftime": strftime}
