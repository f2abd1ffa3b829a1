"""``salt.utils.decorators``: functions that are there only when what they need is."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from typing import Any

from saltern.engine.legacy.compat.exceptions import CommandExecutionError
from saltern.engine.legacy.compat.utils.path import which_bin as _found

Function = Callable[..., Any]


class depends:
    """Calls a function only when modules or names are there; else ``fallback_function``, or fails."""

    def __init__(self, *dependencies: Any, **kwargs: Any) -> None:
        """Take names of modules, or of what the function's own module has."""
        self._dependencies = dependencies
        self._fallback: Function | None = kwargs.get("fallback_function")

    def __call__(self, function: Function) -> Function:
        """Return the function, guarded."""

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            missing = [one for one in self._dependencies if not _is_there(one, function)]
            if not missing:
                return function(*args, **kwargs)
            if self._fallback is not None:
                return self._fallback(*args, **kwargs)
            raise CommandExecutionError(f"{function.__name__} needs {', '.join(map(str, missing))}")

        return guarded


def _is_there(dependency: Any, function: Function) -> bool:
    if not isinstance(dependency, str):
        return bool(dependency)
    names = function.__globals__ if hasattr(function, "__globals__") else {}
    if dependency in names:
        return bool(names[dependency])
    try:
        return importlib.util.find_spec(dependency) is not None
    except ModuleNotFoundError:
        return False


def memoize(function: Function) -> Function:
    """Have a function's results remembered by its arguments."""
    known: dict[str, Any] = {}

    @functools.wraps(function)
    def remembering(*args: Any, **kwargs: Any) -> Any:
        key = repr((args, sorted(kwargs.items())))
        if key not in known:
            known[key] = function(*args, **kwargs)
        return known[key]

    return remembering


def timing(function: Function) -> Function:
    """Return the function as it is."""
    return function


def ensure_unicode_args(function: Function) -> Function:
    """Return the function as it is: text is Unicode."""
    return function


def is_deprecated(*args: Any, **kwargs: Any) -> Callable[[Function], Function]:
    """Return a decorator that leaves a function as it is."""
    return lambda function: function


with_deprecated = is_deprecated


def require_one_of(*keys: str) -> Callable[[Function], Function]:
    """Return a decorator for functions that need one of some named arguments."""
    return lambda function: function


def which(exe: str) -> Callable[[Function], Function]:
    """Return a decorator for functions that need a program."""
    return which_bin([exe])


def which_bin(exes: list[str]) -> Callable[[Function], Function]:
    """Return a decorator for functions that need one of some programs."""

    def decorator(function: Function) -> Function:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if _found(exes) is None:
                raise CommandExecutionError(f"{function.__name__} needs the program {' or '.join(exes)}")
            return function(*args, **kwargs)

        return guarded

    return decorator
