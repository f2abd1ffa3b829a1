"""The order of random requisites, against an oracle that knows nothing of graphs."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.sls.compile import compile_sls
from saltern.sls.low import Compiled
from saltern.sls.world import World
from saltern.testing.sls import MemoryTree

KINDS = ("require", "watch", "onchanges", "onfail", "prereq", "require_any", "onfail_all")
IN = ("require_in", "watch_in", "prereq_in", "onchanges_in", "onfail_in")


#: First this, then that. What looks at a state is called ``look`` and its id.
Pairs = set[tuple[str, str]]


@st.composite
def trees(draw: st.DrawFn) -> tuple[dict[str, Any], Pairs]:
    """An SLS with random requisites, and the pairs that they ask for."""
    ids = [f"s{number}" for number in range(draw(st.integers(2, 8)))]
    body: dict[str, list[dict[str, Any]]] = {id: [] for id in ids}
    edges = draw(
        st.lists(
            st.tuples(st.sampled_from(ids), st.sampled_from(ids), st.sampled_from(KINDS + IN)), max_size=12
        )
    )
    for one, other, kind in edges:
        body[one].append({kind: [{"test": other}]})
    turned = [
        (other, one, kind[:-3]) if kind.endswith("_in") else (one, other, kind) for one, other, kind in edges
    ]
    for id in draw(st.lists(st.sampled_from(ids), max_size=3, unique=True)):
        body[id].append({"order": draw(st.one_of(st.integers(-3, 5), st.sampled_from(["first", "last"])))})
    return {id: {"test.nop": items} for id, items in body.items()}, asked_for(turned)


def asked_for(edges: list[tuple[str, str, str]]) -> Pairs:
    """Return what requisites (who, on whom, kind) ask for, said in words rather than found in a graph."""
    looked_at = {on for _, on, kind in edges if kind == "prereq"}
    pairs: Pairs = set()
    for who, on, kind in edges:
        before = f"look {on}" if kind == "prereq" else on
        pairs.add((before, who))
        if who in looked_at:
            pairs.add((before, f"look {who}"))
        if kind == "prereq":
            pairs.add((who, on))
    return pairs


def compiled(data: dict[str, Any]) -> Compiled:
    world = World(id="x", call=lambda *args, **kwargs: None)
    return compile_sls(
        world, MemoryTree({"base": {"a.sls": "#!yaml\n" + yaml.safe_dump(data, sort_keys=False)}}), ["a"]
    )


def has_circle(pairs: Pairs) -> bool:
    """Tell whether no order is possible: take away, again and again, whatever waits for nothing."""
    left, waits = {one for pair in pairs for one in pair}, set(pairs)
    while free := {id for id in left if not any(then == id for _, then in waits)}:
        left -= free
        waits = {(first, then) for first, then in waits if first not in free}
    return bool(left)


@settings(max_examples=300, deadline=None)
@given(trees())
def test_order_keeps_every_requisite(tree: tuple[dict[str, Any], Pairs]) -> None:
    data, pairs = tree
    run = compiled(data)
    if has_circle(pairs):
        assert any("circle" in fault.message or "itself" in fault.message for fault in run.faults)
        assert not run.steps
        return
    assert run.faults == ()
    steps = [f"{'look ' if step.look else ''}{run.chunks[step.chunk].id}" for step in run.steps]
    place = {step: number for number, step in enumerate(steps)}
    assert sorted(set(steps) & set(data)) == sorted(data)
    assert len(place) == len(steps)
    assert all(place[first] < place[then] for first, then in pairs)


@settings(max_examples=100, deadline=None)
@given(trees())
def test_targets_are_the_ids_that_are_written(tree: tuple[dict[str, Any], Pairs]) -> None:
    data, _ = tree
    run = compiled(data)
    for chunk in run.chunks:
        for requisite in chunk.requisites:
            assert [run.chunks[target].id for target in requisite.targets] == [requisite.pattern]


@given(trees())
def test_same_tree_same_run(tree: tuple[dict[str, Any], Pairs]) -> None:
    assert compiled(tree[0]) == compiled(tree[0])
