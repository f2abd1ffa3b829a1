"""Parts of a target: a random few, and one batch after another until too many fail."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from saltern.foundation.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_AMOUNT = re.compile(r"([0-9]{1,9})|([0-9]{1,3}(?:\.[0-9]{1,6})?)%", re.ASCII)


def amount(text: str, total: int) -> int:
    """Return how many of ``total`` a number (``10``) or a share (``10%``, rounded down) is.

    Raises UsageError for anything else, and for more than 100%.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or (match[2] and float(match[2]) > 100):
        raise UsageError(f"{text!r} is no number and no share", hint="write 10 or 10%")
    return int(match[1]) if match[1] else int(total * float(match[2]) / 100)


def batch_size(text: str, total: int) -> int:
    """Return how many agents run at a time: ``amount``, but always at least one. Raises UsageError for 0."""
    size = amount(text, total)
    if size == 0 and not text.strip().endswith("%"):
        raise UsageError("a batch of 0 agents never ends", hint="write --batch 1 for one at a time")
    return max(1, size)


def batches(keys: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Return ``keys`` cut into parts of ``size``, in order; the last may be shorter."""
    if size < 1:
        raise UsageError(f"a batch of {size} agents never ends")
    return [tuple(keys[start : start + size]) for start in range(0, len(keys), size)]


def too_many_failed(failed: int, total: int, allowed: str) -> bool:
    """Tell whether a roll-out over ``total`` agents stops: more failed than ``allowed`` (``3``, ``5%``)."""
    return failed > amount(allowed, total)


def subset(keys: Sequence[str], size: int, random_source: random.Random | None = None) -> list[str]:
    """Return ``size`` of ``keys`` chosen at random, in their order; all of them where there are no more."""
    if size < 1:
        raise UsageError(f"a subset of {size} agents is nobody", hint="write --subset 1 for a single one")
    if size >= len(keys):
        return list(keys)
    chosen = (random_source or random.SystemRandom()).sample(range(len(keys)), size)
    return [keys[place] for place in sorted(chosen)]
