"""The compiled run: what the engine, and people, are given."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.foundation.errors import SettingsError
from saltern.sls import order, show
from saltern.sls.aggregate import aggregates
from saltern.sls.compile import compile_data, compile_highstate, compile_sls, high_data
from saltern.sls.fault import Fault, Place, SlsError, excerpt
from saltern.sls.low import Compiled, Globals, Kind, Listener, Quantity, Retry, Step
from saltern.sls.options import Options
from saltern.sls.world import World
from saltern.testing.sls import MemoryTree


def world(**more: Any) -> World:
    return World(id="web1", call=lambda *args, **kwargs: args, grains={"os": "Debian"}, **more)


def compiled(
    text: str, *, faults: bool = False, opts: dict[str, Any] | None = None, **files: str
) -> Compiled:
    tree = MemoryTree({"base": {"a.sls": textwrap.dedent(text), **{f"{k}.sls": v for k, v in files.items()}}})
    run = compile_sls(world(opts=opts or {}, aggregates=lambda module: module == "pkg"), tree, ["a"])
    assert faults or run.faults == ()
    return run


def test_a_chunk_has_its_parts_apart() -> None:
    run = compiled("""\
        # first
        web:
          cmd.run:
            - name: echo
            - cwd: /tmp
            - onlyif: test -e /x
            - unless: [a, {fun: test.ping}]
            - creates: /x
            - check_cmd: 'true'
            - retry: {attempts: 3, interval: 0.5}
            - failhard: true
            - umask: 022
            - runas: nobody
            - timeout: 5
            - fire_event: a/b
            - require: [{pkg: 'p*'}, q]
        p: pkg.installed
        q: pkg.installed
        """)
    chunk = run.chunks[2]
    assert chunk.key == "cmd_|-web_|-echo_|-run"
    assert (chunk.full_name, chunk.sls, chunk.saltenv, chunk.order) == ("cmd.run", "a", "base", 10000)
    assert chunk.args == {"cwd": "/tmp", "timeout": 5}
    assert chunk.globals == Globals(
        onlyif=("test -e /x",),
        unless=("a", {"fun": "test.ping"}),
        creates=("/x",),
        check_cmd=("true",),
        retry=Retry(attempts=3, interval=0.5),
        failhard=True,
        umask=0o22,
        runas="nobody",
        timeout=5.0,
        fire_event="a/b",
    )
    assert [(one.kind, one.quantity, one.module, one.pattern, one.targets) for one in chunk.requisites] == [
        (Kind.REQUIRE, Quantity.PLAIN, "pkg", "p*", (0,)),
        (Kind.REQUIRE, Quantity.PLAIN, "id", "q", (1,)),
    ]
    assert chunk.low["runas"] == "nobody"


def test_places_are_those_of_the_source() -> None:
    run = compiled("""\
        {% for name in ['a', 'b'] %}
        {{ name }}:
          test.nop:
            - one: 1
            {%- if name == 'b' %}

            - two: 2
            {%- endif %}
        {% endfor %}
        last: test.nop
        """)
    assert [str(chunk.where) for chunk in run.chunks] == ["a.sls:2", "a.sls:2", "a.sls:10"]
    assert str(run.chunks[1].place_of("two")) == "a.sls:7"
    assert str(run.chunks[1].place_of("nothing")) == "a.sls:2"


def test_chunks_share_nothing() -> None:
    run = compiled(
        "x:\n  test.nop:\n    - deep: &deep {a: [1]}\n    - names: [n1, n2]\ny: {test.nop: [{deep: *deep}]}\n"
    )
    deep = [chunk.args["deep"] for chunk in run.chunks]
    deep[0]["a"].append(2)
    assert deep[1:] == [{"a": [1]}, {"a": [1]}]
    assert all(type(one) is dict for one in deep)


def test_a_look_is_a_step_of_its_own() -> None:
    run = compiled("x: {test.nop: [{prereq: [{test: y}]}]}\ny: test.nop\n")
    assert run.steps == (Step(1, look=True), Step(0), Step(1))
    assert [chunk.prerequired for chunk in run.chunks] == [False, True]
    assert [chunk.prerequiring for chunk in run.chunks] == [True, False]


def test_listeners_by_both_ways() -> None:
    run = compiled("""\
        a: test.nop
        b: {test.nop: [{listen: [{test: 'c*'}]}]}
        c1: {test.nop: [{listen_in: [{test: a}]}]}
        c2: test.nop
        """)
    assert run.listeners == (Listener(chunk=0, sources=(2,)), Listener(chunk=1, sources=(2, 3)))
    assert list(run.dependencies()) == []


def test_dependencies_are_who_waits_for_whom() -> None:
    run = compiled(
        "a: {test.nop: [{require: [{test: b}]}, {prereq: [{test: c}]}]}\nb: test.nop\nc: test.nop\n"
    )
    ids = [chunk.id for chunk in run.chunks]
    assert {(ids[after], ids[before]) for after, before in run.dependencies()} == {("a", "b"), ("c", "a")}


def test_aggregates() -> None:
    run = compiled(
        """\
        a: pkg.installed
        b: {pkg.installed: [{require: [{test: t}]}]}
        t: {test.nop: [{require: [{pkg: a}]}]}
        c: pkg.installed
        d: {pkg.installed: [{aggregate: false}]}
        """,
        opts={"state_aggregate": ["pkg"]},
    )
    ids = [chunk.id for chunk in run.chunks]
    assert [[ids[place] for place in group] for group in run.aggregates] == [["a", "c"]]
    assert [chunk.id for chunk in run.chunks if chunk.aggregate] == [
        id for id in ids if id in ("a", "b", "c")
    ]


@given(st.lists(st.lists(st.integers(0, 11), max_size=3), max_size=12), st.data())
def test_groups_can_run_as_one(written: list[list[int]], data: st.DataObject) -> None:
    """With each group as one node there is still an order."""
    before = [{one for one in waits if one < place} for place, waits in enumerate(written)]
    modules = {place: data.draw(st.sampled_from("xy")) for place in range(len(before))}
    groups = aggregates(modules, before)
    group_of = {place: group for group in groups for place in group}
    node = {place: group_of.get(place, (place,)) for place in range(len(before))}
    waits = {(node[place], node[one]) for place, ones in enumerate(before) for one in ones}
    assert all(after != first for after, first in waits)
    left = set(node.values())
    while free := {one for one in left if not any(after == one and first in left for after, first in waits)}:
        left -= free
    assert not left
    assert all(modules[one] == modules[group[0]] for group in groups for one in group)


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=6, max_size=6), st.booleans())
def test_a_gate_changes_no_order(choices: list[int], reverse: bool) -> None:
    """The same run, whether a whole SLS is waited for edge by edge or through one node."""
    text = "include: [b]\n" + "".join(
        f"a{place}: {{test.nop: [{{require: [{{sls: b}}, {{test: a{choice}}}]}}]}}\n"
        if choice < place
        else f"a{place}: test.nop\n"
        for place, choice in enumerate(choices)
    )
    other = "".join(f"b{place}: test.nop\n" for place in range(4))
    crowd = order._CROWD
    try:
        order._CROWD = 1
        through = compiled(text, b=other)
    finally:
        order._CROWD = crowd
    assert through == compiled(text, b=other)


def test_a_circle_through_a_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "_CROWD", 1)
    run = compiled(
        "include: [b]\nx: {test.nop: [{require: [{sls: b}]}]}\n",
        faults=True,
        b="y: test.nop\nz: {test.nop: [{require: [{test: x}]}]}\n",
    )
    assert [fault.message for fault in run.faults] == [
        "requisites in a circle: test: x require test: z; test: z require test: x"
    ]
    assert {str(place) for place in (run.faults[0].where, *run.faults[0].also)} == {"a.sls:2", "b.sls:2"}


# --- faults ------------------------------------------------------------------------------------------


def test_a_fault_as_people_read_it() -> None:
    run = compiled(
        "x:\n  test.nop:\n    - require:\n      - pkg: apahce\napache:\n  pkg.installed: []\n", faults=True
    )
    assert str(run.faults[0]) == textwrap.dedent("""\
        a.sls:3: ID 'x' in SLS a: require: pkg: apahce is not part of this run
               1 | x:
               2 |   test.nop:
          >    3 |     - require:
               4 |       - pkg: apahce
               5 | apache:
          hint: did you mean 'apache'?""")
    with pytest.raises(SlsError) as caught:
        run.check()
    assert caught.value.faults == run.faults
    assert caught.value.code == "sls"


def test_one_fault_met_twice_is_told_once() -> None:
    lib = "{% macro f() %}{{ nothing }}{% endmacro %}\n"
    files = {
        "a.sls": "include: [b]\n{% from 'l.sls' import f %}{{ f() }}\n",
        "b.sls": "{% from 'l.sls' import f %}\n{{ f() }}\n",
    }
    run = compile_sls(world(), MemoryTree({"base": {**files, "l.sls": lib}}), ["a", "b"])
    assert [str(fault.where) for fault in run.faults] == ["l.sls:1"]
    assert [str(place) for place in run.faults[0].also] == ["a.sls:2", "b.sls:2"]


def test_a_chain_of_includes_is_bounded() -> None:
    files = {f"s{place}.sls": f"include: [s{place + 1}]\n" for place in range(2000)}
    run = compile_sls(world(), MemoryTree({"base": files}), ["s0"])
    assert [fault.message for fault in run.faults] == ["more than 100 SLS include each other in a chain"]


def test_many_faults_are_told_in_little_time() -> None:
    """Ten thousand faults of one file: each has its place, and none looks through the file anew."""
    text = "".join(f"x{place}: nothing\n" for place in range(10_000))
    run = compiled(text, faults=True)
    assert len(run.faults) == 10_000
    assert str(run.faults[-1].where) == "a.sls:10000"


def test_excerpts_are_bounded_and_printable() -> None:
    shown = excerpt("a\x1b[31m\n" + "x" * 1000, 1, 1)
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) < 180
    assert excerpt("a", 2) == ""
    assert str(Place("a", 3)) == "a:3"
    assert str(Fault(message="m")) == "m"


def test_a_setting_that_is_wrong() -> None:
    with pytest.raises(SettingsError, match="top_file_merging_strategy") as caught:
        Options.of({"top_file_merging_strategy": "merge_al"})
    assert caught.value.hint == "did you mean 'merge_all'?"
    run = compiled("x: test.nop\n", faults=True, opts={"renderer": 5})
    assert "a setting of the state compiler is wrong" in run.faults[0].message


def test_bytes_that_are_no_text() -> None:
    run = compile_sls(world(), MemoryTree({"base": {"a.sls": b"x: test.nop\ny: \xff\n"}}), ["a"])
    assert "not text in UTF-8" in run.faults[0].message
    assert "a.sls:2" in str(run.faults[0])


# --- what is shown -----------------------------------------------------------------------------------


def test_what_is_shown() -> None:
    tree = MemoryTree(
        {
            "base": {
                "top.sls": "base:\n  '*': [a]\n",
                "a.sls": "include: [b.c]\nx:\n  test.nop:\n    - require: [{sls: b.c}]\n",
                "b/c/init.sls": "y:\n  test.nop:\n    - name: hello\n",
                "d.sls": "z: test.nop\n",
            }
        }
    )
    run = compile_highstate(world(), tree)
    assert show.top(world(), tree) == {"base": ["a"]}
    assert show.states(tree) == ["a", "b.c", "d", "top"]
    assert show.sls_exists(tree, "a, b.c")
    assert not show.sls_exists(tree, ["a", "nothing"])
    assert show.id_exists(run, "x,y")
    assert not show.id_exists(run, ["x", "z"])
    assert [chunk.name for chunk in show.sls_id(run, "y")] == ["hello"]
    assert [low["__id__"] for low in show.low(run)] == ["y", "x"]
    assert show.unused({"base": ["a"]}, tree)["base"]["count_unused"] == 3
    assert 'n0 [label="test.nop\\ny\\n(hello)"];' in show.graph(run)
    assert "n0 -> n1 [label=require];" in show.graph(run)
    with pytest.raises(SlsError, match="there is no ID 'w'"):
        show.sls_id(run, "w")


def test_high_data_in_salts_shape() -> None:
    tree = MemoryTree({"base": {"a.sls": "x:\n  test.nop:\n    - require_in: [{test: y}]\ny: test.nop\n"}})
    assert high_data(world(), tree, {"base": ["a"]}) == {
        "x": {
            "test": [{"require_in": [{"test": "y"}]}, "nop", {"order": 10000}],
            "__sls__": "a",
            "__env__": "base",
        },
        "y": {
            "test": ["nop", {"order": 10001}, {"require": [{"test": "x"}]}],
            "__sls__": "a",
            "__env__": "base",
        },
    }
    with pytest.raises(SlsError):
        high_data(world(), tree, {"base": ["b"]})


def test_high_data_from_elsewhere() -> None:
    data = {"y": {"test.nop": [{"require": [{"test": "x"}]}]}, "x": {"test": ["nop"]}, "z": "test.nop"}
    run = compile_data(world(), data, tree=MemoryTree({"base": {}}))
    assert run.faults == ()
    assert [chunk.id for chunk in run.chunks] == ["x", "y", "z"]
    refused = compile_data(world(), {"include": ["a"], "x": "test.nop"}, tree=MemoryTree({"base": {}}))
    assert "can't be included" in refused.faults[0].message
