"""Whatever an agent sends, the controller stays up, answers, and others notice nothing."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saltern.messages.v1 import Ack, Beat, Chunk, Event, Grains, Hello, Progress, Pulse, Return, encode
from saltern.messages.v1.frames import Blob, Error
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status
from saltern.testing.intruder import as_agent, until
from saltern.testing.site import Site

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with an agent to misuse and an honest one."""
    with Site(tmp_path_factory.mktemp("site")) as made:
        made.add("evil", "good")
        yield made


def subjects(key: AgentKey, jid: str) -> list[str]:
    """Return one of each kind of subject an agent may publish on."""
    return [
        f"ret.{key}.{jid}",
        f"live.{key}.{jid}",
        f"live.{key}.pulse",
        f"blob.{key}.{jid}.0",
        f"event.{key}.some.tag",
        f"rpc.{key}.hello",
        f"rpc.{key}.renew",
        f"rpc.{key}.nothing",
        f"$KV.grains.{key}",
    ]


def assault(site: Site, *messages: tuple[str, bytes]) -> None:
    """Publish as the evil agent; the controller must then answer, and the good one be of use."""

    async def publish() -> None:
        async with as_agent(site.agents["evil"]) as connection:
            for subject, data in messages:
                await connection.publish(subject, data, reply=f"{connection.inbox}.x")
            await connection.flush()

    before = site.status()
    asyncio.run(publish())
    assert site.run("good", "test.ping").statuses() == {"good": Status.OK}
    after = site.status()
    assert (after.pid, after.started, after.problems) == (before.pid, before.started, ())


LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary()
THINGS = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def frames(jid: JobId, thing: object) -> list[bytes]:
    """Return frames of every kind, with ``thing`` wherever anything may stand."""
    text = str(thing)
    error = Error(kind=text, message=text, detail=text, hint=text)
    blob = Blob(chunks=2**62, size=-1, sha256=text.encode("utf-8", "replace"))
    number = float(thing) if isinstance(thing, int | float) and not isinstance(thing, bool) else float("nan")
    return [
        encode(Event(at=number, data={"thing": thing})),
        encode(Ack(at=number, running=True)),
        encode(Beat(at=number, started=number)),
        encode(Progress(sequence=-1, stream=text, data=b"\xff\x00\x1b]0;x\x07")),
        encode(Pulse(instance=text, jobs=(JobId(text),) * 50, spooled=(jid,))),
        encode(Return(verdict=Status.RUNNING, reason=text, started=number, finished=number)),
        encode(Return(verdict=Status.OK, data=b"{not json", error=error, retcode=2**40)),
        encode(Return(verdict=Status.OK, blob=blob)),
        encode(Hello(instance=text, version=text * 100, name=text, jobs=(JobId(text),))),
        encode(Chunk(data=text.encode("utf-8", "replace"))),
        encode(Grains(data=msgspec.json.encode({"os": text, text: text}))),
        b"\x01" + msgspec.msgpack.encode({"t": "event", "at": 0, "data": thing}),
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=300), THINGS, st.integers(0, 400))
def test_no_bytes_on_any_subject_harm(site: Site, noise: bytes, thing: object, cut: int) -> None:
    key = site.agents["evil"].key
    jid = site.start_job("evil", "test.ping")
    every = [noise, b"\x01" + noise, *frames(jid, thing)]
    every += [frame[:cut] for frame in every[2:]]
    assault(site, *[(subject, data) for subject in subjects(key, jid) for data in every])


def test_extremes_on_every_subject(site: Site) -> None:
    key = site.agents["evil"].key
    limit = 1024 * 1024 - 1000
    deep = b"\x01" + b"\x83\xa1t\xa5event\xa2at\x00\xa4data\x81\xa1x" + b"\x91" * 500_000
    extended = b"\x01" + msgspec.msgpack.encode(
        {"t": "event", "at": 0.0, "data": {"ext": msgspec.msgpack.Ext(5, b"x"), "map": {(1, 2): 3}}}
    )
    huge = [b"", b"\x00" * limit, b"\xc1" * limit, b"\x01" + b"\x91" * (limit - 1), deep, extended]
    huge += [b"\x01\xdd\xff\xff\xff\xff", b"\x01\xdb\xff\xff\xff\xff"]
    odd = [
        f"ret.{key}.{'9' * 3000}",
        f"live.{key}.\u2603",
        f"event.{key}.{'a.' * 1000}b",
        f"ret.{key}.%2e%2e",
    ]
    assault(site, *[(subject, data) for subject in subjects(key, "1" * 20) for data in huge])
    assault(site, *[(subject, encode(Event(at=0))) for subject in odd])
    seen = len(site.events)
    assault(site, (f"event.{key}.still.heard", encode(Event(at=0))))
    site.wait_event("still/heard", since=seen)


def test_grains_of_every_kind(site: Site) -> None:
    """Oversized ones are refused by the stream, deep ones by the reader; odd ones are data."""
    key = site.agents["evil"].key
    deep = b'{"x":' * 100_000 + b"1" + b"}" * 100_000
    odd: dict[str, object] = {
        "os": "{{ 7*7 }} \x1b[2J !!python/object:x $(reboot) <script>alert(1)</script>",
        "id": "good",
        "": "",
        "a:b": {"": [None, True, 1e308, "\u0000", "\U0001f600"]},
        "list": [[[]], {}, [{"k": "v"}]] * 50,
    }
    odd |= {f"key{number}": number for number in range(5000)}
    bodies = [deep, b'"text"', b"[]", b"{", b"\xff\xfe", b'{"n":' + b"9" * 100_000 + b"}", b'{"x": NaN}']
    messages = [(f"$KV.grains.{key}", encode(Grains(data=body))) for body in bodies]
    assault(site, *messages, (f"$KV.grains.{key}", encode(Grains(data=msgspec.json.encode(odd)))))
    by_grain = site.run("key17:17", "test.ping", kind="grain")
    assert set(by_grain.settled) == {"evil"}
    assert set(site.run("id:good", "test.ping", kind="grain").settled) == {"good"}, (
        "a name is not the agent's to say"
    )
    for target in ("os:*7*7*", "list:*", "a:b:*"):
        done = site.saltern("run", "-G", target, "test.ping", "--json")
        assert "Traceback" not in done.stderr


def test_grains_too_large_are_told_to_their_sender(site: Site) -> None:
    key = site.agents["evil"].key

    async def publish() -> str:
        async with as_agent(site.agents["evil"]) as connection:
            try:
                await connection.store(f"$KV.grains.{key}", encode(Grains(data=b'"' + b"x" * 600_000 + b'"')))
            except Exception as error:
                return str(error)
        return ""

    assert "exceeds" in asyncio.run(publish())


def test_memory_does_not_grow_with_rubbish(site: Site) -> None:
    key, pid = site.agents["evil"].key, site.controller.pid
    before = site.controller.memory(pid)
    rubbish = os.urandom(200_000)
    for _ in range(5):
        assault(site, *[(subject, rubbish) for subject in subjects(key, "4" * 20) if "KV" not in subject] * 5)
    assert site.controller.memory(pid) - before < 100 * 2**20


def ping_time(site: Site, times: int = 5) -> float:
    """Return the seconds a ping of the good agent takes: the best of a few."""
    spent = []
    for _ in range(times):
        began = time.monotonic()
        assert site.run("good", "test.ping").statuses() == {"good": Status.OK}
        spent.append(time.monotonic() - began)
    return min(spent)


@pytest.mark.parametrize("kind", ["event", "live", "rpc", "ret"])
def test_a_flood_of_one_agent_does_not_delay_the_others(site: Site, kind: str) -> None:
    """Once it is noticed: within what two cores can do for broker, controller, agents and the flood."""
    evil = site.agents["evil"]
    subject, data = {
        "event": (f"event.{evil.key}.flood", encode(Event(at=0, data={"x": "y" * 100}))),
        "live": (f"live.{evil.key}.{'3' * 20}", encode(Ack(at=0))),
        "rpc": (f"rpc.{evil.key}.hello", encode(Hello(instance="x", version="", name="evil"))),
        "ret": (f"ret.{evil.key}.{'3' * 20}", encode(Return(verdict=Status.OK, data=b"1"))),
    }[kind]
    usual = ping_time(site)

    async def flood(stop: asyncio.Event) -> int:
        sent = 0
        while not stop.is_set():
            try:
                async with as_agent(evil) as connection:
                    while not stop.is_set() and not connection.closed.is_set():
                        for _ in range(500):
                            await connection.publish(subject, data)
                        sent += 500
                        await connection.flush()
            except Exception:
                continue
        return sent

    async def both() -> tuple[float, int]:
        stop = asyncio.Event()
        flooding = asyncio.create_task(flood(stop))
        # In the log, since such a flood may push other events out of what a slow listener has waiting.
        await until(lambda: "agent/flood" in site.controller.log_file.read_text(), "it is noticed")
        flooded = await asyncio.to_thread(ping_time, site, 10)
        stop.set()
        return flooded, await flooding

    flooded, sent = asyncio.run(both())
    assert sent >= 500
    assert flooded < 10 * usual + 0.5, f"{flooded:.2f} s instead of {usual:.2f} s under {sent} messages"
    assert site.status().problems == ()
