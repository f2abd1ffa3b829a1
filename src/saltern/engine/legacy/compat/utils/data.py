"""``salt.utils.data``: nested data, looked into, compared, and filtered."""

from __future__ import annotations

import copy
import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from saltern.engine.legacy.compat.utils.stringutils import to_bytes, to_str

CaseInsensitiveDict = dict


def compare_dicts(
    old: Mapping[Any, Any] | None = None, new: Mapping[Any, Any] | None = None
) -> dict[Any, Any]:
    """Return ``{key: {old, new}}`` for what differs; what one of them lacks is the empty text."""
    before, after = old or {}, new or {}
    keys = dict.fromkeys([*after, *before])
    return {
        key: {"old": before.get(key, ""), "new": after.get(key, "")}
        for key in keys
        if key not in before or key not in after or before[key] != after[key]
    }


def compare_lists(old: list[Any] | None = None, new: list[Any] | None = None) -> dict[str, list[Any]]:
    """Return what is only in one of two lists: ``{old: […], new: […]}``, without what is empty."""
    before, after = old or [], new or []
    found = {
        "new": [one for one in after if one not in before],
        "old": [one for one in before if one not in after],
    }
    return {key: value for key, value in found.items() if value}


def traverse_dict(data: Any, key: str, default: Any = None, delimiter: str = ":") -> Any:
    """Return what lies at a path of keys, else the default."""
    here = data
    for part in key.split(delimiter):
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            return default
    return here


def traverse_dict_and_list(data: Any, key: Any, default: Any = None, delimiter: str = ":") -> Any:
    """Return what lies at a path of keys and of positions in lists, else the default."""
    here = data
    for part in key.split(delimiter) if isinstance(key, str) else [key]:
        here = _step(here, part)
        if here is _NOTHING:
            return default
    return here


_NOTHING = object()


def _step(here: Any, part: Any) -> Any:
    if isinstance(here, list):
        if str(part).lstrip("-").isdigit():
            return here[int(part)] if -len(here) <= int(part) < len(here) else _NOTHING
        holders = (one for one in here if isinstance(one, Mapping) and part in one)
        return next((one[part] for one in holders), _NOTHING)
    if not isinstance(here, Mapping):
        return _NOTHING
    if part in here:
        return here[part]
    number = int(part) if str(part).lstrip("-").isdigit() else part
    return here.get(number, _NOTHING)


def subdict_match(
    data: Any, expr: str, delimiter: str = ":", regex_match: bool = False, exact_match: bool = False
) -> bool:
    """Tell whether ``key:…:pattern`` fits nested data."""
    parts = expr.split(delimiter)
    for split in range(1, len(parts)):
        found = traverse_dict_and_list(data, delimiter.join(parts[:split]), _NOTHING, delimiter)
        pattern = delimiter.join(parts[split:])
        if found is not _NOTHING and _fits(found, pattern, regex_match, exact_match):
            return True
    return False


def _fits(found: Any, pattern: str, regex_match: bool, exact_match: bool) -> bool:
    if isinstance(found, Mapping | list):
        return pattern == "*" or any(_fits(one, pattern, regex_match, exact_match) for one in found)
    text, wanted = str(found).lower(), pattern.lower()
    if exact_match:
        return text == wanted
    return bool(re.match(wanted, text)) if regex_match else fnmatch.fnmatch(text, wanted)


def is_true(value: Any = None) -> bool:
    """Tell whether a value, or text, means yes."""
    if isinstance(value, str):
        try:
            return int(value) > 0
        except ValueError:
            return value.lower() == "true"
    return value > 0 if isinstance(value, int | float) else bool(value)


def is_list(value: Any) -> bool:
    """Tell whether something is a list."""
    return isinstance(value, list)


def is_dictlist(data: Any) -> bool:
    """Tell whether something is a list of nothing but mappings with one key each."""
    return isinstance(data, list) and all(isinstance(one, Mapping) and len(one) == 1 for one in data)


def is_iter(value: Any) -> bool:
    """Tell whether something is a collection, and no text."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def repack_dictlist(
    data: Any,
    strict: bool = False,
    recurse: bool = False,
    key_cb: Callable[[Any], Any] | None = None,
    val_cb: Callable[[Any, Any], Any] | None = None,
) -> dict[Any, Any]:
    """Return a list of mappings with one key each as one mapping; text stands for a key without a value."""
    found: dict[Any, Any] = {}
    for one in data or []:
        if isinstance(one, str | int | float):
            found[(key_cb or _same)(one)] = None
        elif isinstance(one, Mapping) and len(one) == 1:
            ((key, value),) = one.items()
            nested = (
                repack_dictlist(value, recurse=True) if recurse and value and is_dictlist(value) else value
            )
            found[(key_cb or _same)(key)] = val_cb(key, nested) if val_cb else nested
        elif strict:
            return {}
    return found


def _same(value: Any) -> Any:
    return value


def filter_by(
    lookup_dict: Mapping[str, Any],
    lookup: Any,
    traverse: Mapping[str, Any],
    merge: Mapping[str, Any] | None = None,
    default: str = "default",
    base: str | None = None,
) -> Any:
    """Return the entry whose key is what ``lookup`` leads to, with ``merge`` laid over it."""
    from saltern.engine.legacy.compat.utils import dictupdate

    found = traverse_dict_and_list(traverse, lookup)
    values = [str(one) for one in found] if isinstance(found, list) else [str(found)]
    keys = [
        key for value in [*values, str(default)] for key in lookup_dict if fnmatch.fnmatchcase(value, key)
    ]
    chosen = copy.deepcopy(lookup_dict[keys[0]]) if keys else None
    if base and base in lookup_dict:
        chosen = dictupdate.update(copy.deepcopy(lookup_dict[base]), chosen or {})
    return dictupdate.update(chosen or {}, copy.deepcopy(merge)) if merge else chosen


def filter_falsey(data: Any, recurse_depth: int | None = None, ignore_types: tuple[type, ...] = ()) -> Any:
    """Return data without what is empty or false."""
    kept = tuple(ignore_types)
    below = None if recurse_depth is None else recurse_depth - 1

    def inner(value: Any) -> Any:
        return (
            filter_falsey(value, below, ignore_types) if recurse_depth is None or recurse_depth > 0 else value
        )

    if isinstance(data, Mapping):
        made = ((key, inner(value)) for key, value in data.items())
        return type(data)((key, value) for key, value in made if value or type(value) in kept)  # type: ignore[call-arg]
    if isinstance(data, list | tuple):
        return type(data)(value for value in map(inner, data) if value or type(value) in kept)
    return data


def decode(data: Any, encoding: str | None = None, errors: str = "strict", **kwargs: Any) -> Any:
    """Return data with text in the place of bytes."""
    return _mapped(
        data, lambda one: to_str(one, encoding, errors) if isinstance(one, bytes | bytearray) else one
    )


def encode(data: Any, encoding: str | None = None, errors: str = "strict", **kwargs: Any) -> Any:
    """Return data with bytes in the place of text."""
    return _mapped(data, lambda one: to_bytes(one, encoding, errors) if isinstance(one, str) else one)


def simple_types_filter(data: Any) -> Any:
    """Return data of plain kinds, others as text."""
    plain = (str, int, float, bool, type(None))
    return _mapped(data, lambda one: one if isinstance(one, plain) else repr(one))


def stringify(data: Iterable[Any]) -> list[str]:
    """Return a list as texts."""
    return [
        one if isinstance(one, str) else to_str(one) if isinstance(one, bytes) else str(one) for one in data
    ]


def _mapped(data: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(data, Mapping):
        return {change(key): _mapped(value, change) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(_mapped(one, change) for one in data)
    return change(data)


def sorted_ignorecase(values: Iterable[str]) -> list[str]:
    """Return texts sorted, capitals among the others."""
    return sorted(values, key=str.lower)


def mysql_to_dict(text: str, key: str) -> dict[str, dict[str, str]]:
    """Return a table as MySQL's client draws it: rows by the value of one column."""
    found: dict[str, dict[str, str]] = {}
    head: list[str] = []
    for line in text:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if "|" in line else []
        if cells and not head:
            head = cells
        elif cells:
            row = dict(zip(head, cells, strict=False))
            found[row[key]] = row
    return found


def flatten(data: Iterable[Any], levels: int | None = None, preserve_nulls: bool = False) -> list[Any]:
    """Return nested lists as one."""
    return list(_flat(data, levels, preserve_nulls))


def _flat(data: Iterable[Any], levels: int | None, preserve_nulls: bool) -> Iterator[Any]:
    for one in data:
        if isinstance(one, list) and (levels is None or levels > 0):
            yield from _flat(one, None if levels is None else levels - 1, preserve_nulls)
        elif one is not None or preserve_nulls:
            yield one
