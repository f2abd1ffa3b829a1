"""Rules of firewalls: what people write comes out as the same words, and as nothing else."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.library.iptables import rule, tables
from saltern.library.nftables import rule as nft_rule
from saltern.sdk import BadArgument

TEXT = st.text(min_size=1, max_size=12)
OPTIONS = st.dictionaries(
    st.sampled_from(["comment", "source", "ctstate", "log-prefix", "reject-with", "icmp-type", "match"]),
    TEXT | st.lists(TEXT, max_size=3) | st.integers() | st.booleans(),
)


@given(OPTIONS)
def test_a_rule_survives_being_written_and_read(options: dict[str, Any]) -> None:
    try:
        words = rule.build(options)
    except BadArgument:
        return
    assert rule.parse(shlex.join([*words, "-j", "DROP"])) == [*words, "-j", "DROP"]
    assert not any(character < " " for word in words for character in word)


@given(TEXT)
def test_a_comment_is_one_word(comment: str) -> None:
    try:
        words = rule.build({"comment": comment})
    except BadArgument:
        assert any(character < " " or character == "\x7f" for character in comment)
    else:
        assert words == ["-m", "comment", "--comment", comment]


@given(TEXT)
def test_nft_never_sees_the_end_of_a_quoted_text(text: str) -> None:
    try:
        built = nft_rule.build({"comment": text, "jump": "drop"}, "ip")
    except BadArgument:
        assert any(character in '"\x7f' or character < " " for character in text)
    else:
        assert built == f'drop comment "{text}"'


@pytest.mark.parametrize(
    ("written", "saved"),
    [
        ("-p tcp --dport 22 -j ACCEPT", "-p tcp -m tcp --dport 22 -j ACCEPT"),
        ("--source 192.0.2.1 --jump DROP", "-s 192.0.2.1/32 -j DROP"),
        ("-m state --state NEW,ESTABLISHED -j ACCEPT", "-m state --state ESTABLISHED,NEW -j ACCEPT"),
        ("-j DROP ! -i lo", "! -i lo -j DROP"),
        ("-m comment --comment '-x y' -j DROP", '-m comment --comment "-x y" -j DROP'),
    ],
)
def test_rules_are_alike_however_they_are_written(written: str, saved: str) -> None:
    assert rule.likeness(rule.parse(written)) == rule.likeness(shlex.split(saved))


@pytest.mark.parametrize(
    ("one", "other"),
    [("-i lo -j DROP", "! -i lo -j DROP"), ("-s 192.0.2.1 -j DROP", "-d 192.0.2.1 -j DROP")],
)
def test_rules_that_differ_are_not_alike(one: str, other: str) -> None:
    assert rule.likeness(rule.parse(one)) != rule.likeness(rule.parse(other))


def test_counters_of_saved_rules_are_not_a_part_of_them() -> None:
    found = tables.parse("*filter\n:INPUT DROP [12:34]\n[5:600] -A INPUT -j ACCEPT\nCOMMIT\n")
    assert found["filter"]["INPUT"] == tables.Chain(policy="DROP", rules=(("-j", "ACCEPT"),))
