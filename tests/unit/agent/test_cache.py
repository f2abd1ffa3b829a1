"""The agent's cache: what is in it is right, private, and bounded."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from saltern.agent.cache import Cache


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(tmp_path / "files")
    made.prepare()
    return made


def put(cache: Cache, data: bytes, age: float = 0.0) -> str:
    name = hashlib.sha256(data).hexdigest()
    cache.put(name, data)
    used = time.time() - age
    os.utime(cache.path(name), (used, used))
    return name


def test_what_is_put_is_there_and_private(cache: Cache) -> None:
    name = put(cache, b"data")
    assert cache.read(name, 4) == b"data"
    assert cache.is_sound(name, 4)
    assert cache.path(name).stat().st_mode & 0o777 == 0o600
    assert all(one.stat().st_mode & 0o077 == 0 for one in cache.path(name).parents[:3])


@pytest.mark.parametrize("damage", [b"dat", b"date", b"data and more", b""])
def test_a_damaged_file_is_removed(cache: Cache, damage: bytes) -> None:
    name = put(cache, b"data")
    cache.path(name).write_bytes(damage)
    assert not cache.is_sound(name, 4)
    assert not cache.path(name).exists()


def test_a_file_of_another_size_is_not_that_file(cache: Cache) -> None:
    name = put(cache, b"data")
    assert cache.read(name, 5) is None


def test_what_was_not_used_for_longest_makes_room(cache: Cache) -> None:
    old, older = put(cache, b"a" * 100, age=7200), put(cache, b"b" * 100, age=9000)
    new = put(cache, b"c" * 100)
    assert cache.sweep(300) == 0
    assert cache.sweep(260) == 1
    assert not cache.has(older, 100)
    assert cache.has(old, 100)
    assert cache.has(new, 100)


def test_what_may_be_in_use_stays(cache: Cache) -> None:
    names = [put(cache, bytes([number]) * 100, age=60) for number in range(5)]
    assert cache.sweep(100) == 0
    assert all(cache.has(name, 100) for name in names)


def test_use_is_noted(cache: Cache) -> None:
    name = put(cache, b"a", age=9000)
    cache.has(name, 1)
    assert time.time() - cache.path(name).stat().st_mtime < 60
