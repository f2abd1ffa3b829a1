"""What holds for every expression over every fleet."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.targeting import Index, Kind, expand, fold, parse, render, resolve
from saltern.targeting.expression import (
    And,
    Expression,
    Fact,
    Glob,
    Group,
    Matching,
    Names,
    Not,
    Online,
    Or,
    Range,
    Regex,
    Since,
    Source,
    Subnet,
    Version,
)
from saltern.targeting.match import holds
from saltern.targeting.portions import batches, subset

KEYS = st.sampled_from(["a", "b", "os", "a:b", "1", "B"])
SCALARS = st.one_of(
    st.sampled_from(["x", "X", "x:y", "", "Debian", "a", "b"]),
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([1.5, 0.0]),
)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3),
    max_leaves=8,
)
DATA = st.dictionaries(KEYS, VALUES, max_size=4)
PARTS = st.sampled_from(
    ["a", "b", "os", "B", "*", "x", "x*", "?", "[ab]", "1", "0", "-1", "true", "none", "", "y"]
)
PATHS = st.lists(PARTS, min_size=2, max_size=5).map(":".join)
FACTS = st.builds(Fact, st.just(Source.GRAINS), st.sampled_from([Matching.GLOB, Matching.EXACT]), PATHS)
HOSTS = [f"{kind}{number}" for kind in ("web", "db") for number in range(1, 13)]
FLEETS = st.dictionaries(st.sampled_from(HOSTS), DATA, max_size=12)


def index_of(fleet: dict[str, Any]) -> Index:
    index = Index()
    for number, (name, grains) in enumerate(fleet.items()):
        index.put(f"K{name}", name, grains)
        index.set_presence(f"K{name}", number % 2 == 0, 1_000.0 + number)
    return index


def terms() -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.sampled_from(["*", "web*", "*1", "db[1-3]", "web?", "and", "none*"]).map(Glob),
        st.sampled_from(["web", ".*2$", "(db|web)1", 'x"y z', r"\d (a)"]).map(Regex),
        st.lists(st.sampled_from([*HOSTS, "odd name", 'q"\\', "a,b", "w[1-2]"]), min_size=1, max_size=4).map(
            lambda names: Names(tuple(names))
        ),
        st.builds(Fact, st.just(Source.GRAINS), st.just(Matching.GLOB), PATHS, st.just(":")),
        st.sampled_from(["a|b", "a|x y", "os|(x"]).map(
            lambda path: Fact(Source.PILLAR, Matching.GLOB, path, "|")
        ),
        st.sampled_from(["10.0.0.0/8", "::1"]).map(Subnet),
        st.just(Group("some")),
        st.sampled_from(["web1..3", "/db/ - db1"]).map(Range),
        st.booleans().map(Online),
        st.just(Since(60.0, "1m")),
        st.just(Version("<", "1.2")),
    )


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    terms(),
    lambda part: st.one_of(
        part.map(Not),
        st.lists(part, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(part, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_printed_and_read_again_it_is_the_same(expression: Expression) -> None:
    assert parse(render(expression), Kind.COMPOUND) == expression


@given(EXPRESSIONS, FLEETS)
def test_twice_not_is_nothing(expression: Expression, fleet: dict[str, Any]) -> None:
    index = index_of(fleet)
    assert answer(Not(Not(expression)), index) == answer(expression, index)


@given(EXPRESSIONS, EXPRESSIONS, FLEETS)
def test_de_morgan(one: Expression, other: Expression, fleet: dict[str, Any]) -> None:
    index = index_of(fleet)
    assert answer(Not(And((one, other))), index) == answer(Or((Not(one), Not(other))), index)
    assert answer(Not(Or((one, other))), index) == answer(And((Not(one), Not(other))), index)


@given(EXPRESSIONS, FLEETS)
def test_an_expression_and_its_opposite_part_the_fleet(expression: Expression, fleet: dict[str, Any]) -> None:
    index = index_of(fleet)
    meant, others = answer(expression, index), answer(Not(expression), index)
    assert sorted(meant + others) == sorted(f"K{name}" for name in fleet)


def answer(expression: Expression, index: Index) -> list[str]:
    return resolve(
        expression, index, nodegroups={"some": "web* or N@less", "less": ["db1", "db2"]}, now=1_030.0
    )


@given(FACTS, FLEETS)
@settings(max_examples=200)
def test_the_index_answers_as_each_agent_would(fact: Fact, fleet: dict[str, Any]) -> None:
    assert names(fact, index_of(fleet)) == sorted(name for name, data in fleet.items() if holds(fact, data))


@given(FACTS, st.lists(st.tuples(st.sampled_from(HOSTS[:6]), DATA | st.none()), max_size=20))
@settings(max_examples=150)
def test_after_any_changes_the_index_is_as_if_new(fact: Fact, changes: list[tuple[str, Any]]) -> None:
    index = Index()
    fleet: dict[str, Any] = {}
    for name, data in changes:
        if data is None:
            index.remove(f"K{name}")
            fleet.pop(name, None)
        else:
            index.put(f"K{name}", name, data)
            fleet[name] = data
    assert names(fact, index) == names(fact, index_of(fleet))
    assert [member.name for member in index] == sorted(fleet)
    for name in list(fleet):
        index.remove(f"K{name}")
    assert not index._grains.facts.root.keys, "nothing is left behind"


def names(fact: Fact, index: Index) -> list[str]:
    return [key[1:] for key in resolve(fact, index)]


NAMES = st.one_of(
    st.text(min_size=1, max_size=8),
    st.from_regex(r"[a-z]{0,3}[0-9]{0,4}(\.dc[0-9])?-?[0-9]{0,2}", fullmatch=True).filter(bool),
    st.integers(0, 1200).map(lambda number: f"web{number:03d}"),
    st.integers(0, 1200).map(lambda number: f"web{number}"),
)


@given(st.sets(NAMES, max_size=60))
@settings(max_examples=200)
def test_folding_loses_nothing(written: set[str]) -> None:
    assert expand(fold(written)) == written


@given(st.sets(NAMES, min_size=1, max_size=30))
def test_folded_text_is_a_target(written: set[str]) -> None:
    index = index_of({name: {} for name in written})
    text = fold(written)
    everyone = sorted(f"K{name}" for name in written)
    assert sorted(resolve(parse(text, Kind.RANGE), index)) == everyone
    assert sorted(resolve(parse(text, Kind.LIST), index)) == everyone


@given(st.lists(st.text(max_size=3), unique=True, max_size=30), st.integers(1, 12), st.integers())
def test_batches_and_subsets_are_parts(keys: list[str], size: int, seed: int) -> None:
    cut = batches(keys, size)
    assert [key for batch in cut for key in batch] == keys
    assert all(len(batch) == size for batch in cut[:-1])
    some = subset(keys, size, random.Random(seed))
    assert len(some) == min(size, len(keys))
    assert some == [key for key in keys if key in set(some)]
