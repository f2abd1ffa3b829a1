"""``salt.utils.decorators.jinja``: marks that mean nothing here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def jinja_filter(name: str | None = None) -> Callable[[Any], Any]:
    """Return a decorator that leaves a function as it is."""
    return lambda function: function


jinja_test = jinja_global = jinja_filter
