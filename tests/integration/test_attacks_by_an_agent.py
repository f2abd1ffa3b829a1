"""An agent that was taken over: it holds its own key and credential, and says what it likes."""

from __future__ import annotations

import asyncio

import pytest

from saltern.messages.v1 import Ack, Denied, Event, Hello, Renew, Return, decode, encode
from saltern.model.ids import AgentKey, JobId, new_job_id
from saltern.model.status import Status
from saltern.testing.intruder import as_agent, as_controller, listen, until
from saltern.testing.site import Site
from saltern.transport import streams

pytestmark = pytest.mark.integration

JID = JobId("2" * 20)


def others_subjects(victim: AgentKey, own: AgentKey) -> list[str]:
    """Return subjects an agent has no business with."""
    return [
        f"ret.{victim}.{JID}",
        f"live.{victim}.{JID}",
        f"blob.{victim}.{JID}.0",
        f"event.{victim}.boom",
        "event.controller.boom",
        f"rpc.{victim}.hello",
        f"rpc.{victim}.renew",
        f"rpc.{victim}.pillar",
        f"$KV.grains.{victim}",
        f"job.{victim}",
        f"job.{own}",
        f"_in.{victim}.x",
        "_ctl.x",
        "ctl.news",
        "enrol.open",
        f"enrol.{own}",
        "$JS.API.INFO",
        "$JS.API.STREAM.DELETE.RETURNS",
        "$JS.API.STREAM.PURGE.RETURNS",
        "$JS.API.CONSUMER.MSG.NEXT.RETURNS.controllers",
        "$JS.API.DIRECT.GET.KV_grains",
        "$JS.ACK.RETURNS.controllers.1.1.1.1.0",
        "$SYS.REQ.SERVER.PING",
        f"ret.{own}",
        f"ret.{own}.{JID}.more",
        "anything",
    ]


def test_it_publishes_on_no_subject_but_its_own(site: Site) -> None:
    own, victim = site.agents["a"], site.agents["b"]

    async def attack() -> None:
        async with as_controller(site, own) as watch, as_agent(own) as connection:
            heard = await listen(watch, ">")
            for subject in others_subjects(victim.key, own.key):
                await connection.publish(subject, b"forged")
            await connection.publish(f"live.{own.key}.{JID}", b"marker")
            await until(lambda: b"marker" in heard.on(f"live.{own.key}.{JID}"), "its own subject is heard")
            assert [message.subject for message in heard.messages if message.data == b"forged"] == []

    asyncio.run(attack())


def test_it_hears_no_subject_but_its_own(site: Site) -> None:
    own, victim = site.agents["a"], site.agents["b"]
    subjects = [">", "*.>", "job.>", "job.*", f"job.{victim.key}", f"_in.{victim.key}.>", "_in.>", "ret.>"]
    subjects += ["event.>", "live.>", "rpc.>", "enrol.>", "blob.>", "$KV.>", "$JS.>", "$SYS.>", "_ctl.>"]
    subjects += ["ctl.>", f"ret.{own.key}.*", f"event.{own.key}.>", "_INBOX.>", "_open.>"]

    async def attack() -> None:
        async with as_agent(own) as connection:
            heard = await listen(connection, *subjects)
            assert (await asyncio.to_thread(site.run, "b", "test.ping")).value("b") is True
            jid = await asyncio.to_thread(site.start_job, "a", "test.ping")
            mine = await listen(connection, f"job.{own.key}")
            again = await asyncio.to_thread(site.run, "a", "test.ping")
            await until(lambda: mine.messages, "its own orders are heard")
            assert heard.messages == []
            assert again.jid != jid

    asyncio.run(attack())


@pytest.mark.parametrize("service", ["hello", "renew", "nothing"])
def test_the_controller_answers_only_where_the_asker_hears(site: Site, service: str) -> None:
    """We may publish everywhere, an agent may not: it must not do so through us."""
    own, victim = site.agents["a"], site.agents["b"]
    deputies = [
        f"job.{victim.key}",
        f"_in.{victim.key}.x",
        f"ret.{victim.key}.{JID}",
        "ctl.news",
        f"_in.{own.key}",
    ]
    deputies += [
        "$JS.API.STREAM.DELETE.RETURNS",
        f"event.{victim.key}.x",
        "_ctl.x",
        f"_in.{own.key}x.y",
        "_open.x",
    ]
    question = encode(Hello(instance="x", version="0", name="a") if service == "hello" else Renew())

    async def attack() -> None:
        async with as_controller(site, own) as watch, as_agent(own) as connection:
            heard = await listen(watch, *deputies)
            for subject in deputies:
                await connection.publish(f"rpc.{own.key}.{service}", question, reply=subject)
            answer = await connection.request(f"rpc.{own.key}.renew", encode(Renew()))
            assert answer, "an honest question, asked later, is answered"
            await watch.flush()
            assert heard.messages == []

    asyncio.run(attack())
    site.wait_online("a")


def test_the_brokers_answers_command_nothing(site: Site) -> None:
    """The broker answers who publishes to a stream, wherever they say: also to its own commands."""
    own, victim = site.agents["a"], site.agents["b"]
    commands = [
        f"$JS.API.{command}"
        for stream in (streams.RETURNS, streams.EVENTS, streams.BLOBS, streams.GRAINS)
        for command in (
            f"STREAM.PURGE.{stream}",
            f"STREAM.DELETE.{stream}",
            f"STREAM.MSG.DELETE.{stream}",
            f"STREAM.UPDATE.{stream}",
            f"STREAM.LEADER.STEPDOWN.{stream}",
            f"CONSUMER.DELETE.{stream}.controllers",
            f"CONSUMER.PAUSE.{stream}.controllers",
        )
    ]

    async def attack() -> None:
        async with as_controller(site, own) as watch, as_agent(own) as connection:
            first = await connection.store(f"event.{own.key}.first", encode(Event(at=0)))
            for command in commands:
                await connection.publish(f"event.{own.key}.x", encode(Event(at=0)), reply=command)
            last = await connection.store(f"event.{own.key}.last", encode(Event(at=0)))
            kept = [
                subject
                async for subject, _ in streams.replay(
                    watch, streams.EVENTS, f"event.{own.key}.*", start=first
                )
            ]
            assert last >= first + len(commands) + 1
            assert len(kept) == len(commands) + 2
            names = [name async for name, _ in streams.replay(watch, streams.GRAINS, "$KV.grains.*")]
            assert f"$KV.grains.{victim.key}" in names

    asyncio.run(attack())
    assert site.run("b", "test.ping").statuses() == {"b": Status.OK}


def test_the_brokers_answers_are_nobodys_message(site: Site) -> None:
    """Its answers land on the victim's subjects: as a return, grains, a blob, an order. None is taken."""
    own, victim = site.agents["a"], site.agents["b"]
    seen = len(site.events)
    jid = site.start_job("b", "test.sleep", 600)
    site.wait_target(jid, "b", Status.RUNNING)
    subjects = [f"ret.{victim.key}.{jid}", f"live.{victim.key}.{jid}", f"rpc.{victim.key}.hello", "ctl.news"]
    subjects += [f"job.{victim.key}", f"$KV.grains.{victim.key}", f"event.{victim.key}.x", "enrol.open"]

    async def attack() -> None:
        async with as_agent(own) as connection:
            for subject in subjects:
                await connection.publish(f"event.{own.key}.x", encode(Event(at=0)), reply=subject)
            await connection.flush()

    asyncio.run(attack())
    site.wait_event("return/malformed", since=seen, key=victim.key)
    site.wait_event("order/refused", since=seen)
    site.wait_event("grains/malformed", since=seen, key=victim.key)
    assert site.targets(jid)["b"].status is Status.RUNNING
    site.cancel(jid)
    assert site.wait_return(jid, "b").status is Status.CANCELLED

    async def stored() -> bytes:
        async with as_controller(site, own) as watch:
            found = [
                data async for _, data in streams.replay(watch, streams.GRAINS, f"$KV.grains.{victim.key}")
            ]
            return found[-1]

    site.wait_for(lambda: asyncio.run(stored())[:1] == b"\x01", "the grains are published anew")


def test_a_large_return_cannot_be_spoilt_by_another_agent(site: Site) -> None:
    """Whoever is a target of the same job knows its id."""
    own, victim = site.agents["a"], site.agents["b"]

    async def attack(jid: JobId) -> None:
        async with as_agent(own) as connection:
            for number in range(4):
                await connection.publish(
                    f"event.{own.key}.x", encode(Event(at=0)), reply=f"blob.{victim.key}.{jid}.{number}"
                )
            await connection.flush()

    jid = site.start_job("a,b", "cmd.run", "sleep 1; head -c 1500000 /dev/zero | tr '\\0' x")
    asyncio.run(attack(jid))
    ended = site.wait_return(jid, "b")
    assert (ended.status, ended.size) == (Status.OK, 1_500_002)


def test_it_cannot_wipe_the_others_grains(site: Site) -> None:
    own = site.agents["a"]

    async def attack() -> list[str]:
        async with as_controller(site, own) as watch, as_agent(own) as connection:
            for value in ("all", "sub"):
                await connection.client.publish(
                    f"$KV.grains.{own.key}", b"{}", headers={"Nats-Rollup": value}
                )
            await connection.flush()
            return [name async for name, _ in streams.replay(watch, streams.GRAINS, "$KV.grains.*")]

    assert len(asyncio.run(attack())) == 3


def test_it_returns_for_jobs_it_was_not_asked_to_run(site: Site) -> None:
    """Its return of a job of others, or of none, changes nothing and is an event."""
    own = site.agents["a"]
    seen = len(site.events)
    theirs = site.run("b", "test.ping").jid
    invented = new_job_id(0)
    lie = encode(Return(verdict=Status.FAILED, data=b'"lie"'))

    async def attack() -> None:
        async with as_agent(own) as connection:
            for jid in (theirs, invented):
                await connection.publish(f"live.{own.key}.{jid}", encode(Ack(at=0, running=True)))
                await connection.store(f"ret.{own.key}.{jid}", lie)

    asyncio.run(attack())
    for jid in (theirs, invented):
        site.wait_event("return/unknown", since=seen, jid=jid, key=own.key)
    assert {name: target.status for name, target in site.targets(theirs).items()} == {"b": Status.OK}


def test_a_second_return_changes_nothing(site: Site) -> None:
    own = site.agents["a"]
    done = site.run("a", "test.echo", "truth")

    async def attack() -> None:
        async with as_agent(own) as connection:
            for _ in range(2):
                await connection.store(
                    f"ret.{own.key}.{done.jid}", encode(Return(verdict=Status.FAILED, data=b'"lie"'))
                )

    asyncio.run(attack())
    site.run("a", "test.ping")
    assert site.watch(done.jid).value("a") == "truth"
    assert site.targets(done.jid)["a"].status is Status.OK


def test_its_credential_is_no_use_on_the_system_account_or_as_an_admin(site: Site) -> None:
    """The system account is another world, whose subjects do not exist for an agent."""
    own = site.agents["a"]

    async def attack() -> None:
        async with as_controller(site, own) as watch, as_agent(own) as connection:
            heard = await listen(watch, "$SYS.>")
            for subject in (
                "$SYS.REQ.SERVER.PING.CONNZ",
                "$SYS.REQ.CLAIMS.UPDATE",
                "$SYS.REQ.ACCOUNT.PING.CONNZ",
            ):
                await connection.publish(subject, b"{}", reply=f"_in.{own.key}.x")
            answers = await listen(connection, f"_in.{own.key}.>")
            answer = await connection.request(f"rpc.{own.key}.renew", encode(Renew()))
            assert answer
            assert [m for m in answers.messages if m.subject.endswith(".x")] == []
            assert heard.messages == []

    asyncio.run(attack())


def test_a_clone_is_turned_away_and_runs_nothing(site: Site) -> None:
    """The same key twice: the second process gets no welcome while the first lives, and it is an event."""
    own, other = site.agents["b"], "2" * 16
    seen = len(site.events)

    async def clone() -> bytes:
        async with as_agent(own, name=f"agent/{other}") as connection:
            hello = encode(Hello(instance=other, version="0", name="b", host="clone"))
            return await connection.request(f"rpc.{own.key}.hello", hello, 10)

    denied = decode(asyncio.run(clone()), Denied)
    assert denied.code == "clone"
    assert "127.0.0.1" in denied.message
    site.wait_event("agent/clone", since=seen, name="b", machine="clone")
    assert site.run("b", "test.ping").statuses() == {"b": Status.OK}
