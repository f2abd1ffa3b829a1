"""Where one's own grains are written: the file ``grains`` beside the settings."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from saltern.sdk import BadArgument, Host, SettingsError

#: What stands for a grain that isn't there.
ABSENT = object()


def store(host: Host, grains: Mapping[str, Any], destructive: bool = False) -> None:
    """Write grains; with ``destructive`` a null takes one away.

    Raises SettingsError when the file that is there can't be read; it is then left alone.
    """
    path = f"{host.settings}/grains"
    host.make_directory(host.settings)
    with host.lock(f"{host.settings}/.grains.lock"):
        known = _read(host, path)
        for key, value in grains.items():
            if value is None and destructive:
                known.pop(key, None)
            else:
                known[key] = value
        _write(host, path, known)
    host.forget_grains()
    if host.agent is not None:
        host.agent.refresh_grains()


def merged(under: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return ``under`` with ``over`` laid upon it; mappings in both are merged, all else is replaced."""
    result = {key: copy.deepcopy(value) for key, value in under.items()}
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = merged(below, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def placed(under: Any, steps: list[str], value: Any, force: bool, destructive: bool) -> tuple[Any, str]:
    """Return ``under`` with ``value`` at the path ``steps``, and an objection where it doesn't fit."""
    if not steps:
        return value, ""
    step, *rest = steps
    if isinstance(under, list):
        return _placed_in_list(under, step, rest, value, force, destructive)
    if not isinstance(under, Mapping):
        if under not in (ABSENT, None, step) and not force:
            return None, f"The value {under!r} stands in the way of the key {step!r}."
        under = {}
    inner, objection = placed(under.get(step, ABSENT), rest, value, force, destructive)
    result = {**under, step: inner}
    if inner is None and destructive and not rest:
        del result[step]
    return result, objection


def _placed_in_list(
    under: list[Any], step: str, rest: list[str], value: Any, force: bool, destructive: bool
) -> tuple[Any, str]:
    """Change the list's mapping that has the key; a text equal to the key becomes one; else add one."""
    for index, item in enumerate(under):
        if item == step or (isinstance(item, Mapping) and step in item):
            inner, objection = placed(item, [step, *rest], value, force, destructive)
            return [*under[:index], inner, *under[index + 1 :]], objection
    inner, objection = placed(ABSENT, [step, *rest], value, force, destructive)
    return [*under, inner], objection


def objection_to(key: str, old: Any, new: Any) -> str:
    """Return why a value may not be replaced without force; nothing when it may."""
    if isinstance(old, dict | list):
        return f"The key '{key}' exists but is a dict or a list. Use 'force=True' to overwrite."
    if old is not ABSENT and isinstance(new, dict | list):
        return (
            f"The key '{key}' exists and the given value is a dict or a list. Use 'force=True' to overwrite."
        )
    return ""


def _read(host: Host, path: str) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(host.text(path, "")) or {}
    except yaml.YAMLError as error:
        found = error
    if not isinstance(found, dict):
        raise SettingsError(
            "not a YAML mapping, so nothing was written", where=path, hint="mend it by hand first"
        )
    return found


def _write(host: Host, path: str, grains: dict[str, Any]) -> None:
    import yaml

    try:
        text = yaml.safe_dump(grains, default_flow_style=False, allow_unicode=True)
    except yaml.YAMLError as error:
        raise BadArgument(f"a grain must be plain data: {error}") from None
    host.write(path, text.encode())


def choice(
    who: str,
    table: Mapping[Any, Any],
    value: Any,
    merge: Mapping[str, Any] | None,
    default: str,
    base: str | None,
) -> Any:
    """Return what a table has for a value (or for the first of several), or for ``default``.

    The table's keys may be shell patterns. What ``base`` names lies under the choice, ``merge`` over it.
    Raises BadArgument, in the name of the function ``who``, for plain values that would have to be merged.
    """
    chosen = _match(table, value if isinstance(value, list) else [value])
    if chosen is None:
        chosen = table.get(default)
    if base and base in table:
        chosen = _over(who, table[base], chosen)
    if not merge:
        return chosen
    under = {} if chosen is None else chosen
    if not isinstance(under, Mapping):
        raise BadArgument(f"{who}: merge needs a mapping to merge into; the choice is a plain value")
    return merged(under, merge)


def _match(table: Mapping[Any, Any], values: list[Any]) -> Any:
    from fnmatch import fnmatchcase

    for value in values:
        for key, found in table.items():
            if fnmatchcase(str(value), str(key)):
                if found is not None:
                    return found
                break
    return None


def _over(who: str, base: Any, chosen: Any) -> Any:
    if chosen is None:
        return base
    if not isinstance(base, Mapping):
        return chosen
    if not isinstance(chosen, Mapping):
        raise BadArgument(f"{who}: base is a mapping, so the value chosen must be one too")
    return merged(base, chosen)
