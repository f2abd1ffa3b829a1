"""Filters that are given something undefined hand it on, so that the message names the variable."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined


def hand_on_undefined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that returns what is undefined in its value, wherever it is in there."""

    @functools.wraps(function)
    def wrapped(value: Any, *args: Any, **kwargs: Any) -> Any:
        found = next(_undefined(value, set()), None)
        return function(value, *args, **kwargs) if found is None else found

    return wrapped


def _undefined(value: Any, seen: set[int]) -> Iterator[StrictUndefined]:
    if isinstance(value, StrictUndefined):
        yield value
    elif isinstance(value, Mapping | list | tuple) and id(value) not in seen:
        seen.add(id(value))
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _undefined(one, seen)
