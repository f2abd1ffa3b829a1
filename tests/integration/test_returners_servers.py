"""Returners on real servers: Redis, a NATS server of its own, Kafka's own test cluster."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import time
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import pytest

from saltern.controller.returners import Delivery, Returner, Undeliverable, build
from saltern.foundation.errors import Unavailable
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status
from saltern.testing.conditions import eventually
from saltern.testing.site import free_port
from saltern.testing.stored import agent_key, job_id
from saltern.transport.broker import find_server

pytestmark = pytest.mark.integration

T = TypeVar("T")
PASSWORD = "hunter2 / @:?"


class Run(Protocol):
    def __call__(self, what: Coroutine[Any, Any, T], /) -> T: ...


@pytest.fixture
def run() -> Iterator[Run]:
    with asyncio.Runner() as runner:
        yield runner.run


def delivery(number: int, data: Any = 1) -> Delivery:
    jid, key, raw = JobId(job_id(1)), AgentKey(agent_key(number)), msgspec.json.encode(data)
    return Delivery(
        id=f"{jid}.{key}",
        jid=jid,
        key=key,
        agent=f"web{number}.example",
        fun="test.ping",
        status=Status.OK,
        created=1.0,
        size=len(raw),
        data=msgspec.Raw(raw),
    )


def batch(count: int) -> list[Delivery]:
    return [delivery(number, {"n": number}) for number in range(count)]


def made(kind: str, **given: Any) -> Returner:
    return build("there", {"kind": kind, **given})[1]


async def once(returner: Returner, items: Sequence[Delivery]) -> None:
    try:
        await returner.deliver(items)
    finally:
        await returner.close()


class Server:
    """A program that listens, started and stopped as a test likes."""

    def __init__(self, command: Sequence[str], port: int) -> None:
        self.port = port
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually(self._listens, what=f"{self._command[0]} listens")

    def _listens(self) -> bool:
        import socket

        assert self._process is not None
        assert self._process.poll() is None
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


# --- Redis --------------------------------------------------------------------------------------------


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Server]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    port = free_port("127.0.0.1")
    words = f"--port {port} --bind 127.0.0.1 --appendonly no --maxclients 50".split()
    command = [program, *words, "--dir", str(tmp_path), "--save", "", "--requirepass", PASSWORD]
    server = Server(command, port)
    server.start()
    yield server
    server.stop()


def ask(server: Server, *words: str) -> Any:
    import redis

    with redis.Redis(port=server.port, password=PASSWORD, decode_responses=True) as client:
        return client.execute_command(*words)


def test_redis_has_each_return_once_and_forgets_in_time(run: Run, redis: Server) -> None:
    url = f"redis://127.0.0.1:{redis.port}/0"

    async def main() -> None:
        returner = made("redis", url=url, password=PASSWORD, prefix="s:", lifetime="1h")
        await returner.deliver(batch(3))
        await returner.deliver(batch(3))
        await returner.close()

    run(main())
    found = ask(redis, "HGETALL", f"s:ret:{job_id(1)}")
    assert {agent: msgspec.json.decode(text)["data"]["n"] for agent, text in found.items()} == {
        f"web{n}.example": n for n in range(3)
    }
    assert msgspec.json.decode(ask(redis, "GET", f"s:load:{job_id(1)}"))["fun"] == "test.ping"
    assert ask(redis, "GET", "s:web2.example:test.ping") == job_id(1)
    assert set(ask(redis, "SMEMBERS", "s:minions")) == {f"web{n}.example" for n in range(3)}
    assert 3500 < ask(redis, "TTL", f"s:ret:{job_id(1)}") <= 3600


def test_redis_that_goes_away_and_comes_back(run: Run, redis: Server) -> None:
    async def main() -> None:
        returner = made("redis", url=f"redis://127.0.0.1:{redis.port}/0", password=PASSWORD)
        await returner.deliver(batch(1))
        redis.stop()
        with pytest.raises(Unavailable):
            await returner.deliver(batch(2))
        redis.start()
        await returner.deliver(batch(2))
        await returner.close()

    run(main())
    assert len(ask(redis, "HKEYS", f"ret:{job_id(1)}")) == 2


def test_redis_that_is_full_or_wants_another_password_is_tried_again(run: Run, redis: Server) -> None:
    url = f"redis://127.0.0.1:{redis.port}/0"
    with pytest.raises(Unavailable, match=r"(WRONGPASS|invalid)"):
        run(once(made("redis", url=url, password="wrong"), batch(1)))
    ask(redis, "CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(Unavailable, match=r"(OOM|maxmemory)"):
        run(once(made("redis", url=url, password=PASSWORD), batch(1)))


def test_redis_a_key_of_another_type_is_a_refusal(run: Run, redis: Server) -> None:
    ask(redis, "SET", f"ret:{job_id(1)}", "a text")
    with pytest.raises(Undeliverable, match="WRONGTYPE"):
        run(once(made("redis", url=f"redis://127.0.0.1:{redis.port}/0", password=PASSWORD), batch(1)))


# --- NATS ---------------------------------------------------------------------------------------------


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[Server]:
    port = free_port("127.0.0.1")
    words = ["-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(tmp_path / "js")]
    server = Server([str(find_server()), *words, "--user", "u", "--pass", PASSWORD], port)
    server.start()
    yield server
    server.stop()


async def client(server: Server) -> Any:
    import nats

    return await nats.connect(f"nats://127.0.0.1:{server.port}", user="u", password=PASSWORD)


def to_nats(server: Server, **given: Any) -> Returner:
    url = f"nats://127.0.0.1:{server.port}"
    return made("nats", **{"url": url, "username": "u", "password": PASSWORD, "timeout": 5.0, **given})


def test_nats_stream_has_each_return_once(run: Run, nats_server: Server) -> None:
    async def main() -> None:
        reader = await client(nats_server)
        stream = reader.jetstream()
        await stream.add_stream(name="R", subjects=["saltern.returns.>"])
        returner = to_nats(nats_server)
        await returner.deliver(batch(3))
        await returner.deliver(batch(3))
        found = await stream.pull_subscribe("saltern.returns.>", "reader")
        messages = await found.fetch(10, timeout=2)
        assert [message.subject for message in messages] == [
            f"saltern.returns.web{n}_example.test.ping" for n in range(3)
        ]
        assert [msgspec.json.decode(message.data)["data"]["n"] for message in messages] == [0, 1, 2]
        await returner.close()
        await reader.close()

    run(main())


def test_nats_subject_without_a_stream(run: Run, nats_server: Server) -> None:
    async def main() -> None:
        with pytest.raises(Unavailable):
            await once(to_nats(nats_server), batch(1))  # nobody stores it: it is not delivered
        reader = await client(nats_server)
        subscription = await reader.subscribe("mine.>")
        await reader.flush()
        await once(to_nats(nats_server, stream=False, subject="mine"), batch(2))
        got = [(await subscription.next_msg(timeout=10)).subject for _ in range(2)]
        assert got == ["mine.web0_example.test.ping", "mine.web1_example.test.ping"]
        await reader.close()

    run(main())


def test_nats_what_is_too_large_is_refused_and_the_rest_arrives(run: Run, nats_server: Server) -> None:
    async def main() -> None:
        big = delivery(1, "x" * 1_048_000)
        with pytest.raises(Undeliverable) as caught:
            await once(to_nats(nats_server, stream=False), [big, delivery(2)])
        assert set(caught.value.refused) == {big.id}

    run(main())


def test_nats_errors_hold_no_password(run: Run, nats_server: Server) -> None:
    with pytest.raises(Unavailable, match="refuses us") as caught:
        run(once(to_nats(nats_server, password="wrong hunter2"), batch(1)))
    assert "hunter2" not in str(caught.value)
    nats_server.stop()
    with pytest.raises(Unavailable, match="cannot reach") as caught:
        run(once(to_nats(nats_server), batch(1)))
    assert "hunter2" not in str(caught.value)


# --- Kafka --------------------------------------------------------------------------------------------


@pytest.fixture
def kafka() -> Iterator[str]:
    """Return the address of the cluster that librdkafka brings along for tests: it speaks the protocol."""
    confluent_kafka = pytest.importorskip("confluent_kafka", reason="pip install 'saltern[kafka]'")
    holder = confluent_kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0})
    [broker] = holder.list_topics(timeout=20).brokers.values()
    yield f"{broker.host}:{broker.port}"
    holder.flush(1)


def test_kafka_has_each_return(run: Run, kafka: str) -> None:
    from confluent_kafka import Consumer

    run(once(made("kafka", servers=[kafka], topic="r"), batch(3)))
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "g", "auto.offset.reset": "earliest"})
    consumer.subscribe(["r"])
    messages: list[Any] = []
    give_up = time.monotonic() + 30
    while len(messages) < 3 and time.monotonic() < give_up:
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            messages.append(message)
    consumer.close()
    assert {message.key() for message in messages} == {f"web{n}.example".encode() for n in range(3)}
    assert dict(messages[0].headers())["id"].decode().startswith(job_id(1))
    assert {msgspec.json.decode(message.value())["data"]["n"] for message in messages} == {0, 1, 2}


def test_kafka_that_is_not_there_is_tried_again(run: Run) -> None:
    returner = made("kafka", servers=[f"127.0.0.1:{free_port('127.0.0.1')}"], timeout=1.0)
    with pytest.raises(Unavailable):
        run(once(returner, batch(2)))


def test_kafka_what_is_too_large_is_refused_and_the_rest_arrives(run: Run, kafka: str) -> None:
    returner = made("kafka", servers=[kafka], options={"message.max.bytes": "20000"})
    big = delivery(1, "x" * 50_000)
    with pytest.raises(Undeliverable) as caught:
        run(once(returner, [big, delivery(2)]))
    assert set(caught.value.refused) == {big.id}
