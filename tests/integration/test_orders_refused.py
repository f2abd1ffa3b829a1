"""Somebody can write to an agent's job subject and is not the controller, or says old things again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from saltern.identity.keys import KeyPair, Kind
from saltern.messages.v1 import Cancel, Order, Probe, Signed, decode, encode
from saltern.messages.v1.orders import PURPOSE, sign
from saltern.model.ids import AgentKey, JobId, new_job_id
from saltern.model.status import Status
from saltern.testing.intruder import as_controller, authority, listen, until
from saltern.testing.site import Site

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Agents refuse so many things here that they would stop to report it, were they shared."""
    with Site(tmp_path_factory.mktemp("site")) as made:
        made.add("a", "b")
        yield made


def order(to: AgentKey, mark: Path, **more: object) -> Order:
    """Return an order that leaves a trace when it is obeyed."""
    now = time.time()
    values = {"jid": new_job_id(now), "to": to, "issued": now, "expires": now + 60, "nonce": b"n" * 12}
    values |= {"fun": "cmd.run", "args": (f"echo obeyed >> {mark}",), "user": "root"}
    return msgspec.convert(values | more, Order)


def send(site: Site, name: str, *messages: bytes) -> None:
    """Publish on an agent's job subject, then see that it has dealt with everything."""

    async def publish() -> None:
        async with as_controller(site, site.agents[name]) as connection:
            for message in messages:
                await connection.publish(f"job.{site.agents[name].key}", message)
            await connection.flush()

    asyncio.run(publish())
    assert site.run(name, "test.ping").statuses() == {name: Status.OK}


def test_an_order_of_the_controllers_key_is_obeyed(site: Site, tmp_path: Path) -> None:
    """What the other tests send differs from this in one thing."""
    mark, agent = tmp_path / "mark", site.agents["a"]
    send(site, "a", sign(authority(site).orders, order(agent.key, mark)))
    site.wait_for(mark.exists, "the order is obeyed")


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("unsigned", "not signed by the controller"),
        ("bare", "malformed"),
        ("another key", "not signed by the controller"),
        ("another purpose", "not signed by the controller"),
        ("tampered", "not signed by the controller"),
        ("truncated", "malformed"),
        ("misaddressed", "meant for another agent"),
        ("expired", "it expired"),
        ("not an order", "malformed"),
        ("no job id", "not a job id"),
        ("empty", "malformed"),
    ],
)
def test_what_is_not_the_controllers_order_is_refused(
    site: Site, tmp_path: Path, what: str, reason: str
) -> None:
    name, other = ("a", "b") if len(what) % 2 else ("b", "a")  # each reports ten refusals in ten seconds
    mark, agent, keys = tmp_path / "mark", site.agents[name], authority(site)
    now, good = time.time(), order(agent.key, tmp_path / "mark")
    signed = sign(keys.orders, good)
    envelope = decode(signed, Signed)
    body = envelope.body.replace(b"obeyed", b"0beyed")
    messages = {
        "unsigned": encode(Signed(body=envelope.body, signature=b"")),
        "bare": encode(good),
        "another key": sign(KeyPair.new(Kind.USER), good),
        "another purpose": encode(Signed(body=envelope.body, signature=keys.orders.sign(envelope.body))),
        "tampered": encode(Signed(body=body, signature=envelope.signature)),
        "truncated": signed[:-1],
        "misaddressed": sign(keys.orders, order(site.agents[other].key, mark)),
        "expired": sign(keys.orders, order(agent.key, mark, issued=now - 100, expires=now - 40)),
        "not an order": encode(Signed(body=b"\x01\x80", signature=keys.orders.sign(PURPOSE + b"\x01\x80"))),
        "no job id": sign(keys.orders, order(agent.key, mark, jid="../../../etc/passwd")),
        "empty": b"",
    }
    seen = len(site.events)
    send(site, name, messages[what])
    site.wait_for(
        lambda: [
            event
            for event in site.events[seen:]
            if event.tag == "order/refused" and reason in event.data["reason"]
        ],
        f"an event that says {reason!r}",
    )
    assert not mark.exists()


def test_probe_and_cancel_are_for_the_controller_alone(site: Site) -> None:
    stranger, agent, now = KeyPair.new(Kind.USER), site.agents["a"], time.time()
    jid = site.start_job("a", "test.sleep", 600)
    site.wait_target(jid, "a", Status.RUNNING)
    cancel = Cancel(jid=jid, to=agent.key, issued=now, expires=now + 60, nonce=b"n" * 12, user="me")

    async def attack() -> None:
        async with as_controller(site, agent) as connection:
            heard = await listen(connection, f"live.{agent.key}.pulse")
            probe = Probe(to=agent.key, issued=now, expires=now + 60, nonce=b"n" * 12)
            for key in (stranger, authority(site).orders):
                await connection.publish(f"job.{agent.key}", sign(key, cancel if key is stranger else probe))
                await connection.publish(f"job.{agent.key}", sign(key, probe))
            await until(lambda: len(heard.messages) >= 2, "the two right probes are answered")
            assert len(heard.messages) == 2

    asyncio.run(attack())
    assert site.targets(jid)["a"].status is Status.RUNNING
    site.cancel(jid)
    assert site.wait_return(jid, "a").status is Status.CANCELLED


def test_a_replay_is_refused_also_after_a_restart_and_with_a_wrong_clock(site: Site, tmp_path: Path) -> None:
    mark, agent = tmp_path / "mark", site.agents["b"]
    recorded: list[bytes] = []

    async def record() -> JobId:
        async with as_controller(site, agent) as connection:
            heard = await listen(connection, f"job.{agent.key}")
            done = await asyncio.to_thread(site.run, "b", "cmd.run", f"echo ran >> {mark}")
            recorded.extend(message.data for message in heard.messages)
            return done.jid

    jid = asyncio.run(record())
    for change in ("none", "restart", "clock an hour back", "clock a year ahead"):
        if change != "none":
            agent.stop()
            off = {"restart": 0, "clock an hour back": -3600, "clock a year ahead": 365 * 86_400}[change]
            agent.clock_file.write_text(str(off))
            site.wait_for(lambda: "b" not in site.online(), "b is gone")
            agent.start()
            site.wait_online("b")
        seen = len(site.events)
        send(site, "b", *recorded)
        refused = site.wait_event("order/refused", since=seen)
        assert "before" in refused.data["reason"] or "expired" in refused.data["reason"]
        assert mark.read_text() == "ran\n", change
    agent.stop()
    agent.clock_file.unlink()
    agent.start()
    site.wait_online("b")
    assert site.targets(jid)["b"].status is Status.OK, "a replay answers nothing either"


def test_many_refusals_are_reported_within_bounds(site: Site) -> None:
    """Whoever can make an agent refuse cannot make it fill the disk, or the stream of events."""
    agent, seen = site.agents["a"], len(site.events)
    send(site, "a", *[b"rubbish"] * 3000)
    reported = [event for event in site.events[seen:] if event.tag == "order/refused"]
    assert len(reported) <= 30
    assert agent.log_file.read_text().count("malformed: message of version 114") <= 30
