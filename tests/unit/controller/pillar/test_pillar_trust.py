"""Which grains decide about secrets."""

from __future__ import annotations

from typing import Any

import pytest

from saltern.controller.pillar.trust import Trust, grains_of
from saltern.targeting import Kind, parse

TOLD: dict[str, Any] = {
    "id": "web1",
    "os": "Debian",
    "roles": ["db"],
    "fqdn": "db1.example.com",
    "ipv4": ["10.0.0.1"],
}


@pytest.mark.parametrize(
    ("trusted", "pinned", "left"),
    [
        (["platform"], [], {"id", "os"}),
        ([], [], {"id"}),
        (["roles"], [], {"id", "roles"}),
        (["platform"], ["roles"], {"id", "os", "roles"}),
        (["all"], [], set(TOLD)),
    ],
)
def test_only_what_is_trusted_is_there(trusted: list[str], pinned: list[str], left: set[str]) -> None:
    assert set(Trust(TOLD, trusted, pinned).grains) == left


def test_what_was_asked_for_in_vain_is_noted() -> None:
    trust = Trust(TOLD, ["platform"], [])
    assert trust.grains.get("roles", "none") == "none"
    assert "fqdn" not in trust.grains
    assert trust.grains["os"] == "Debian"
    with pytest.raises(KeyError):
        trust.grains["ipv4"]
    assert trust.grains.get("nobody_tells_that") is None
    assert trust.ignored == {"roles", "fqdn", "ipv4"}


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("web*", []),
        ("G@roles:db and not ( P@os:^Deb or E@web )", ["roles", "os"]),
        ("S@10.0.0.0/8", ["ipv4", "ipv6"]),
        ("I@roles:db", []),
        ("G|@a:b|c", ["a:b"]),
    ],
)
def test_the_grains_of_a_target(target: str, names: list[str]) -> None:
    assert list(grains_of(parse(target, Kind.COMPOUND))) == names


def test_a_target_that_means_nothing_is_not_ours_to_complain_of() -> None:
    trust = Trust(TOLD, [], [])
    trust.note_target("( web", "compound")
    trust.note_target("x", "no such kind")
    assert not trust.ignored
