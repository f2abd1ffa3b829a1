"""Outputters: what each makes of the same values, word for word; and that no value steers a terminal.

``python tests/unit/cli/test_outputters.py`` writes the golden files anew.
"""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from saltern.cli.output.outputters import OUTPUTTERS, Format, Outputter, outputter, rendered
from saltern.cli.output.style import Style
from saltern.foundation.errors import UsageError

GOLDEN = Path(__file__).with_name("golden")
VALUES: dict[str, Any] = json.loads((GOLDEN / "values.json").read_text())
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def page(name: str) -> str:
    """Return what an outputter makes of every value, on a terminal without colours."""
    parts = [
        f"=== {title}\n{rendered(name, value, Format(), terminal=True)}" for title, value in VALUES.items()
    ]
    return "".join(parts)


@pytest.mark.parametrize("name", sorted(OUTPUTTERS))
def test_as_in_the_golden_file(name: str) -> None:
    assert page(name) == (GOLDEN / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", sorted(OUTPUTTERS))
def test_it_has_words_for_people(name: str) -> None:
    text = (Path(__file__).parents[3] / "docs/reference/outputters.md").read_text()
    assert f"| `{name}` |" in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", sorted(OUTPUTTERS))
@given(value=JSON)
def test_nothing_steers_a_terminal_and_nothing_fails(name: str, value: Any) -> None:
    for whole in (value, {"web1": value}):
        text = rendered(name, whole, Format(), terminal=True)
        assert not STEERING.search(text)
        assert not text or text.endswith("\n")


@given(value=JSON)
def test_what_is_for_programs_is_exact(value: Any) -> None:
    assert json.loads(rendered("json", value, Format(), terminal=False)) == value
    assert json.loads(rendered("json", value, Format(indent=-1), terminal=False)) == value
    assert rendered("json", value, Format(indent=-1), terminal=False).count("\n") == 1
    assert eval(rendered("raw", value, Format(), terminal=False)) == value
    assert eval(rendered("pprint", value, Format(), terminal=False)) == value


@given(value=st.dictionaries(st.text("abc", min_size=1), st.text("ab: -#'\"\n\t[{é", max_size=9), max_size=4))
def test_yaml_is_read_back(value: dict[str, str]) -> None:
    assert yaml.safe_load(rendered("yaml", value, Format(), terminal=False)) == value


@given(cells=st.lists(st.text("a,\"\n'é ", min_size=1, max_size=8), min_size=1, max_size=5))
def test_csv_is_read_back(cells: list[str]) -> None:
    value = {"web1": [{"cell": cell} for cell in cells]}
    heads, *rows = csv.reader(io.StringIO(rendered("csv", value, Format(), terminal=False)))
    assert heads == ["agent", "cell"]
    assert [row[1] for row in rows] == cells


def test_json_on_a_terminal_is_still_json() -> None:
    text = rendered("json", VALUES, Format(), terminal=True)
    assert json.loads(text) == VALUES


def test_depth_is_bounded() -> None:
    value: Any = 1
    for _ in range(200):
        value = [value]
    for name in ("nested", "txt", "table", "csv"):
        assert rendered(name, {"a": value}, Format(), terminal=True)


def test_indent_and_colour() -> None:
    assert rendered("json", {"a": [1]}, Format(indent=1), terminal=False) == '{\n "a": [\n  1\n ]\n}\n'
    assert "\x1b[36ma:\x1b[0m" in rendered("nested", {"a": "b"}, Format(Style(True)), terminal=True)


def test_numbers_that_json_has_not_are_no_crash() -> None:
    assert "NaN" in rendered("json", {"a": math.nan}, Format(), terminal=False)


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="--out cannot be 'nestde'") as caught:
        outputter("nestde")
    assert caught.value.hint == "did you mean 'nested'?"


def test_one_of_ones_own_comes_through_the_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "shout"

        def load(self) -> object:
            return found[0]

    found: list[object] = [Outputter(lambda value, chosen: [str(value).upper()])]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Point()])
    assert rendered("shout", "x", Format(), terminal=True) == "X\n"
    found[0] = print
    with pytest.raises(UsageError, match="not an Outputter"):
        outputter("shout")


if __name__ == "__main__":
    for each in OUTPUTTERS:
        (GOLDEN / f"{each}.txt").write_text(page(each))
