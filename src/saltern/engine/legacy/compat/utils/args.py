"""``salt.utils.args``: arguments of functions."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from saltern.engine.legacy.compat.exceptions import SaltInvocationError


class ArgSpec(NamedTuple):
    """A function's arguments: names, the name of ``*args``, of ``**kwargs``, and defaults."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


def clean_kwargs(**kwargs: Any) -> dict[str, Any]:
    """Return the arguments without those that begin with two underscores."""
    return {name: value for name, value in kwargs.items() if not name.startswith("__")}


def invalid_kwargs(invalid: Mapping[str, Any], raise_exc: bool = True) -> str:
    """Raise SaltInvocationError about arguments that nobody takes, or return the message."""
    named = ", ".join(f"{name}={value}" for name, value in invalid.items())
    message = f"The following keyword arguments are not valid: {named}"
    return _raise(message) if raise_exc else message


def _raise(message: str) -> NoReturn:
    raise SaltInvocationError(message)


def get_function_argspec(function: Callable[..., Any], is_class_method: bool | None = None) -> ArgSpec:
    """Return what a function takes."""
    found = inspect.getfullargspec(function)
    args = found.args[1:] if is_class_method else found.args
    return ArgSpec(args, found.varargs, found.varkw, found.defaults)


def shlex_split(text: str, **kwargs: Any) -> list[str]:
    """Return text in words, as a shell would have them."""
    return shlex.split(text, **kwargs) if isinstance(text, str) else text


def split_input(value: str | Sequence[str], mapper: Callable[[str], str] | None = None) -> list[str]:
    """Return text with commas, or a list, as a list."""
    parts = value.split(",") if isinstance(value, str) else [str(one) for one in value]
    return [(mapper or str.strip)(one) for one in parts]


def yamlify_arg(value: Any) -> Any:
    """Return text as what YAML takes it for, where that is no date and no comment."""
    from saltern.engine.legacy.compat.utils import yaml

    if not isinstance(value, str) or not value.strip() or value.lstrip().startswith("#"):
        return value
    try:
        found = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    return found if isinstance(found, bool | int | float | list | dict) or found is None else value
