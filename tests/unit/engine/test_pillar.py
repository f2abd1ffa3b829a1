"""The pillar of one machine, from pillar roots."""

from __future__ import annotations

from typing import Any

import pytest

from saltern.engine.pillar import compile_pillar, laid_over
from saltern.engine.site import Site
from saltern.sls.fault import SlsError
from saltern.testing.host import FakeHost
from saltern.testing.sls import MemoryTree


def pillar(files: dict[str, str | bytes], **grains: Any) -> dict[str, Any]:
    host = FakeHost(grains={"id": "me", **grains})
    site = Site(host, MemoryTree({"base": {}}), pillar_tree=MemoryTree({"base": files}), opts={"id": "me"})
    return dict(site.pillar)


TOP = "base:\n  '*':\n    - a\n    - b\n"


def test_later_ones_lie_over_earlier_ones() -> None:
    files: dict[str, str | bytes] = {"top.sls": TOP}
    files |= {"a.sls": "x: {p: 1, q: [1]}\ny: 1\n", "b/init.sls": "x: {q: [2], r: 3}\n"}
    assert pillar(files) == {"x": {"p": 1, "q": [2], "r": 3}, "y": 1}


def test_only_what_is_meant_for_the_machine() -> None:
    files: dict[str, str | bytes] = {"top.sls": "base:\n  'G@role:db':\n    - a\n  'other':\n    - b\n"}
    files |= {"a.sls": "who: {{ grains.id }}\n", "b.sls": "secret: x\n"}
    assert pillar(files, role="db") == {"who": "me"}
    assert pillar(files, role="web") == {}


def test_includes_lie_below_what_includes_them() -> None:
    files: dict[str, str | bytes] = {"top.sls": "base:\n  '*':\n    - a.b\n"}
    files["a/b.sls"] = "include:\n  - .c\n  - d:\n      key: deep:er\n      defaults: {n: 5}\nx: own\n"
    files |= {"a/c.sls": "x: included\ny: 1\n", "d.sls": "n: {{ n }}\n"}
    assert pillar(files) == {"x": "own", "y": 1, "deep": {"er": {"n": 5}}}


def test_a_circle_of_includes_ends() -> None:
    files: dict[str, str | bytes] = {"top.sls": "base:\n  '*':\n    - a\n"}
    files |= {"a.sls": "include: [b]\nx: 1\n", "b.sls": "include: [a]\ny: 2\n"}
    assert pillar(files) == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"top.sls": TOP}, "no pillar SLS 'a'"),
        ({"top.sls": TOP, "a.sls": "- 1\n", "b.sls": ""}, "is no mapping"),
        ({"top.sls": TOP, "a.sls": "x: {{ nothing }}\n", "b.sls": ""}, "a.sls:1"),
        ({"top.sls": "base: [\n"}, "top.sls"),
        ({"top.sls": TOP, "a.sls": "include: [..x]\n", "b.sls": ""}, "leads out of the pillar roots"),
    ],
)
def test_bad_data_is_never_no_data(files: dict[str, str | bytes], message: str) -> None:
    with pytest.raises(SlsError, match=message.replace(".", r"\.")):
        pillar(files)


def test_without_a_top_file_there_is_none() -> None:
    assert pillar({"a.sls": "x: 1\n"}) == {}


def test_what_is_given_lies_over_it() -> None:
    host = FakeHost(grains={"id": "me"})
    tree = MemoryTree({"base": {"top.sls": "base:\n  '*':\n    - a\n", "a.sls": "x: {p: 1}\n"}})
    site = Site(host, MemoryTree({"base": {}}), pillar_tree=tree, opts={"id": "me"})
    site.give_pillar({"x": {"q": 2}})
    assert site.pillar == {"x": {"p": 1, "q": 2}}
    site.give_pillar(None)
    assert site.pillar == {"x": {"p": 1}}


def test_laid_over_leaves_both_alone() -> None:
    under: dict[str, Any] = {"a": {"b": 1}}
    over = {"a": {"c": 2}}
    assert laid_over(under, over) == {"a": {"b": 1, "c": 2}}
    assert (under, over) == ({"a": {"b": 1}}, {"a": {"c": 2}})


def test_the_world_is_handed_in() -> None:
    tree = MemoryTree({"base": {}})
    site = Site(FakeHost(), tree, opts={"id": "me"})
    assert compile_pillar(site.world, tree) == {}


def test_a_run_can_have_the_pillar_of_one_environment() -> None:
    host = FakeHost(grains={"id": "me"})
    top = "{0}:\n  '*':\n    - a\n"
    tree = MemoryTree(
        {
            "base": {"top.sls": top.format("base"), "a.sls": "x: base\nb: 1\n"},
            "dev": {"top.sls": top.format("dev"), "a.sls": "x: dev\n"},
        }
    )
    site = Site(host, MemoryTree({"base": {}}), pillar_tree=tree, opts={"id": "me"})
    assert site.pillar == {"x": "dev", "b": 1}
    site.give_pillar(None, "base")
    assert site.pillar == {"x": "base", "b": 1}
    assert site.pillar_anew({"y": 2}, "dev") == {"y": 2, "x": "dev"}
    with pytest.raises(SlsError, match="there is no pillar environment 'prod'"):
        site.pillar_anew({}, "prod")


def test_all_that_is_wrong_is_told_at_once() -> None:
    files: dict[str, str | bytes] = {"top.sls": "base:\n  '*':\n    - a\n    - b\n    - c\n  7: [x]\n"}
    with pytest.raises(SlsError) as caught:
        pillar(files)
    assert "the target 7 is not text" in str(caught.value)
    files["top.sls"] = "base:\n  '*':\n    - a\n    - b\n    - c\n"
    files |= {"a.sls": "x: [\n", "c.sls": "y: {{ nothing }}\n"}
    with pytest.raises(SlsError) as caught:
        pillar(files)
    assert len(caught.value.faults) == 3
    assert "top.sls:2" in str(caught.value)
    assert "no pillar SLS 'b' in environment 'base'" in str(caught.value)


def test_binary_files_are_no_sls() -> None:
    files: dict[str, str | bytes] = {"top.sls": "base:\n  '*': [a]\n", "a.sls": b"\xff\xfe"}
    with pytest.raises(SlsError, match="no text in UTF-8"):
        pillar(files)
