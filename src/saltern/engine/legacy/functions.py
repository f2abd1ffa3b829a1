"""The functions of a Salt module, called as ours are, with a host first."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from saltern.engine.legacy.compat.exceptions import SaltException
from saltern.engine.legacy.loading import Loaded, place
from saltern.engine.legacy.scope import Scope, is_under_way
from saltern.sdk import Host
from saltern.sdk.registry import Function

_HOST = inspect.Parameter("__host", inspect.Parameter.POSITIONAL_ONLY)


def functions_of(noun: str, loaded: Loaded, scope: Scope) -> Mapping[str, Function]:
    """Return the functions that a module offers, by their names."""
    # Nothing that a Salt module holds means what it would mean in one of ours (REQUIRES, unavailable).
    bare = ModuleType(loaded.module.__name__)
    return {
        verb: Function(f"{noun}.{verb}", _adapted(function, scope, loaded.shown), bare)
        for verb, function in offered(loaded.module)
    }


def offered(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give what a module offers: what it defines or names in ``__load__``, under the names it chose."""
    aliases: Mapping[str, str] = getattr(module, "__func_alias__", {})
    chosen: list[str] | None = getattr(module, "__load__", None)
    for name, value in list(vars(module).items()):
        if name.startswith("_") or not isinstance(value, FunctionType | functools.partial):
            continue
        if name in chosen if chosen is not None else _is_own(module, value):
            yield aliases.get(name, name), value


def _is_own(module: ModuleType, value: Any) -> bool:
    return isinstance(value, functools.partial) or value.__module__ == module.__name__


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Return a function's signature without annotations: what is written in them binds nobody."""
    found = inspect.signature(function)
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in found.parameters.values()]
    return inspect.Signature(bare)


def _adapted(function: Callable[..., Any], scope: Scope, shown: str) -> Callable[..., Any]:
    def call(host: Host, /, *args: Any, **kwargs: Any) -> Any:
        with scope.entered(host):
            return function(*args, **kwargs)

    def call_from_outside(host: Host, /, *args: Any, **kwargs: Any) -> Any:
        if is_under_way():
            return call(host, *args, **kwargs)
        scope.context["retcode"] = 0
        try:
            found = call(host, *args, **kwargs)
        except SaltException as error:
            error.where = error.where or place(error, shown)
            raise
        retcode = scope.context.get("retcode")
        host.fail(retcode if isinstance(retcode, int) else 0)
        return found

    call_from_outside.__doc__ = function.__doc__
    parameters = [_HOST, *signature_of(function).parameters.values()]
    call_from_outside.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return call_from_outside
