"""``salt.utils.compat``: what Python 2 lacked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def pack_dunder(name: str) -> None:
    """Do nothing: modules have Salt's names before they begin."""


def cmp(first: Any, second: Any) -> int:
    """Return -1, 0 or 1 as one value is less than, equal to, or greater than another."""
    return int(first > second) - int(first < second)


def deepcopy_bound(name: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as it is."""
    return name
