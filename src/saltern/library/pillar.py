"""The data that is meant for this host.

What was decrypted, or came out of a vault, is shown as ``****`` unless ``unmask=True`` asks for it. Templates
and states see all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from saltern.library.grains.values import choice
from saltern.sdk import Host, NotFound, NotSupported
from saltern.sdk.secret import unmasked
from saltern.sdk.traverse import traverse

ALIASES = {"fetch": "get", "data": "items"}

_ABSENT = object()


def get(
    host: Host,
    key: str,
    default: Any = "",
    merge: bool = False,
    merge_nested_lists: bool | None = None,
    delimiter: str = ":",
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool = False,
) -> Any:
    """Return the value at a path, or ``default`` where there is none. An empty key returns all.

    ``merge`` lays a mapping found upon a mapping given as ``default``, and a list found behind a list; lists
    within mappings are replaced, or joined with ``merge_nested_lists``. ``pillarenv`` has the pillar of one
    environment made for this call; ``saltenv`` is accepted as Salt has it.

    Example:
        saltern run '*' pillar.get db:host localhost
    """
    pillar = _pillar(host, None, pillarenv)
    found = traverse(pillar, key, _ABSENT, delimiter) if key else dict(pillar)
    if found is _ABSENT:
        return default
    if merge and isinstance(default, Mapping) and isinstance(found, Mapping):
        lists = merge_nested_lists
        if lists is None:
            lists = bool(host.supply.opts.get("pillar_merge_lists", False))
        found = _over(default, found, lists)
    elif merge and isinstance(default, list) and isinstance(found, list):
        found = _joined(default, found)
    return _shown(found, unmask)


def items(
    host: Host,
    *args: str,
    pillar: dict[str, Any] | None = None,
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool = False,
) -> dict[str, Any]:
    """Return the whole pillar, or some keys of it.

    ``pillar`` is laid over it, ``pillarenv`` takes that of one environment; ``saltenv`` is accepted as Salt
    has it.

    Example:
        saltern run '*' pillar.items unmask=True
    """
    found = _pillar(host, pillar, pillarenv)
    chosen = {key: value for key, value in found.items() if not args or key in args}
    return dict(_shown(chosen, unmask))


def item(
    host: Host,
    *args: str,
    default: Any = "",
    delimiter: str = ":",
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool = False,
) -> dict[str, Any]:
    """Return the values at some paths, ``default`` where there is none.

    Example:
        saltern run '*' pillar.item db:host roles
    """
    pillar = _pillar(host, None, pillarenv)
    return {key: _shown(traverse(pillar, key, default, delimiter), unmask) for key in args}


def raw(host: Host, key: str | None = None, unmask: bool = False) -> Any:
    """Return the pillar that this job works with, or one top-level key of it; nothing where there is none.

    Example:
        saltern run '*' pillar.raw db
    """
    found = host.supply.pillar
    return _shown(found.get(key, {}) if key else dict(found), unmask)


def keys(host: Host, key: str, delimiter: str = ":") -> list[str]:
    """Return the keys of the mapping at a path. Raises NotFound when there is none.

    Example:
        saltern run '*' pillar.keys db
    """
    found = traverse(host.supply.pillar, key, None, delimiter)
    if not isinstance(found, Mapping):
        raise NotFound(f"there is no mapping at {key!r} in the pillar")
    return [str(name) for name in found]


def ls(host: Host, pillarenv: str | None = None, saltenv: str | None = None) -> list[str]:
    """Return the names of the pillar's keys.

    Example:
        saltern run '*' pillar.ls
    """
    return [str(name) for name in _pillar(host, None, pillarenv)]


def obfuscate(
    host: Host, *args: str, pillar: dict[str, Any] | None = None, pillarenv: str | None = None
) -> dict[str, Any]:
    """Return the pillar, or some keys of it, with the kind of each value in its place, such as ``<int>``.

    Example:
        saltern run '*' pillar.obfuscate
    """
    found = items(host, *args, pillar=pillar, pillarenv=pillarenv, unmask=True)
    return {key: _kinds(value) for key, value in found.items()}


def filter_by(
    host: Host,
    lookup_dict: dict[Any, Any],
    pillar: str,
    merge: dict[str, Any] | Literal[""] | None = None,
    default: str = "default",
    base: str | None = None,
) -> Any:
    """Choose from a table by a value; return the choice, with ``base`` under and ``merge`` over it.

    ``pillar`` is the path of the value.

    The table's keys may be shell patterns. Without a match, ``default`` is the key taken.

    Example:
        saltern run '*' pillar.filter_by '{web: {port: 80}, db: {port: 5432}}' role
    """
    found = traverse(host.supply.pillar, pillar, [])
    return choice("pillar.filter_by", lookup_dict, found, merge or None, default, base)


def ext(host: Host, external: Any = None, pillar: dict[str, Any] | None = None) -> dict[str, Any]:
    """Refuse: an agent can't have the controller ask sources that the controller's settings don't name.

    Example:
        saltern run web1 pillar.ext '{cmd_yaml: id}'
    """
    raise NotSupported(
        "pillar.ext would let an agent choose what runs on the controller",
        hint="name the source in controller.yaml (pillar.ext_pillar); `saltern pillar show` renders it",
    )


def file_exists(host: Host, path: str, saltenv: str | None = None) -> bool:
    """Tell whether a file is in this host's own pillar roots. Raises NotSupported where it has none.

    Example:
        saltern run web1 pillar.file_exists db.sls
    """
    roots: Mapping[str, list[str]] = host.supply.opts.get("pillar_roots") or {}
    if not roots:
        raise NotSupported(
            "the pillar roots are on the controller", hint="saltern pillar show-top shows what is used"
        )
    if path.startswith("/") or ".." in path.split("/"):
        return False
    wanted = [saltenv] if saltenv else list(roots)
    places = (f"{root}/{path}" for name in wanted for root in roots.get(name, ()))
    found = (host.stat(place) for place in places)
    return any(one is not None and one.kind == "file" for one in found)


def _pillar(host: Host, given: Mapping[str, Any] | None, pillarenv: str | None) -> Mapping[str, Any]:
    return host.supply.pillar_anew(given or {}, pillarenv or "") if given or pillarenv else host.supply.pillar


def _shown(value: Any, unmask: bool) -> Any:
    """Return a value as it stands; whoever sends it on masks what is secret, unless that was asked for."""
    return unmasked(value) if unmask else value


def _kinds(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _kinds(one) for key, one in value.items()}
    return [_kinds(one) for one in value] if isinstance(value, list) else f"<{type(value).__name__}>"


def _over(under: Mapping[Any, Any], over: Mapping[Any, Any], lists: bool) -> dict[Any, Any]:
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = _over(below, value, lists)
        elif lists and isinstance(below, list) and isinstance(value, list):
            result[key] = _joined(below, value)
        else:
            result[key] = value
    return result


def _joined(first: list[Any], second: list[Any]) -> list[Any]:
    return [*first, *(one for one in second if one not in first)]
