"""A small store of one's own on each machine: values by key, kept in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from saltern.sdk import BadArgument, Host, SettingsError


def load(host: Host) -> dict[str, Any]:
    """Return all that is kept.

    Example:
        saltern run '*' data.load
    """
    text = host.text(_path(host), "{}")
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        hint = "mend it by hand, or begin anew: data.clear"
        raise SettingsError(f"the data store is damaged: {error}", where=_path(host), hint=hint) from None


def dump(host: Host, new_data: Any) -> bool:
    """Replace all that is kept by a mapping, given as such or as JSON; tell whether it was one.

    Example:
        saltern run '*' data.dump '{"eggs": "spam"}'
    """
    if isinstance(new_data, str):
        try:
            new_data = msgspec.json.decode(new_data)
        except msgspec.DecodeError as error:
            raise BadArgument(f"data.dump takes a mapping, or one as JSON: {error}") from None
    if not isinstance(new_data, dict):
        return False
    with _locked(host):
        _write(host, new_data)
    return True


def update(host: Host, key: str, value: Any) -> bool:
    """Keep a value under a key.

    Example:
        saltern run '*' data.update key value
    """
    _change(host, lambda kept: kept.update({key: value}))
    return True


def cas(host: Host, key: str, value: Any, old_value: Any) -> bool:
    """Replace a value if it is ``old_value``; tell whether it was.

    Example:
        saltern run '*' data.cas key new old
    """

    def swap(kept: dict[str, Any]) -> bool:
        same = key in kept and bool(kept[key] == old_value)
        if same:
            kept[key] = value
        return same

    return bool(_change(host, swap))


def pop(host: Host, key: str, default: Any = None) -> Any:
    """Take a value out and return it; ``default`` where there is none.

    Example:
        saltern run '*' data.pop key
    """
    return _change(host, lambda kept: kept.pop(key, default))


def clear(host: Host) -> bool:
    """Forget all that is kept, a damaged store too.

    Example:
        saltern run '*' data.clear
    """
    host.remove(_path(host))
    return True


def get(host: Host, key: str | list[str], default: Any = None) -> Any:
    """Return a value, ``default`` where there is none; of a list of keys the values of those there are.

    Example:
        saltern run '*' data.get key
    """
    kept = load(host)
    if isinstance(key, list):
        return [kept[one] for one in key if one in kept]
    return kept.get(key, default)


def keys(host: Host) -> list[str]:
    """Return the keys of all that is kept.

    Example:
        saltern run '*' data.keys
    """
    return list(load(host))


def values(host: Host) -> list[Any]:
    """Return the values of all that is kept.

    Example:
        saltern run '*' data.values
    """
    return list(load(host).values())


def items(host: Host) -> dict[str, Any]:
    """Return all that is kept.

    Example:
        saltern run '*' data.items
    """
    return load(host)


def has_key(host: Host, key: str) -> bool:
    """Tell whether something is kept under a key.

    Example:
        saltern run '*' data.has_key key
    """
    return key in load(host)


def _change(host: Host, change: Callable[[dict[str, Any]], Any]) -> Any:
    with _locked(host):
        kept = load(host)
        done = change(kept)
        _write(host, kept)
    return done


def _locked(host: Host) -> Any:
    host.make_directory(host.data, mode=0o700)
    return host.lock(f"{host.data}/.datastore.lock")


def _write(host: Host, kept: dict[str, Any]) -> None:
    try:
        content = msgspec.json.encode(kept)
    except (TypeError, OverflowError) as error:
        raise BadArgument(f"only plain data can be kept: {error}") from None
    host.write(_path(host), content, mode=0o600)


def _path(host: Host) -> str:
    return f"{host.data}/datastore.json"
