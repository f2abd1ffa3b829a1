"""The index: presence, versions, pillars, changes; explanations; parts of a target."""

from __future__ import annotations

import datetime
import random

import pytest

from saltern.foundation.errors import UsageError
from saltern.targeting import (
    Index,
    Kind,
    Member,
    NobodyMatched,
    Resolver,
    amount,
    batch_size,
    explain,
    parse,
    resolve,
    subset,
    terms_matched,
    too_many_failed,
    unknown_names,
)
from saltern.targeting.versions import ordered


def small() -> Index:
    index = Index()
    for number, version in enumerate(("0.9", "1.2rc1", "1.2", "1.10.1", "odd"), start=1):
        index.put(f"K{number}", f"web{number}", {"salternversion": version, "os": "Debian"})
    index.set_presence("K1", online=True, since=900.0)
    index.set_presence("K2", online=False, since=950.0)
    index.set_presence("K3", online=True, since=100.0)
    return index


def meant(index: Index, text: str, now: float = 1_000.0) -> str:
    return "".join(key[1:] for key in resolve(parse(text, Kind.COMPOUND), index, now=now))


def test_presence() -> None:
    index = small()
    assert meant(index, "is:online") == "13"
    assert meant(index, "is:offline") == "245"
    assert meant(index, "since:100s") == "12"
    assert meant(index, "since:1m") == "2"
    assert meant(index, "is:online and not since:10m") == "3"
    index.set_presence("K1", online=False, since=999.0)
    assert meant(index, "is:online") == "3"
    assert resolve(parse("is:online"), index) == ["K3"]


def test_versions() -> None:
    index = small()
    assert meant(index, "version:<1.2") == "12"
    assert meant(index, "version:>=1.2") == "34"
    assert meant(index, "version:1.2.0") == "3"
    assert meant(index, "version:!=1.2") == "124"
    assert ordered("v1.2") == ordered("1.2.0")
    assert ordered("1.2.dev3") < ordered("1.2") < ordered("1.2.post1") < ordered("1.10")


def test_a_pillar_counts_from_when_it_is_known() -> None:
    index = small()
    assert meant(index, "I@role:web") == ""
    index.set_pillar(
        "K1", {"role": "web", "day": datetime.date(2026, 1, 2), "big": 1 << 70}, rendered_at=990.0
    )
    assert meant(index, "I@role:web") == "1"
    assert meant(index, "I@day:2026-01-02 and I@big:1180591620717411303424") == "1"
    assert index.rendered_at("K1") == 990.0
    index.set_pillar("K1", None, rendered_at=991.0)
    assert meant(index, "I@role:web") == ""
    index.set_pillar("nobody", {"role": "web"}, rendered_at=1.0)
    assert "nobody" not in index


def test_an_agent_comes_changes_and_goes() -> None:
    index = small()
    index.put("K1", "db1", {"os": "Ubuntu"})
    assert meant(index, "web1") == ""
    assert meant(index, "db1 and G@os:Ubuntu") == "1"
    assert index.member("K1") == Member("K1", "db1")
    index.remove("K1")
    index.remove("K1")
    assert len(index) == 4
    assert meant(index, "*") == "2345"
    index.put("K9", "new", {})
    assert meant(index, "is:online") == "3", "a slot used again brings nothing of its former holder"
    assert index.presence("K9") is None
    assert index.grains("K9") == {}
    assert index.keys_named("new") == ["K9"]


def test_two_keys_may_bear_one_name() -> None:
    index = small()
    index.put("K9", "web1", {})
    assert sorted(meant(index, "web1")) == ["1", "9"]
    index.remove("K1")
    assert meant(index, "web1") == "9"


def test_too_deep_grains_change_nothing() -> None:
    index = small()
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    with pytest.raises(UsageError, match="levels deep"):
        index.put("K1", "web1", deep)
    with pytest.raises(UsageError, match="levels deep"):
        index.put("K9", "web9", {"a": deep})
    assert meant(index, "G@os:Debian") == "12345"
    assert len(index) == 5


def test_a_wide_path_costs_no_time() -> None:
    index = Index()
    value: object = "x"
    for _ in range(20):
        value = {"a": value, "b": value if isinstance(value, str) else "y"}
    index.put("K", "web", {"a": value})
    assert resolve(parse(":".join(["*"] * 31), Kind.GRAIN), index) == ["K"]
    assert resolve(parse(":".join(["*", "a"] * 12 + ["none"]), Kind.GRAIN), index) == []


def test_names_nobody_has_are_told() -> None:
    index = small()
    assert unknown_names(parse("web1,web8,x*", Kind.GLOB), index) == ["web8"]
    assert unknown_names(parse("L@web1,web7,web8 or not L@web9 and L@web7", Kind.COMPOUND), index) == [
        "web7",
        "web8",
    ]
    assert "web7" in str(NobodyMatched("web7"))


def test_why_an_agent_is_meant() -> None:
    index = small()
    index.set_pillar("K1", {"role": "web", "secret": "hush"}, rendered_at=940.0)
    expression = parse("web1 and ( G@os:Debian or is:offline ) and I@secret:h*", Kind.COMPOUND)
    reason = explain(expression, Resolver(index, now=1_000.0), "K1")
    assert reason.matched
    name, either, pillar = reason.parts
    assert (name.text, name.seen) == ("web1", "web1, online since 900")
    assert [part.matched for part in either.parts] == [True, False]
    assert either.parts[0].seen == "os: Debian"
    assert (pillar.seen, pillar.stale) == ("", 60.0)
    assert "hush" not in repr(reason)
    assert terms_matched(reason) == ["web1", "G@os:Debian", "I@secret:h*"]
    assert not explain(expression, Resolver(index, now=1_000.0), "K2").matched


def test_amounts() -> None:
    assert [amount("3", 10), amount("10%", 95), amount("0.5%", 1_000), amount("100%", 7)] == [3, 9, 5, 7]
    assert [batch_size("10%", 5), batch_size("25%", 10), batch_size("7", 3)] == [1, 2, 7]
    assert [too_many_failed(failed, 20, "10%") for failed in (2, 3)] == [False, True]
    assert too_many_failed(1, 20, "0")
    for text in ("", "-1", "x", "101%", "5 %", "1e3"):
        with pytest.raises(UsageError):
            amount(text, 10)
    with pytest.raises(UsageError):
        batch_size("0", 10)


def test_a_subset_is_chosen_anew_each_time() -> None:
    keys = [str(number) for number in range(1_000)]
    assert subset(keys, 5, random.Random(1)) != subset(keys, 5, random.Random(2))
    assert subset(keys, 2_000) == keys
    with pytest.raises(UsageError):
        subset(keys, 0)


def test_what_was_sorted_stays_right() -> None:
    index = small()
    assert meant(index, "web*") == "12345"
    index.remove("K2")
    index.put("K3", "db3", {"os": "Devuan"})
    index.put("K9", "web9", {"os": "DebianEdu"})
    for _ in range(2):
        assert meant(index, "web*") == "1459"
        assert meant(index, "G@os:Deb*") == "1459"
        assert meant(index, "G@os:De*") == "31459"
        assert meant(index, "P@os:DEB") == "1459"
        index.put("K5", "web5", {"os": "Debian"})
    index.remove("K9")
    assert meant(index, "G@os:Debian?*") == ""
