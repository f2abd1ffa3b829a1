"""Reading targets: what they mean, and where the caret points when they mean nothing."""

from __future__ import annotations

import contextlib
import re

import pytest

from saltern.targeting import Index, Kind, TargetError, parse, resolve, resolver
from saltern.targeting.expression import And, Fact, Glob, Matching, Names, Not, Or, Source

COMPOUND = Kind.COMPOUND


def test_or_binds_least_and_not_most() -> None:
    assert parse("a or b and not c", COMPOUND) == Or((Glob("a"), And((Glob("b"), Not(Glob("c"))))))
    assert parse("(a or b) and c", COMPOUND) == And((Or((Glob("a"), Glob("b"))), Glob("c")))
    assert parse("a not b", COMPOUND) == And((Glob("a"), Not(Glob("b"))))


def test_quotes_hold_blanks_and_parentheses() -> None:
    debian = Fact(Source.GRAINS, Matching.GLOB, "os:Red Hat (old)")
    assert parse('"G@os:Red Hat (old)"', COMPOUND) == debian
    assert parse("('G@os:Red Hat (old)')", COMPOUND) == debian
    assert parse(r'"G@a:\"b\" \\"', COMPOUND) == Fact(Source.GRAINS, Matching.GLOB, r'a:"b" \ '.strip())
    assert parse('"and"', COMPOUND) == Glob("and")


def test_a_delimiter_may_be_chosen() -> None:
    assert parse("G|@a|b:c", COMPOUND) == Fact(Source.GRAINS, Matching.GLOB, "a|b:c", "|")
    assert parse("a/b", Kind.PILLAR, delimiter="/") == Fact(Source.PILLAR, Matching.GLOB, "a/b", "/")


def test_exact_pillars_reach_into_compounds() -> None:
    assert parse("I@a:* or J@a:b", Kind.COMPOUND_PILLAR_EXACT) == Or(
        (Fact(Source.PILLAR, Matching.EXACT, "a:*"), Fact(Source.PILLAR, Matching.EXACT, "a:b"))
    )


def test_printed_node_sets_are_targets_of_the_usual_kind() -> None:
    assert parse("web[001-003],db1") == Or((Names(("web001", "web002", "web003")), Glob("db1")))
    assert parse("web[12]*") == Glob("web[12]*")
    assert parse("web[!1,2]") == Glob("web[!1,2]")


ERRORS = [
    (Kind.GLOB, "  ", "empty", 0, "every agent"),
    (Kind.GLOB, ",", "nothing but commas", 0, ""),
    (Kind.GLOB, " G@os:Debian", "G@ does not belong here", 1, "-C"),
    (Kind.GLOB, "web[10-20]*", "wildcard together", 3, "E@"),
    (Kind.GLOB, "web1,is:gone", "online or offline", 8, "is:online"),
    (Kind.GLOB, "since:soon", "not a length of time", 6, "since:10m"),
    (Kind.GLOB, "version:<new", "is no version", 8, "version:<1.2"),
    (Kind.PCRE, "web(", "unterminated", 3, ""),
    (Kind.LIST, "a,b c", "comma was expected", 4, "double quotes"),
    (Kind.LIST, "web[1-x]", "comma was expected", 3, ""),
    (Kind.GRAIN, "os", "a key and a pattern", 0, "os:Debian"),
    (Kind.PILLAR_PCRE, "role:(", "unterminated", 5, ""),
    (Kind.IPCIDR, "10.0.0.1/8", "host bits", 0, "10.0.0.0/8"),
    (Kind.IPCIDR, "home", "no address", 0, "192.0.2.7"),
    (Kind.RANGE, "a,(b", "never closed", 2, ""),
    (COMPOUND, "web* and", "missing at the end", 8, ""),
    (COMPOUND, "web* or and db*", "not 'and'", 8, ""),
    (COMPOUND, "web* db*", "operator is missing", 5, "quotes"),
    (COMPOUND, "(web* or db*", "never closed", 0, ""),
    (COMPOUND, "web*)", "never opened", 4, ""),
    (COMPOUND, "web* and ( )", "not ')'", 11, ""),
    (COMPOUND, "web* and G@", "nothing stands after", 9, ""),
    (COMPOUND, "web* and g@os:x", "does not belong", 9, "write G@"),
    (COMPOUND, "web* and X@x", "does not belong", 9, "G@"),
    (COMPOUND, "T@ssh:x", "resources", 0, ""),
    (COMPOUND, 'web* and "G@a:b', "never closed", 9, ""),
    (COMPOUND, "web* and E@a(", "unterminated", 12, ""),
    (COMPOUND, "web* and R@%web - ", "name was expected", None, ""),
    (COMPOUND, "web* and P@os:(a|", "unterminated", 14, ""),
]


@pytest.mark.parametrize(
    ("kind", "text", "fault", "position", "hint"), ERRORS, ids=[text for _, text, *_ in ERRORS]
)
def test_the_caret_points_at_the_fault(
    kind: Kind, text: str, fault: str, position: int | None, hint: str
) -> None:
    if position is None:
        text = '"R@%web - "'
    with pytest.raises(TargetError, match=re.escape(fault)) as caught:
        parse(text, kind)
    error = caught.value
    assert error.code == "target"
    assert error.expression == text
    assert hint in error.hint
    if position is not None:
        assert error.position == position
        shown, caret = error.message.splitlines()[1:]
        assert shown.strip() == text.strip()
        assert caret == " " * (2 + position) + "^"


def test_a_long_expression_is_shown_around_the_fault() -> None:
    text = " and ".join(["web*"] * 100) + " and X@y and " + " and ".join(["web*"] * 100)
    with pytest.raises(TargetError) as caught:
        parse(text, COMPOUND)
    shown, caret = caught.value.message.splitlines()[1:]
    assert len(shown) < 80
    assert shown[caret.index("^") :].startswith("X@y")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000,
        "not " * 5_000 + "a",
        "a or " * 30_000 + "a",
        "G@" + "a:" * 100 + "b",
        "\x00",
        "a\nb",
        "('\"",
        "[" * 3_000,
    ],
)
def test_monstrous_targets_are_read_or_refused(text: str) -> None:
    for kind in Kind:
        with contextlib.suppress(TargetError):
            assert resolve(parse(text, kind), Index(), nodegroups={}) == []


def test_where_a_group_is_wrong_is_said() -> None:
    index = Index()
    with pytest.raises(TargetError) as caught:
        resolve(parse("N@a", COMPOUND), index, nodegroups={"a": "web* and X@y"})
    assert caught.value.where == "node group 'a'"
    with pytest.raises(TargetError) as caught:
        resolve(parse("N@websrv", COMPOUND), index, nodegroups={"webs": "web*"})
    assert "'webs'" in caught.value.hint
    with pytest.raises(TargetError, match="circle") as caught:
        resolve(parse("N@a", COMPOUND), index, nodegroups={"a": "N@b or x", "b": "not N@c", "c": "N@b"})
    assert caught.value.hint == "b → c → b"


def test_a_wrong_term_is_told_whatever_the_others_mean() -> None:
    with pytest.raises(TargetError, match="no node group"):
        resolve(parse("nobody and N@missing", COMPOUND), Index(), nodegroups={})


def test_the_number_of_patterns_is_bounded() -> None:
    for kind, text in ((COMPOUND, "E@a or " * 100 + "E@b"), (Kind.RANGE, "/a/," * 100 + "/b/")):
        with pytest.raises(TargetError, match="more than 100 patterns"):
            parse(text, kind)


def test_the_time_of_a_target_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "LONGEST", -1.0)
    with pytest.raises(TargetError, match="takes more than"):
        resolve(parse("web*"), Index())


def test_doubling_groups_cost_no_time() -> None:
    groups = {"g0": "web*"} | {f"g{level}": f"N@g{level - 1} or not N@g{level - 1}" for level in range(1, 60)}
    index = Index()
    index.put("K", "web1", {})
    assert resolve(parse("N@g59", COMPOUND), index, nodegroups=groups) == ["K"]
