"""What can be called here: names, documentation, arguments."""

from __future__ import annotations

from fnmatch import fnmatchcase
from inspect import Parameter
from typing import Any

from saltern.sdk import Host
from saltern.sdk.registry import LIBRARY, Function, Registry, public_name


def list_modules(host: Host, *args: str) -> list[str]:
    """Return the nouns, or those that match shell patterns.

    Example:
        saltern run '*' sys.list_modules 's*'
    """
    return [
        noun for noun in _registry(host).nouns() if not args or any(fnmatchcase(noun, one) for one in args)
    ]


def list_functions(host: Host, *args: str) -> list[str]:
    """Return the functions' full names: all, those of some nouns, or those that match shell patterns.

    Example:
        saltern run '*' sys.list_functions cmd 'test.e*'
    """
    return [function.name for function in _chosen(host, args)]


def doc(host: Host, *args: str) -> dict[str, str]:
    """Return the documentation of functions by name: of all, of some nouns, or by shell patterns.

    Example:
        saltern run '*' sys.doc cmd.run
    """
    return {function.name: function.help for function in _chosen(host, args)}


def argspec(host: Host, module: str = "") -> dict[str, dict[str, Any]]:
    """Return functions' arguments by name: ``{args: […], defaults: […], varargs: true, kwargs: true}``.

    ``defaults`` belong to the last of ``args``; what a function does not have is null.

    Example:
        saltern run '*' sys.argspec cmd.run
    """
    return {function.name: _arguments(function) for function in _chosen(host, (module,) if module else ())}


def reload_modules(host: Host) -> bool:
    """Read the nouns' modules again, in the process this runs in; return true.

    An agent runs each job in a process of its own: what was installed since is found there without this,
    and a changed module is used when the agent is started again.

    Example:
        saltern run '*' sys.reload_modules
    """
    _registry(host).reload()
    return True


def _registry(host: Host) -> Registry:
    """Return what can be called on the host, the file roots' own functions included."""
    found: Registry | None = host.supply.catalogue()
    return LIBRARY if found is None else found


def _chosen(host: Host, wanted: tuple[str, ...]) -> list[Function]:
    registry = _registry(host)
    names = [name for name in registry.names() if not wanted or any(_is_meant(name, one) for one in wanted)]
    return [registry.function(name) for name in names]


def _is_meant(name: str, wanted: str) -> bool:
    if "." in wanted.rstrip(".") or "*" in wanted:
        return fnmatchcase(name, wanted)
    return name.startswith(wanted.rstrip(".") + ".")


def _arguments(function: Function) -> dict[str, Any]:
    plain = [one for one in function.parameters if one.kind not in _VARIABLE]
    kinds = {one.kind for one in function.parameters}
    defaults = [one.default for one in plain if one.default is not Parameter.empty]
    return {
        "args": [public_name(one.name) for one in plain] or None,
        "defaults": defaults or None,
        "varargs": True if Parameter.VAR_POSITIONAL in kinds else None,
        "kwargs": True if Parameter.VAR_KEYWORD in kinds else None,
    }


_VARIABLE = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
