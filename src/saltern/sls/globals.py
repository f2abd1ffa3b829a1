"""The arguments that every state understands, read and checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.sls.high import REQUISITES, REVERSED
from saltern.sls.low import NO_GLOBALS, Globals, Retry

#: What is not handed to a state's own function.
NOT_ARGUMENTS = (
    REQUISITES
    | frozenset(REVERSED)
    | {
        *("state", "fun", "name", "names", "order", "use", "use_in", "name_order"),
        *("onlyif", "unless", "creates", "check_cmd", "cmd_opts_exclude", "retry", "failhard", "parallel"),
        *("reload_modules", "reload_grains", "reload_pillar", "fire_event", "runas", "runas_password"),
        *("umask", "saltenv", "no_log", "aggregate", "test"),
        *("__env__", "__sls__", "__id__", "__sls_included_from__"),
    }
)


class GlobalError(ValueError):
    """A value that a global argument can't have; ``name`` is the argument."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem)
        self.name = name


def read(low: Mapping[str, Any]) -> tuple[Globals, list[GlobalError]]:
    """Return the global arguments of a chunk, and what is wrong with those that can't be read."""
    present = [name for name in _READERS if low.get(name) is not None]
    if not present:
        return NO_GLOBALS, []
    values: dict[str, Any] = {}
    errors = []
    for name in present:
        try:
            values[name] = _READERS[name](low[name])
        except ValueError as error:
            errors.append(GlobalError(name, str(error)))
    return Globals(**values), errors


def _conditions(value: Any) -> tuple[Any, ...]:
    """Commands and calls, one or many."""
    parts = value if isinstance(value, list) else [value]
    for part in parts:
        if isinstance(part, dict):
            if not isinstance(part.get("fun"), str):
                raise ValueError("a call is a mapping with 'fun: noun.function'")
        elif not isinstance(part, str):
            raise ValueError(f"{part!r} is neither a command nor a call; put it in quotes if it is a command")
    return tuple(parts)


def _texts(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in parts):
        raise ValueError(f"{value!r} is neither a text nor a list of texts")
    return tuple(parts)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool | int):
        return bool(value)
    raise ValueError(f"{value!r} is neither true nor false")


def _event(value: Any) -> bool | str:
    return value if isinstance(value, str) else _boolean(value)


def _text(value: Any) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{value!r} is not text")


def _umask(value: Any) -> int:
    text = str(value)
    if not re.fullmatch(r"[0-7]{1,4}", text):
        raise ValueError(f"{value!r} is not a mask in octal digits, such as '022'")
    return int(text, 8)


def _seconds(value: Any) -> float | None:
    """Return seconds; a state may mean something else by ``timeout``, which is then no number."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


_RETRY: Mapping[str, tuple[type, ...]] = {
    "attempts": (int,),
    "until": (bool,),
    "interval": (int, float),
    "splay": (int, float),
}


def _retry(value: Any) -> Retry | None:
    if isinstance(value, bool):
        return Retry() if value else None
    if not isinstance(value, dict):
        value = _merged(value)
    for name, one in value.items():
        if name not in _RETRY:
            raise ValueError(f"there is no {name!r}; there are {', '.join(_RETRY)}")
        if not isinstance(one, _RETRY[name]) or (isinstance(one, bool) and name != "until"):
            raise ValueError(f"{name} can't be {one!r}")
    return Retry(**value)


def _merged(value: Any) -> dict[str, Any]:
    """Return the one mapping that a list of mappings stands for."""
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return {name: one for part in value for name, one in part.items()}
    raise ValueError(f"{value!r} is neither true nor a mapping such as 'attempts: 3'")


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "onlyif": _conditions,
    "unless": _conditions,
    "creates": _texts,
    "check_cmd": _conditions,
    "cmd_opts_exclude": _texts,
    "retry": _retry,
    "failhard": _boolean,
    "parallel": _boolean,
    "reload_modules": _boolean,
    "reload_grains": _boolean,
    "reload_pillar": _boolean,
    "fire_event": _event,
    "runas": _text,
    "runas_password": _text,
    "umask": _umask,
    "timeout": _seconds,
    "saltenv": _text,
    "no_log": _boolean,
    "aggregate": lambda value: value,
    "test": _boolean,
}
