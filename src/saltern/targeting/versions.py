"""Versions of Saltern compared: ``version:<1.2``."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

from saltern.targeting.errors import TargetError
from saltern.targeting.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from saltern.targeting.expression import Version

_Ordered = tuple[tuple[int, ...], bool, str]

#: The grain that an agent tells its version in.
GRAIN = "salternversion"

OPERATORS: dict[str, Callable[[_Ordered, _Ordered], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_FORM = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)[-._+]?(.*)", re.ASCII | re.DOTALL)


def ordered(text: str) -> _Ordered:
    """Return a version so that it can be compared: trailing zeros don't count, ``rc1`` is before the release.

    Raises ValueError for what is no version.
    """
    match = _FORM.fullmatch(text.strip().lower())
    if match is None or len(text) > 64:
        raise ValueError(f"{text!r} is no version")
    numbers = [int(number) for number in match.group(1).split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    rest = match.group(2)
    final = not rest or rest.startswith(("post", "local"))
    return tuple(numbers), final, rest


def question(term: Version) -> Pattern:
    """Return the test of an agent's version. Raises TargetError for what is no version."""
    try:
        wanted = ordered(term.version)
    except ValueError as error:
        raise TargetError(str(error), f"version:{term.operator}{term.version}", hint=HINT) from None
    compare = OPERATORS[term.operator]

    def test(text: str) -> bool:
        try:
            return compare(ordered(text), wanted)
        except ValueError:
            return False

    return Pattern(f"{term.operator}{term.version}", test)


HINT = "write version:<1.2, version:>=1.2.3 or version:1.2"
