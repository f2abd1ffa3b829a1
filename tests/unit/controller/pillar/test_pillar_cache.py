"""Pillars that are kept."""

from __future__ import annotations

from saltern.controller.pillar.cache import Cache, Made, Which
from saltern.testing.controller import agent_key

A, B = (Which(agent_key(name), "", "") for name in "ab")


def test_it_is_good_for_exactly_what_it_was_made_of() -> None:
    cache = Cache(1000)
    cache.put(A, Made("v1", b"facts", 10.0, b"pillar"))
    assert cache.get(A, "v1", b"facts", 9.9) == b"pillar"
    assert cache.get(A, "v2", b"facts", 9.9) is None
    assert cache.get(A, "v1", b"others", 9.9) is None
    assert cache.get(A, "v1", b"facts", 10.0) is None
    assert cache.get(B, "v1", b"facts", 9.9) is None
    assert cache.get(A._replace(pillarenv="dev"), "v1", b"facts", 9.9) is None


def test_the_one_not_asked_for_the_longest_goes_first() -> None:
    cache = Cache(1000)
    names = [Which(agent_key(str(number)), "", "") for number in range(5)]
    for which in names[:4]:
        cache.put(which, Made("v", b"", 10.0, b"x" * 250))
    assert cache.get(names[0], "v", b"", 0.0)
    cache.put(names[4], Made("v", b"", 10.0, b"x" * 250))
    assert [bool(cache.get(which, "v", b"", 0.0)) for which in names] == [True, False, True, True, True]


def test_a_large_one_does_not_drive_out_all_others() -> None:
    cache = Cache(1000)
    cache.put(A, Made("v", b"", 10.0, b"x"))
    cache.put(B, Made("v", b"", 10.0, b"x" * 251))
    assert cache.get(A, "v", b"", 0.0) == b"x"
    assert cache.get(B, "v", b"", 0.0) is None


def test_an_agent_can_be_forgotten() -> None:
    cache = Cache(1000)
    cache.put(A, Made("v", b"", 10.0, b"x"))
    cache.put(B, Made("v", b"", 10.0, b"x"))
    cache.forget(A.key)
    assert cache.get(A, "v", b"", 0.0) is None
    assert cache.get(B, "v", b"", 0.0) == b"x"
