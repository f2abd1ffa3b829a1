"""The nouns of Redis against a real server: values that nobody likes come back as they were."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saltern.library import redis
from saltern.library._redis import Access, ask
from saltern.sdk import BadArgument, NotAllowed
from saltern.sdk.local import LocalHost
from saltern.testing.conditions import eventually

pytestmark = pytest.mark.integration
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
HOSTILE = st.text(st.sampled_from("'\"\\ \n\r\t1)(-ü"), max_size=12)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHost]:
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed: apt-get install redis-server")
    home: Path = tmp_path_factory.mktemp("redis")
    words = (
        "--port",
        "0",
        "--unixsocket",
        str(home / "s"),
        "--save",
        "",
        "--requirepass",
        "pa'ss",
        "--dir",
        str(home),
    )
    server = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
    host = LocalHost(
        grains=lambda: {"id": "x", "redis.unix_socket_path": str(home / "s"), "redis.password": "pa'ss"}
    )
    try:
        eventually(lambda: redis.ping(host), what="Redis answers")
        yield host
    finally:
        server.kill()
        server.wait()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXT | HOSTILE, TEXT | HOSTILE)
def test_values_come_back_as_they_were(host: LocalHost, key: str, value: str) -> None:
    redis.set_key(host, key, value)
    assert redis.get_key(host, key) == value
    assert redis.delete(host, key) == 1


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists((TEXT | HOSTILE).filter(bool), min_size=1, max_size=12))
def test_lists_come_back_as_they_were(host: LocalHost, values: list[str]) -> None:
    ask(host, Access(), "DEL", "list")
    ask(host, Access(), "RPUSH", "list", *values)
    assert redis.lrange(host, "list", 0, -1) == values


def test_what_cannot_be(host: LocalHost) -> None:
    with pytest.raises(BadArgument):
        redis.set_key(host, "k", "a\0b")
    with pytest.raises(NotAllowed):
        redis.get_key(host, "k", password="wrong")
    assert redis.ping(host, password="wrong") is False
