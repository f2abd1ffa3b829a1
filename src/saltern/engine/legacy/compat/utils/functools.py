"""``salt.utils.functools``: functions made of others."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any


def namespaced_function(
    function: types.FunctionType, global_dict: dict[str, Any], defaults: Any = None, *args: Any
) -> types.FunctionType:
    """Return a function that finds the names of another module around it."""
    made = types.FunctionType(
        function.__code__,
        global_dict,
        function.__name__,
        defaults or function.__defaults__,
        function.__closure__,
    )
    made.__dict__.update(function.__dict__)
    made.__kwdefaults__ = function.__kwdefaults__
    made.__doc__ = function.__doc__
    return made


def alias_function(fun: types.FunctionType, name: str, doc: str | None = None) -> types.FunctionType:
    """Return a function under another name."""
    made = namespaced_function(fun, fun.__globals__)
    made.__name__ = name
    made.__doc__ = doc or f"This function is an alias of ``{fun.__name__}``.\n\n{fun.__doc__ or ''}"
    return made


def call_function(salt_function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function with positional arguments, some of which are mappings of named ones."""
    named = {name: value for one in args if isinstance(one, Mapping) for name, value in one.items()}
    return salt_function(*(one for one in args if not isinstance(one, Mapping)), **named, **kwargs)
