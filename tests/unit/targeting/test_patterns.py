"""Patterns: what they match, what they refuse, and what they may cost."""

from __future__ import annotations

import contextlib
import re
import time

import pytest
import re2
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from saltern.targeting import TargetError, bounded, patterns

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "1",
        "-",
        ".",
        r"\d",
        r"\w",
        r"\D",
        "[ab]",
        "[^a]",
        "[a-z1]",
        "(a|b)",
        "(?:ab)",
        r"\.",
        "^",
        "$",
        "(a$|1)",
    ]
)
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "*?", "{2}", "{1,3}", "{,2}"])
PATTERNS = st.lists(st.tuples(ATOMS, REPEATS).map("".join), min_size=1, max_size=6).map("".join)
TEXTS = st.text(alphabet="abAB1-.\né", max_size=10)


@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=8), st.booleans())
@settings(max_examples=400)
def test_the_swift_engine_answers_as_re2(pattern: str, texts: list[str], ignore_case: bool) -> None:
    swift = bounded.swift(pattern, ignore_case=ignore_case)
    assume(swift is not None)
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        slow = re2.compile(patterns._translated(pattern), options)
    except re2.error:
        assume(False)
    for text in texts:
        assert bool(swift(text)) == bool(slow.match(text)), text  # type: ignore[misc]


@pytest.mark.parametrize(
    "pattern",
    [
        "web.*",
        r"web[0-9]+[45]\.dc",
        r"web\d+\.dc\d+",
        r".*\.com$",
        "(web|db)1",
        r"^web1\.",
        "[^.]+\\.dc1",
        "(?i)web",
    ],
)
def test_usual_patterns_are_swift(pattern: str) -> None:
    assert bounded.swift(pattern) is not None


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        ".*a.*b",
        "(ab)*c",
        "a?b?c?d?e?f",
        r"\d+x?\d+y",
        "(?:ab|b)*c",
        "a+A+x",
        "[[:alpha:]]+",
        r"\s+x",
    ],
)
def test_what_is_not_proved_is_left_to_re2(pattern: str) -> None:
    assert bounded.swift(pattern, ignore_case=True) is None
    patterns.regex(pattern)


HOSTILE = [
    "(a+)+$",
    "(a|aa)+$",
    "(.*a){20}b",
    "(?:a?){50}a{50}b",
    ".*a.*a.*a.*a.*a.*b",
    "([a-z0-9.]*[a-z0-9]){20}!",
    ".*[0-9].{12}(e|x).{12}!",
    "(a|b|ab)*c",
    r"(\w+\.?)*!",
    "a*a*a*a*a*a*a*a*b",
]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_a_hostile_pattern_costs_little(pattern: str) -> None:
    """Names made for the pattern, the longest allowed: the excess over a plain pattern is bounded."""
    names = ["a" * 250 + str(number) for number in range(2_000)]
    start = time.thread_time()
    with contextlib.suppress(TargetError):
        list(patterns.regex(pattern).filter(names))
    assert time.thread_time() - start < 2 * (patterns.EXCESS + patterns.USUAL * len(names))


@pytest.mark.parametrize(
    "pattern", ["(a{900}){900}", "x{5000}", "((((a{100}){100}){100}))", ".{1000}.{1000}.{1000}.{1000}.{1000}"]
)
def test_a_huge_pattern_is_refused_at_once(pattern: str) -> None:
    start = time.thread_time()
    with pytest.raises(TargetError):
        patterns.regex(pattern)
    assert time.thread_time() - start < 0.1


@pytest.mark.parametrize(
    ("pattern", "fault", "position"),
    [
        ("(a", "unterminated", 0),
        ("a**", "multiple repeat", 2),
        ("(?=a)", "safely", 0),
        (r"(a)\1", "safely", 0),
        ("a" * 2_001, "more than 2,000", 2_000),
    ],
)
def test_a_fault_is_pointed_at(pattern: str, fault: str, position: int) -> None:
    with pytest.raises(TargetError, match=fault) as caught:
        patterns.regex(pattern)
    assert caught.value.position == position


def test_time_up_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "EXCESS", -1.0)
    with pytest.raises(TargetError, match="too long"):
        list(patterns.regex("(a+)+b").filter(["a", "b"]))


@given(
    st.text(alphabet="ab*?[]!-.A^\\", max_size=8),
    st.lists(st.text(alphabet="ab[]!-.A\n^\\", max_size=6), max_size=6),
)
def test_globs_are_those_of_the_standard_library(glob: str, texts: list[str]) -> None:
    from fnmatch import fnmatchcase

    pattern = patterns.glob(glob)
    assert list(pattern.filter(texts)) == [text for text in texts if fnmatchcase(text, glob)]
    if pattern.literal is not None:
        assert pattern.literal == glob


def test_python_stands_in_where_re2_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "re2", None)
    patterns.regex.cache_clear()
    try:
        assert list(patterns.regex("^(?!web)").filter(["web1", "db1"])) == ["db1"]
    finally:
        patterns.regex.cache_clear()


def test_a_negated_class_spans_lines() -> None:
    assert re.match("[^a]", "\n")
    assert list(patterns.regex("[^a]b").filter(["\nb", "ab"])) == ["\nb"]


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("web.*", "web"),
        ("^web1?", "web"),
        ("a|b", ""),
        (r"web\.x", "web.x"),
        ("(?i)web", ""),
        ("we[b]", "web"),
        ("(web)", ""),
    ],
)
def test_what_a_pattern_begins_with(pattern: str, prefix: str) -> None:
    assert bounded.prefix(pattern) == prefix


def test_a_dollar_is_the_very_end() -> None:
    assert bounded.swift("a$") is not None
    assert list(patterns.regex("a$").filter(["a", "a\n", "ab"])) == ["a"]
    assert list(patterns.regex(r"a\$[$]$").filter(["a$$", "a$$\n"])) == ["a$$"]
