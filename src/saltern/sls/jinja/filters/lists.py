"""Filters on lists: sets of them, flattening, counting, combining."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from saltern.sls.jinja.filters.undefined import hand_on_undefined


def unique(values: Iterable[Any]) -> list[Any]:
    """Return the values, each once, in the order they first come."""
    kept: list[Any] = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return kept


def union(first: Iterable[Any], second: Iterable[Any]) -> list[Any]:
    """Return the values that are in either."""
    return unique([*first, *second])


def intersect(first: Iterable[Any], second: Sequence[Any]) -> list[Any]:
    """Return the values that are in both."""
    return unique(value for value in first if value in second)


def difference(first: Iterable[Any], second: Sequence[Any]) -> list[Any]:
    """Return the values of the first that are not in the second."""
    return unique(value for value in first if value not in second)


def symmetric_difference(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    """Return the values that are in one and not in the other."""
    return [*difference(first, second), *difference(second, first)]


def average(values: Any) -> float:
    """Return the mean of numbers; of one number, itself."""
    return float(values) if isinstance(values, int | float | str) else float(sum(values) / len(values))


def flatten(values: Iterable[Any], levels: int | None = None, preserve_nulls: bool = False) -> list[Any]:
    """Return a list with the lists in it opened, ``levels`` deep or all; nulls are left out."""
    return _flat(values, levels, preserve_nulls, ())


def _flat(values: Iterable[Any], levels: int | None, nulls: bool, above: tuple[int, ...]) -> list[Any]:
    if id(values) in above:
        raise ValueError("the list holds itself")
    flat: list[Any] = []
    for value in values:
        if not nulls and (value is None or value in ("None", "null")):
            continue
        if not is_iter(value) or levels == 0:
            flat.append(value)
        else:
            deeper = None if levels is None else levels - 1
            flat += _flat(value, deeper, nulls, (*above, id(values)))
    return flat


def is_iter(value: Any) -> bool:
    """Tell whether a value can be gone through; text does not count."""
    return isinstance(value, Iterable) and not isinstance(value, str)


def is_list(value: Any) -> bool:
    """Tell whether a value is a list."""
    return isinstance(value, list)


def sequence(value: Any) -> Any:
    """Return a container as it is, and anything else as a list of one."""
    return value if isinstance(value, list | tuple | set | dict) else [value]


def exactly_n_true(values: Iterable[Any], amount: int = 1) -> bool:
    """Tell whether as many values are true."""
    return sum(1 for value in values if value) == amount


def exactly_one_true(values: Iterable[Any]) -> bool:
    """Tell whether one value is true and no more."""
    return exactly_n_true(values)


def compare_lists(old: Sequence[Any], new: Sequence[Any]) -> dict[str, list[Any]]:
    """Return what is only in the new list and what only in the old one."""
    both = {"new": [v for v in new if v not in old], "old": [v for v in old if v not in new]}
    return {key: values for key, values in both.items() if values}


def substring_in_list(text: str, values: Iterable[str]) -> bool:
    """Tell whether a text is part of any of the values."""
    return any(text in value for value in values)


def sorted_ignorecase(values: Iterable[str]) -> list[str]:
    """Return texts in the order of their letters, large or small."""
    return sorted(values, key=str.lower)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "avg": average,
    "compare_lists": compare_lists,
    "difference": difference,
    "exactly_n_true": exactly_n_true,
    "exactly_one_true": exactly_one_true,
    "flatten": flatten,
    "intersect": intersect,
    "is_iter": is_iter,
    "is_list": is_list,
    "max": max,
    "min": min,
    "sequence": sequence,
    "sorted_ignorecase": sorted_ignorecase,
    "substring_in_list": substring_in_list,
    "symmetric_difference": symmetric_difference,
    "union": union,
    "unique": unique,
    **{
        name: hand_on_undefined(function)
        for name, function in {
            "combinations": itertools.combinations,
            "combinations_with_replacement": itertools.combinations_with_replacement,
            "compress": itertools.compress,
            "permutations": itertools.permutations,
            "product": itertools.product,
            "zip": zip,
            "zip_longest": itertools.zip_longest,
        }.items()
    },
}
