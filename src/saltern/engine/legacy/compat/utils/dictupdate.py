"""``salt.utils.dictupdate``: one mapping laid over another."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


def update(
    dest: Any, upd: Mapping[Any, Any], recursive_update: bool = True, merge_lists: bool = False
) -> Any:
    """Lay ``upd`` over ``dest``, which is changed and returned; lists are replaced, or added to."""
    if not isinstance(dest, Mapping) or not isinstance(upd, Mapping):
        raise TypeError("Cannot update using non-dict types in dictupdate.update()")
    held: Any = dest
    for key, value in upd.items():
        there = held.get(key)
        if recursive_update and isinstance(there, Mapping) and isinstance(value, Mapping):
            held[key] = update(there, value, recursive_update, merge_lists)
        elif merge_lists and isinstance(there, list) and isinstance(value, list):
            held[key] = there + [one for one in value if one not in there]
        else:
            held[key] = value
    return held


def merge(
    obj_a: Any,
    obj_b: Any,
    strategy: str = "smart",
    renderer: str = "yaml",
    merge_lists: bool = False,
) -> Any:
    """Return two mappings as one: ``list`` and ``overwrite`` differ from the other strategies."""
    first = copy.deepcopy(obj_a)
    if strategy == "overwrite":
        return {**first, **obj_b}
    if strategy == "list":
        return merge_list(first, obj_b)
    return update(first, copy.deepcopy(obj_b), merge_lists=merge_lists)


def merge_list(obj_a: Mapping[Any, Any], obj_b: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return two mappings as one; what both have becomes a list of the two."""
    found = dict(obj_a)
    for key, value in obj_b.items():
        found[key] = [found[key], value] if key in found else value
    return found


def merge_recurse(obj_a: Any, obj_b: Any, merge_lists: bool = False) -> Any:
    """Return two mappings as one."""
    return update(copy.deepcopy(obj_a), obj_b, merge_lists=merge_lists)


def merge_overwrite(
    obj_a: Mapping[Any, Any], obj_b: Mapping[Any, Any], merge_lists: bool = False
) -> dict[Any, Any]:
    """Return two mappings as one, the second's values as they are."""
    return {**obj_a, **obj_b}


def set_dict_key_value(in_dict: Any, keys: str, value: Any, delimiter: str = ":", **kwargs: Any) -> Any:
    """Set what lies at a path of keys, making what is missing on the way."""
    *above, last = keys.split(delimiter)
    here = in_dict
    for part in above:
        here = here.setdefault(part, {})
    here[last] = value
    return in_dict


def ensure_dict_key(in_dict: Any, keys: str, delimiter: str = ":", **kwargs: Any) -> Any:
    """Make the mappings that a path of keys leads through."""
    here = in_dict
    for part in keys.split(delimiter):
        here = here.setdefault(part, {})
    return in_dict
