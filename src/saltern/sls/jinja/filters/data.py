"""Filters on mappings and nested data, and globals that look at the whole context."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context

from saltern.foundation.errors import UsageError
from saltern.sdk.traverse import traverse as traverse_data
from saltern.sls.jinja.filters.text import to_num


def traverse(data: Any, key: Any, default: Any = None, delimiter: str = ":") -> Any:
    """Return what a path such as ``a:b:0`` leads to, or the default."""
    if isinstance(key, list | tuple):
        for step in key:
            data = traverse_data(data, step, _NOTHING, delimiter)
            if data is _NOTHING:
                return default
        return data
    return traverse_data(data, key, default, delimiter)


_NOTHING = object()


def compare_dicts(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> dict[Any, dict[str, Any]]:
    """Return what differs: each key with its ``old`` and ``new`` value, empty where there is none."""
    keys = [*old, *(key for key in new if key not in old)]
    pairs = {key: {"old": old.get(key, ""), "new": new.get(key, "")} for key in keys}
    return {
        key: pair
        for key, pair in pairs.items()
        if key not in old or key not in new or pair["old"] != pair["new"]
    }


def to_entries(data: Mapping[Any, Any] | list[Any]) -> list[dict[str, Any]]:
    """Return ``key`` and ``value`` of each entry of a mapping, or of a list with its places as keys."""
    pairs = data.items() if isinstance(data, Mapping) else enumerate(data)
    return [{"key": key, "value": value} for key, value in pairs]


def from_entries(entries: Iterable[Mapping[str, Any]]) -> dict[Any, Any]:
    """Return the mapping that ``to_entries`` came from; ``name`` may stand for ``key``, in any case."""
    made: dict[Any, Any] = {}
    for entry in entries:
        lower = {str(name).lower(): value for name, value in entry.items()}
        key = lower.get("key") or lower.get("name")
        if key:
            made[key] = lower.get("value")
    return made


def _holder(data: dict[Any, Any], path: str, delimiter: str) -> tuple[dict[Any, Any], str]:
    """Return the mapping that the last step of a path is a key of; mappings on the way are made."""
    *above, last = path.split(delimiter)
    for step in above:
        if not isinstance(data.get(step), dict):
            data[step] = {}
        data = data[step]
    return data, last


def set_dict_key_value(
    data: dict[Any, Any], keys: str, value: Any, delimiter: str = ":", ordered_dict: bool = False
) -> dict[Any, Any]:
    """Set what lies at a path, and return the data."""
    holder, last = _holder(data, keys, delimiter)
    holder[last] = value
    return data


def _changing(kind: type, method: str) -> Callable[..., dict[Any, Any]]:
    """Return a filter that calls a method of what lies at a path, made empty where nothing lies."""

    def change(
        data: dict[Any, Any], keys: str, value: Any, delimiter: str = ":", ordered_dict: bool = False
    ) -> dict[Any, Any]:
        holder, last = _holder(data, keys, delimiter)
        if holder.get(last) is None:
            holder[last] = kind()
        if not isinstance(holder[last], kind):
            raise UsageError(f"what lies at {keys!r} is a {type(holder[last]).__name__}: it has no {method}")
        try:
            getattr(holder[last], method)(value)
        except (TypeError, ValueError):
            raise UsageError(f"a {kind.__name__} has no {method} with {value!r}") from None
        return data

    change.__doc__ = f"Call {method} of the {kind.__name__} at a path, and return the data."
    return change


def encoded(data: Any) -> Any:
    """Return data with every text in it as bytes in UTF-8."""
    if isinstance(data, Mapping):
        return {encoded(key): encoded(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [encoded(value) for value in data]
    return data.encode() if isinstance(data, str) else data


def mysql_to_dict(lines: Iterable[str], key: str) -> dict[Any, dict[str, Any]]:
    """Return the rows of a table that the program mysql drew, by the value in the column ``key``."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]
    if not rows:
        return {}
    made = [dict(zip(rows[0], map(to_num, row), strict=False)) for row in rows[1:]]
    return {row[key]: row for row in made}


def json_query(data: Any, expression: str) -> Any:
    """Return what a JMESPath expression finds. Raises UsageError where the library is not installed."""
    try:
        import jmespath  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        raise UsageError("json_query needs the library jmespath", hint="pip install jmespath") from None
    return jmespath.search(expression, data)


@pass_context
def method_call(context: Context, value: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """Call a method of a value, within the sandbox; one that it has not gives None."""
    environment: Any = context.environment
    method = environment.getattr(value, name)
    if isinstance(method, Undefined) or not callable(method):
        return None
    return environment.call(context, method, *args, **kwargs)


def skip(value: Any) -> str:
    """Return nothing to print."""
    return ""


@pass_context
def show_full_context(context: Context) -> dict[str, Any]:
    """Return every variable of a template that is plain data."""
    plain = (str, int, float, bool, list, dict, tuple, type(None))
    return {name: value for name, value in context.get_all().items() if isinstance(value, plain)}


@pass_context
def ifelse(context: Context, *pairs: Any, **kwargs: Any) -> Any:
    """Return the value after the first target that means this machine, else the last argument."""
    if len(pairs) % 2 == 0:
        raise UsageError("ifelse takes pairs of a target and a value, and a default at the end")
    matches = context.environment.matches  # type: ignore[attr-defined]
    for target, value in zip(pairs[:-1:2], pairs[1::2], strict=True):
        if target is True or (target is not False and matches(target, kwargs.get("tgt_type", "compound"))):
            return value
    return pairs[-1]


FILTERS: Mapping[str, Callable[..., Any]] = {
    "append_dict_key_value": _changing(list, "append"),
    "compare_dicts": compare_dicts,
    "extend_dict_key_value": _changing(list, "extend"),
    "from_entries": from_entries,
    "json_decode_dict": encoded,
    "json_decode_list": encoded,
    "json_encode_dict": encoded,
    "json_encode_list": encoded,
    "json_query": json_query,
    "method_call": method_call,
    "mysql_to_dict": mysql_to_dict,
    "set_dict_key_value": set_dict_key_value,
    "skip": skip,
    "to_entries": to_entries,
    "traverse": traverse,
    "update_dict_key_value": _changing(dict, "update"),
}
TESTS: Mapping[str, Callable[..., Any]] = {
    "equalto": lambda value, other: value == other,
    "list": lambda value: isinstance(value, list),
}
GLOBALS: Mapping[str, Any] = {
    "ifelse": ifelse,
    "odict": OrderedDict,
    "show_full_context": show_full_context,
}
