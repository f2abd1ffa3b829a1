"""From what a caller wrote to the arguments a function takes."""

from __future__ import annotations

import types
from typing import Any, Literal

import msgspec
import pytest

from saltern.engine.bind import bind, coerce
from saltern.sdk import BadArgument, Host, takes
from saltern.sdk.registry import Function


class Options(msgspec.Struct, kw_only=True):
    """Shared arguments."""

    depth: int = 3
    tags: list[str] = []


def plain(host: Host, name: str, count: int = 1, *, force: bool = False, type_: str | None = None) -> None:
    """Take a bit of everything."""


def many(host: Host, *args: int, **kwargs: str) -> None:
    """Take any number."""


def kinds(host: Host, mode: Literal["a", "b"], words: str | list[str] = "x", data: Any = None) -> None:
    """Take special kinds."""


@takes(Options)
def shared(host: Host, name: str, **options: Any) -> None:
    """Take the shared arguments."""


def function(call: Any) -> Function:
    return Function(f"noun.{call.__name__}", call, types.ModuleType("noun"))


@pytest.mark.parametrize(
    ("call", "args", "kwargs", "positional", "named"),
    [
        (plain, ["a"], {}, ["a"], {}),
        (plain, ["a", 2], {"force": True}, ["a", 2], {"force": True}),
        (plain, [], {"name": "a", "type": "t"}, [], {"name": "a", "type_": "t"}),
        (plain, [5, "7"], {"force": "true"}, ["5", 7], {"force": True}),
        (plain, [True], {}, ["true"], {}),
        (plain, [1.5], {"type": None}, ["1.5"], {"type_": None}),
        (plain, ["a"], {"__pub_jid": "1", "__kwarg__": True}, ["a"], {}),
        (many, [1, "2"], {"x": 3, "host": "h"}, [1, 2], {"x": "3", "host": "h"}),
        (kinds, ["a", ["b", 1]], {"data": {"x": [1]}}, ["a", ["b", "1"]], {"data": {"x": [1]}}),
        (shared, ["a"], {"depth": "4", "tags": ["t"]}, ["a"], {"depth": 4, "tags": ["t"]}),
        (shared, ["a"], {"tags": 5}, ["a"], {"tags": ["5"]}),
    ],
)
def test_each_in_its_place_and_of_its_kind(
    call: Any, args: list[Any], kwargs: dict[str, Any], positional: list[Any], named: dict[str, Any]
) -> None:
    assert bind(function(call), args, kwargs) == (positional, named)


@pytest.mark.parametrize(
    ("call", "args", "kwargs", "message", "hint"),
    [
        (
            plain,
            [],
            {},
            "noun.plain: argument 'name' is missing",
            "usage: noun.plain(name, count=1, *, force=",
        ),
        (plain, ["a", 1, 2], {}, "takes at most 2 arguments without a name, 3 given", "usage:"),
        (plain, ["a"], {"name": "b"}, "argument 'name' is given twice, by place and by name", "usage:"),
        (plain, ["a"], {"froce": True}, "has no argument 'froce'", "did you mean 'force'?"),
        (plain, ["a"], {"zzz": True}, "has no argument 'zzz'", "usage:"),
        (plain, ["a"], {"type_": "x"}, "has no argument 'type_'", "did you mean 'type'?"),
        (plain, ["a"], {"test": True}, "has no test mode, so nothing was run", "leave test= away"),
        (plain, ["a"], {"count": "x"}, "argument 'count' = 'x': Expected `int`, got `str`", "usage:"),
        (plain, ["a"], {"count": 1.5}, "argument 'count' = 1.5", "usage:"),
        (plain, [["a"]], {}, "argument 'name' = ['a']: Expected `str`, got `array`", "usage:"),
        (plain, [None], {}, "argument 'name' = None", "usage:"),
        (many, ["x"], {}, "argument 'args' = 'x'", "usage:"),
        (kinds, ["c"], {}, "argument 'mode' = 'c'", "usage:"),
        (shared, ["a"], {"dept": 1}, "has no argument 'dept'", "did you mean 'depth'?"),
        (shared, ["a"], {"options": 1}, "has no argument 'options'", ""),
        (plain, ["x" * 500, "y" * 500], {}, "…", "usage:"),
    ],
)
def test_what_is_wrong_is_said(
    call: Any, args: list[Any], kwargs: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(BadArgument) as caught:
        bind(function(call), args, kwargs)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert len(caught.value.message) < 200


def test_a_function_s_default_is_left_to_it() -> None:
    assert bind(function(shared), ["a"], {}) == (["a"], {})


def test_text_that_fits_is_not_read_as_something_else() -> None:
    assert coerce("5", int | str) == "5"
    assert coerce(5, int | str) == 5
    assert coerce("5", int) == 5
    assert coerce("null", int | None) is None
