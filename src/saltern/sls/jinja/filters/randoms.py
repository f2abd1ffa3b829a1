"""Filters that give something else each time; they are never worked out in advance."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from saltern.foundation.errors import UsageError

_system = random.SystemRandom()


@pass_context
def random_str(context: Context, size: int = 32) -> str:
    """Return as many characters (of base64) that nobody can guess."""
    import base64

    return base64.b64encode(secrets.token_bytes(size)).decode()[:size]


@pass_context
def random_hash(context: Context, size: int = 9999999999, hash_type: str | None = None) -> str:
    """Return the hash of a random number up to ``size``."""
    import hashlib

    name = hash_type or "md5"
    if name not in hashlib.algorithms_available:
        raise UsageError(f"there is no hash {name!r}")
    number = str(_system.randint(0, size)).encode()
    return hashlib.new(name, number, usedforsecurity=False).hexdigest()


@pass_context
def random_sample(context: Context, values: Sequence[Any], size: int, seed: Any = None) -> list[Any]:
    """Return as many of the values, in any order; with a seed always the same."""
    chooser = _system if seed is None else random.Random(repr(seed))  # noqa: S311 (meant to repeat)
    return chooser.sample(values, size)


@pass_context
def random_shuffle(context: Context, values: Sequence[Any], seed: Any = None) -> list[Any]:
    """Return the values in any order; with a seed always the same."""
    shuffled: list[Any] = random_sample(context, values, len(values), seed)
    return shuffled


@pass_context
def gen_mac(context: Context, prefix: str = "AC:DE:48") -> str:
    """Return a hardware address with the prefix."""
    return ":".join([prefix, *(f"{byte:02X}" for byte in secrets.token_bytes(3))])


FILTERS: Mapping[str, Callable[..., Any]] = {
    "gen_mac": gen_mac,
    "rand_str": random_hash,
    "random_hash": random_hash,
    "random_sample": random_sample,
    "random_shuffle": random_shuffle,
    "random_str": random_str,
}
