"""Words on a command line, as values."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.cli import arguments

# word, what it means on its own: facts observed of Salt 3008
VALUES: list[tuple[str, Any]] = [
    ("a", "a"),
    ("5", 5),
    ("-5", -5),
    ("+5", 5),
    ("3.5", 3.5),
    ("1e3", "1e3"),
    ("True", True),
    ("true", True),
    ("yes", True),
    ("Off", False),
    ("~", None),
    ("null", None),
    ("None", None),
    ("none", "none"),
    ("[None]", ["None"]),
    ("", ""),
    ("  ", "  "),
    ("#", "#"),
    ("#foo", "#foo"),
    ("foo #bar", "foo #bar"),
    ("[1, 2] # c", [1, 2]),
    ("5 #x", 5),
    ("*", "*"),
    ("*.py", "*.py"),
    ("&a", None),  # an anchor of nothing
    ("!", "!"),
    ("|", "|"),
    (">", ">"),
    ("!!python/object:x", "!!python/object:x"),
    ("- a", "- a"),
    ("---", "---"),
    ("a: b", "a: b"),
    ("{a: b}", {"a": "b"}),
    ("{a: {b: [1,2]}}", {"a": {"b": [1, 2]}}),
    ("{a: 1, a: 2}", "{a: 1, a: 2}"),
    ("[*a, &a b]", "[*a, &a b]"),
    ("[1,2]", [1, 2]),
    ("[a", "[a"),
    ("{a", "{a"),
    ("12_000", "12_000"),
    ("[1_000]", [1000]),
    ("0644", 644),
    ("'0644'", "0644"),
    ("00", 0),
    ("0x1f", 31),
    ("12:30", 750),
    ("2024-01-01", "2024-01-01"),
    ("[2024-01-01]", ["2024-01-01"]),
    ("a\nb", "a\nb"),
    ("a\tb", "a\tb"),
    ("'5'", "5"),
    ("1.0.0", "1.0.0"),
    ("http://x/y", "http://x/y"),
    ("--flag", "--flag"),
]


@pytest.mark.parametrize(("word", "meant"), VALUES, ids=[repr(word) for word, _ in VALUES])
def test_a_word_means_what_it_means_to_salt(word: str, meant: Any) -> None:
    found = arguments.value(word)
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(
    ("word", "positional", "named"),
    [
        ("k=v", [], {"k": "v"}),
        ("k=", [], {"k": ""}),
        ("k=5", [], {"k": 5}),
        ("k=a=b", [], {"k": "a=b"}),
        ("k=[1,2]", [], {"k": [1, 2]}),
        ("k={a: b}", [], {"k": {"a": "b"}}),
        ("k=None", [], {"k": None}),
        ("k=0644", [], {"k": 644}),
        ("k=#x", [], {"k": "#x"}),
        ("_a=b", [], {"_a": "b"}),
        ("a-b=c", [], {"a-b": "c"}),
        ("é=1", [], {"é": 1}),
        ("=", ["="], {}),
        ("=v", ["=v"], {}),
        ("k==v", ["k==v"], {}),
        ("==", ["=="], {}),
        ("1a=b", ["1a=b"], {}),
        ("a b=c", ["a b=c"], {}),
        ("k =v", ["k =v"], {}),
        ("--k=v", ["--k=v"], {}),
        ("http://x/?a=b", ["http://x/?a=b"], {}),
        ("x?a=b", ["x?a=b"], {}),
        ("k=a\nb", ["k=a\nb"], {}),
    ],
)
def test_a_name_makes_it_named(word: str, positional: list[Any], named: dict[str, Any]) -> None:
    assert arguments.parse([word]) == (positional, named)


def test_order_and_repetition() -> None:
    assert arguments.parse(["a", "k=1", "b", "k=2"]) == (["a", "b"], {"k": 2})


@given(st.lists(st.text()))
def test_never_raises(words: list[str]) -> None:
    positional, named = arguments.parse(words)
    assert len(positional) + len(named) <= len(words)


@given(st.text(alphabet=string.ascii_letters + string.digits + "[]{}:,#&*!|>'\"%@`-? =._~\\"))
def test_never_raises_on_what_looks_like_yaml(word: str) -> None:
    arguments.parse([word, f"k={word}"])


@given(st.from_regex(r"[A-Za-z/][A-Za-z0-9/._ -]*[A-Za-z0-9]", fullmatch=True))
def test_plain_words_stay(word: str) -> None:
    found = arguments.value(word)
    assert found == word or word.lower() in {"true", "false", "yes", "no", "on", "off", "null", "none"}


@given(st.text(alphabet=string.printable, max_size=12))
def test_the_short_cut_agrees_with_the_reader(word: str) -> None:
    found = arguments.value(word)
    if found == word and word != "None":
        return  # a word that stays is the rule; what changes must change as the reader says
    assert found is None or arguments.read(word) == found


@given(st.from_regex(r"[A-Za-z/]([ -~]*[!-~])?", fullmatch=True))
def test_a_word_taken_as_plain_is_plain_to_the_reader(word: str) -> None:
    if word != "None" and arguments.value(word) == word:
        assert arguments.read(word) == word


def test_deep_and_long_words_cost_nothing() -> None:
    for word in ("[" * 100_000, "{a: " * 50_000, "[" + "a, " * 500_000 + "]"):
        assert arguments.value(word) == word
