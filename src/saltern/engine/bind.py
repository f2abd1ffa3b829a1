"""From what a caller wrote to the arguments a function takes: each in its place, each of its kind."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin

import msgspec

from saltern.sdk.errors import BadArgument, nearest
from saltern.sdk.registry import Function, public_name

_EMPTY = inspect.Parameter.empty
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

_NAMEABLE = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def bind(
    function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and named arguments to call ``function`` with, after ``host``.

    Salt's hidden arguments (``__pub_…``) are dropped. Raises BadArgument that names the argument, shows
    the signature, and proposes the nearest name for an unknown one.
    """
    given = {name: value for name, value in kwargs.items() if not name.startswith("__")}
    places = [parameter for parameter in function.parameters if parameter.kind in _POSITIONAL]
    _check_places(function, places, args, given)
    positional = [
        _convert(function, places[index], value) if index < len(places) else _spare(function, value)
        for index, value in enumerate(args)
    ]
    named = dict(_named(function, name, value) for name, value in given.items())
    _check_missing(function, places[len(args) :], named)
    return positional, named


def _check_places(
    function: Function, places: list[inspect.Parameter], args: Sequence[Any], given: Mapping[str, Any]
) -> None:
    if len(args) > len(places) and _of_kind(function, inspect.Parameter.VAR_POSITIONAL) is None:
        raise _wrong(function, f"takes at most {len(places)} arguments without a name, {len(args)} given")
    for place in places[: len(args)]:
        if public_name(place.name) in given:
            raise _wrong(
                function, f"argument {public_name(place.name)!r} is given twice, by place and by name"
            )


def _check_missing(function: Function, places: list[inspect.Parameter], named: Mapping[str, Any]) -> None:
    only_named = [one for one in function.parameters if one.kind is inspect.Parameter.KEYWORD_ONLY]
    wanted = [one.name for one in [*places, *only_named] if one.default is _EMPTY]
    missing = [name for name in wanted if name not in named]
    if missing:
        raise _wrong(function, f"argument {public_name(missing[0])!r} is missing")


def _named(function: Function, name: str, value: Any) -> tuple[str, Any]:
    """Return the name Python knows the argument by, and its value."""
    for parameter in function.parameters:
        if public_name(parameter.name) == name and parameter.kind in _NAMEABLE:
            return parameter.name, _convert(function, parameter, value)
    rest = _of_kind(function, inspect.Parameter.VAR_KEYWORD)
    if rest is None:
        raise _unknown(function, name)
    return name, _convert(function, rest, value)


def _unknown(function: Function, name: str) -> BadArgument:
    if name == "test":
        return _wrong(function, "has no test mode, so nothing was run", hint="leave test= away")
    known = [public_name(one.name) for one in function.parameters if one.kind in _NAMEABLE]
    return _wrong(function, f"has no argument {name!r}", hint=nearest(name, known))


def _spare(function: Function, value: Any) -> Any:
    rest = _of_kind(function, inspect.Parameter.VAR_POSITIONAL)
    return value if rest is None else _convert(function, rest, value)


def _of_kind(function: Function, kind: Any) -> inspect.Parameter | None:
    return next((parameter for parameter in function.parameters if parameter.kind is kind), None)


def _wrong(function: Function, message: str, hint: str = "") -> BadArgument:
    return BadArgument(f"{function.name}: {message}", hint=hint or f"usage: {function.signature}")


def _convert(function: Function, parameter: inspect.Parameter, value: Any) -> Any:
    """Return ``value`` as the parameter's type. Raises BadArgument when it can't be meant so."""
    if parameter.annotation is _EMPTY or parameter.annotation is Any:
        return value
    try:
        return coerce(value, parameter.annotation)
    except msgspec.ValidationError as error:
        raise _wrong(
            function, f"argument {public_name(parameter.name)!r} = {_short(value)}: {error}"
        ) from error


def coerce(value: Any, kind: Any) -> Any:
    """Return ``value`` as ``kind``: as it is where it fits, else read as a person would mean it.

    Text is read as a number, a boolean or null; a number or a boolean is taken as text. Raises
    msgspec.ValidationError.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        kinds = _alternatives(kind)
        if isinstance(value, bool | int | float) and (str in kinds or list[str] in kinds):
            return _text(value) if str in kinds else [_text(value)]
        if isinstance(value, list):
            value = [_text(one) if isinstance(one, bool | int | float) else one for one in value]
        return msgspec.convert(value, kind, strict=False)


def _text(value: bool | float) -> str:
    """Return a number or boolean as a person types it; commands called true and false need it so."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
