"""YAML as people write it for Salt."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from saltern.sls.yaml_dump import dump
from saltern.sls.yaml_text import Limits, Marked, YamlError, lines_of, load

#: Without the line ends of other alphabets, which PyYAML itself does not read back.
TEXT = st.text(st.characters(exclude_characters="\x85\u2028\u2029", exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_what_is_dumped_is_read_back(value: Any) -> None:
    assert load(yaml.safe_dump(value, allow_unicode=True)) == value


@given(PLAIN, st.booleans())
def test_our_own_dump_is_read_back(value: Any, flow: bool) -> None:
    assert load(dump(value, flow_style=flow)) == value


@given(PLAIN)
def test_marks_change_nothing(value: Any) -> None:
    text = yaml.safe_dump(value)
    assert load(text, marked=True) == load(text)


@given(st.text(alphabet="abc:-[]{}#&*!|>'\"%@` \n\t0?,<=\x00\u2028", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(YamlError):
        load(text)


def test_each_key_knows_its_line() -> None:
    data = load("a:\n  b: 1\n\n  c: {d: 2}\n", marked=True)
    assert isinstance(data, Marked)
    assert lines_of(data) == {"a": 1}
    assert lines_of(data["a"]) == {"b": 2, "c": 4}
    assert lines_of(data["a"]["c"]) == {"d": 4}


def test_keys_merged_in_keep_their_lines() -> None:
    data = load("x: &x\n  a: 1\ny:\n  <<: *x\n  b: 2\n", marked=True)
    assert lines_of(data["y"]) == {"a": 2, "b": 5}
    assert list(data["y"]) == ["a", "b"]


def test_without_marks_mappings_are_plain() -> None:
    assert type(load("a: {b: 1}")["a"]) is dict
    assert lines_of({"a": 1}) == {}


def test_of_several_merged_the_first_wins() -> None:
    assert load("a: &a {k: 1}\nb: &b {k: 2, l: 3}\nc: {<<: [*a, *b], m: 4}\n")["c"] == {
        "k": 1,
        "l": 3,
        "m": 4,
    }


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a' stands here twice", (3, 1)),
        ("a:\n\tb: 1\n", "a tab is used to indent", (2, 1)),
        ("a: {{ b }}\n", "a mapping is used as a key", (1, 5)),
        ("? [a, {b: c}]\n: 1\n", "a list or a mapping is used as a key", (1, 3)),
        ("a: *b\n", "there is no anchor &b above", (1, 4)),
        ("a: &b [*b]\n", "stands within what it is an alias of", (1, 8)),
        ("a: 1\n---\nb: 2\n", "a second document begins here", (2, 0)),
        ("a: !!int x\n", "'x' is not a int", (1, 4)),
        (
            "a: !!python/object:os.system x\n",
            "the tag 'tag:yaml.org,2002:python/object:os.system' is not known",
            (1, 4),
        ),
        ("a: !include b\n", "the tag '!include' is not known", (1, 4)),
        ("a: !!str [x]\n", "is not known for a list", (1, 4)),
        ("a: {<<: 5}\n", "'<<' takes a mapping", (1, 9)),
        ("a: 'unclosed\n", "unexpected end of stream", (2, 1)),
        ("a: b\x07c\n", "a character that YAML does not allow", (1, 5)),
    ],
)
def test_faults_tell_where(text: str, message: str, place: tuple[int, int]) -> None:
    with pytest.raises(YamlError) as caught:
        load(text)
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == place


def test_a_key_that_stands_twice_tells_of_the_first() -> None:
    with pytest.raises(YamlError) as caught:
        load("a: 1\nb: 2\na: 3\n")
    assert caught.value.also == 1


def test_depth_is_bounded() -> None:
    assert load("[" * 100 + "]" * 100)
    with pytest.raises(YamlError, match="deeper than 100"):
        load("[" * 101 + "]" * 101)
    with pytest.raises(YamlError, match="deeper than 100"):
        load("[" * 100_000)


def test_aliases_are_bounded() -> None:
    """The laughing YAML: each line ten times the one above."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(YamlError, match="aliases stand for more than"):
        load("\n".join(lines))
    assert len(load("\n".join(lines[:5]))) == 5


def test_size_is_bounded() -> None:
    with pytest.raises(YamlError, match="more than 10 characters"):
        load("a: " + "x" * 10, limits=Limits(size=10))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0644", 644),
        ("0", 0),
        ("00", 0),
        ("-0644", -420),
        ("0o17", "0o17"),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("1:30", 90),
        ("1.50", 1.5),
        ("1e3", "1e3"),
        ("1.0e+3", 1000.0),
        (".inf", float("inf")),
        ("-.5", "-.5"),
        (".5", 0.5),
        ("yes", True),
        ("Off", False),
        ("y", "y"),
        ("~", None),
        ("", None),
        ("null", None),
        ("2016-01-31", "2016-01-31"),
        ("=", "="),
        ("<<", "<<"),
        ("!!str 1", "1"),
        ("!!float 1", 1.0),
        ("!!binary aGk", b"hi"),
        ("!!set {a, b}", {"a", "b"}),
        ("!!omap [a: 1, b: 2]", {"a": 1, "b": 2}),
        ("!!pairs [a: 1, a: 2]", [("a", 1), ("a", 2)]),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    found = load(f"- {text}")[0]
    assert found == value
    assert type(found) is type(value)


def test_no_document_is_nothing() -> None:
    assert load("# only a comment\n") is None
    assert load("") is None
