"""Any plain Python value, as JSON."""

from __future__ import annotations

import datetime
import json
import math
from collections import OrderedDict, deque
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.engine.encode import NotData, encode


class Name(str):
    """Text with a type of its own, as template engines have it."""


class Colour(Enum):
    """An enumeration."""

    RED = "red"


@dataclass
class Point:
    """A data class."""

    x: int
    label: bytes


class Record(msgspec.Struct):
    """A struct."""

    name: str
    tags: set[str]


_KEYS = ("1", "null", "false", "2.5", "k")
LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        ("hä", "hä"),
        ("half \ud800 a pair", "half ? a pair"),
        (b"ab\xff", "ab\ufffd"),
        (bytearray(b"x"), "x"),
        ((1, (2, 3)), [1, [2, 3]]),
        ({3, 1, 2}, [1, 2, 3]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset(), []),
        ({1: "a", None: "b", False: "c", 2.5: "d", b"k": "e"}, dict(zip(_KEYS, "abcde", strict=True))),
        ({(1, 2): "f"}, {"[1,2]": "f"}),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (range(3).__iter__(), [0, 1, 2]),
        ((number for number in (1, 2)), [1, 2]),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), "2026-01-02T03:04:05Z"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (math.nan, None),
        (math.inf, None),
        (2**63, 2**63),
        (2**64, str(2**64)),
        (-(2**70), str(-(2**70))),
        (Path("/etc"), "/etc"),
        (Name("n"), "n"),
        ({Name("k"): Name("v")}, {"k": "v"}),
        (deque([1]), [1]),
        (range(2), [0, 1]),
        ({"a": 1}.values(), [1]),
        ({"b": 1, "a": 2}.keys(), ["a", "b"]),
        (Colour.RED, "red"),
        (Decimal("1.50"), "1.50"),
        (Point(1, b"p"), {"x": 1, "label": "p"}),
        (Record("r", {"b"}), {"name": "r", "tags": ["b"]}),
    ],
)
def test_plain_meaning(value: Any, expected: Any) -> None:
    assert json.loads(encode(value)) == expected


@pytest.mark.parametrize(
    "value", [object(), print, LOOP, {"a": object()}, StringIO()], ids=["object", *"plnf"]
)
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(NotData):
        encode(value)


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
    max_leaves=20,
)


@given(nested)
def test_any_nesting_gives_valid_json(value: Any) -> None:
    json.loads(encode(value))


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


@given(plain)
def test_what_json_has_comes_back_unchanged(value: Any) -> None:
    assert json.loads(encode(value)) == value
