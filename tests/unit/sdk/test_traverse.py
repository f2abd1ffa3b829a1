"""Values deep in nested data, by the rules Salt's users know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.sdk.traverse import traverse

DATA = {
    "a": {"b": [10, {"c": "x"}, {"c": "y", "d": 1}]},
    1: "one",
    "2": "two",
    False: "no",
    "n": None,
    "pairs": [{"0": "text key"}, {0: "number key"}],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a:b:0", 10),
        ("a:b:-1", {"c": "y", "d": 1}),
        ("a:b:c", "x"),
        ("a:b:d", 1),
        ("a:b:9", "none"),
        ("a:b:e", "none"),
        ("2", "two"),
        ("n", None),
        ("False", "no"),
        ("1", "one"),
        ("n:x", "none"),
        ("a:b:0:x", "none"),
        ("pairs:0", "number key"),
        ("", "none"),
        (":", "none"),
        (2, "none"),
    ],
)
def test_paths(path: str | int, expected: Any) -> None:
    assert traverse(DATA, path, "none") == expected


def test_another_delimiter() -> None:
    assert traverse({"a:b": {"c": 1}}, "a:b|c", delimiter="|") == 1


@given(
    st.text(),
    st.recursive(
        st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    ),
)
def test_never_raises(path: str, data: Any) -> None:
    traverse(data, path)
