"""Who comes in, who does not, and who is put out: tokens, pending keys, revocation, names."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.foundation.errors import NotAllowed
from saltern.identity import certificates, permissions, tokens
from saltern.identity.keys import KeyPair
from saltern.model.agent import KeyState
from saltern.model.status import Status
from saltern.model.token import Token
from saltern.testing.conditions import eventually
from saltern.testing.intruder import as_agent, listen
from saltern.testing.site import Program, Site, SiteAgent, free_port
from saltern.transport.broker import find_server
from saltern.transport.connection import Credential, Endpoint, connect

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that stays: each test has agents of its own."""
    with Site(tmp_path_factory.mktemp("site")) as made:
        yield made


def refused(site: Site, agent: SiteAgent, text: str) -> str:
    """Have an agent try to join; return what it was told when it could not."""
    done = site.join(agent, text)
    assert done.returncode != 0, done.stdout
    assert not agent.identity.joined
    return done.stderr


def test_a_token_of_one_use_lets_in_one(site: Site) -> None:
    token = site.token(uses=1)
    assert site.join(site.new_agent("once1"), token.text).returncode == 0
    assert "spent" in refused(site, site.new_agent("once2"), token.text)
    assert "once2" not in site.known()
    assert site.known()["once1"].token == token.id


def test_a_token_that_is_over(site: Site) -> None:
    brief, ended = site.token(ttl=1), site.token()
    site.api.ask("DELETE", f"/v1/tokens/{ended.id}", Token)
    assert "revoked" in refused(site, site.new_agent("over1"), ended.text)
    site.wait_for(lambda: time.time() > brief.expires + 1, "the token expires")
    said = refused(site, site.new_agent("over2"), brief.text)
    assert "expired" in said or "refuses this credential" in said
    assert not {"over1", "over2"} & set(site.known())


def test_a_token_for_other_names(site: Site) -> None:
    token = site.token(id_pattern="web*", uses=2, grains={"role": "web"})
    assert "web*" in refused(site, site.new_agent("db1"), token.text)
    web = site.new_agent("web1")
    assert site.join(web, token.text).returncode == 0
    web.start()
    site.wait_online("web1")
    assert site.run("web1", "grains.get", "role").value("web1") == "web"


@pytest.mark.parametrize("harm", ["cut", "changed", "nonsense", "empty"])
def test_a_token_that_is_damaged(site: Site, harm: str) -> None:
    text = site.token().text
    broken = {
        "cut": text[:-20],
        "changed": text[:60] + "AAAA" + text[64:],
        "nonsense": "saltern1.!!",
        "empty": " ",
    }
    said = refused(site, site.new_agent(f"harm-{harm}"), broken[harm])
    assert "Traceback" not in said
    assert "token" in said


def test_a_token_opens_nothing_but_the_door(site: Site) -> None:
    """Its credential can ask to enrol: it hears nothing and can say nothing else."""
    site.add("door")
    token = tokens.read(site.token().text)
    login = Credential(token.jwt, KeyPair(token.seed))

    async def attack() -> None:
        inbox = permissions.token_inbox(token.id)
        connection = await connect(
            Endpoint(token.urls, token.ca, token.host), login, name="agent/x", inbox=inbox
        )
        heard = await listen(connection, ">", "job.>", "ret.>", "event.>", "enrol.>")
        await connection.publish(f"event.{site.agents['door'].key}.x", b"x")
        await asyncio.to_thread(site.run, "door", "test.ping")
        await connection.flush()
        assert heard.messages == []
        await connection.close()

    seen = len(site.events)
    asyncio.run(attack())
    assert [event for event in site.events[seen:] if event.tag == "malformed"] == []


def test_two_agents_with_one_name(site: Site) -> None:
    site.add("twin")
    second = SiteAgent(site.directory / "twin2", "twin", "")
    seen = len(site.events)
    assert "belongs to another agent" in refused(site, second, site.token().text)
    site.wait_event("enrol/refused/duplicate_name", since=seen, name="twin")
    assert site.run("twin", "test.ping").statuses() == {"twin": Status.OK}


def test_a_machine_without_token_waits_to_be_accepted(site: Site) -> None:
    agent = site.new_agent("patient")
    pin = site.saltern("fabric", "fingerprint").stdout.split()[-1]
    joining = Program(
        agent.layout.root, site.mark, ("agent", "join", "--controller", site.address), inside=False
    )
    joining.words += ("--trust", pin, "--name", "patient")
    joining.start()
    pending = site.wait_for(lambda: site.known().get("patient"), "the key is pending")
    assert pending.state is KeyState.PENDING
    assert pending.fingerprint in site.wait_for(lambda: re.findall(r"SHA256:\S+", joining.log()), "its print")
    assert site.saltern("key", "accept", "--yes", "patient").returncode == 0
    assert joining.process is not None
    assert joining.process.wait(60) == 0
    agent.start()
    site.wait_online("patient")
    assert site.run("patient", "test.ping").statuses() == {"patient": Status.OK}


def test_a_controller_with_another_fingerprint_is_not_trusted(site: Site) -> None:
    agent = site.new_agent("careful")
    words = (
        "agent",
        "join",
        "--controller",
        site.address,
        "--trust",
        ":".join(["0000"] * 16),
        "--name",
        "careful",
    )
    done = site.saltern(*words, root=agent.layout.root)
    assert done.returncode != 0
    assert "not trusted" in done.stderr
    assert "careful" not in site.known()


def test_a_rejected_key_stays_out(site: Site) -> None:
    agent = site.new_agent("unwanted")
    pin = site.saltern("fabric", "fingerprint").stdout.split()[-1]
    joining = Program(
        agent.layout.root, site.mark, ("agent", "join", "--controller", site.address), inside=False
    )
    joining.words += ("--trust", pin, "--name", "unwanted")
    joining.start()
    site.wait_for(lambda: "unwanted" in site.known(), "the key is pending")
    site.change_keys("reject", "unwanted")
    assert joining.process is not None
    assert joining.process.wait(60) != 0
    assert "rejected" in refused(site, agent, site.token().text)


def test_a_revoked_agent_is_dropped_at_once_and_cannot_return(site: Site) -> None:
    (agent,) = site.add("outcast")

    async def attack() -> None:
        async with as_agent(agent) as connection:
            began = time.monotonic()
            await asyncio.to_thread(site.change_keys, "revoke", "outcast")
            await asyncio.wait_for(connection.closed.wait(), 10)
            assert time.monotonic() - began < 1
        with pytest.raises(NotAllowed):
            async with as_agent(agent):
                pass

    asyncio.run(attack())
    site.wait_for(lambda: "outcast" not in site.online(), "it is offline")
    assert site.known()["outcast"].state is KeyState.REVOKED
    site.wait_for(lambda: "refuses this credential" in agent.log(), "its agent is told")
    agent.stop()
    (agent.identity.credential_file).unlink()
    assert "revoked" in refused(site, agent, site.token().text), "the key stays out, whatever token it has"


def test_a_revoked_agent_stays_out_when_the_broker_is_killed(site: Site) -> None:
    (agent,) = site.add("outcast2")
    site.change_keys("revoke", "outcast2")
    broker = site.broker
    os.kill(broker, signal.SIGKILL)
    site.wait_for(lambda: site.broker != broker and not site.status().problems, "the broker is back")

    async def attack() -> None:
        with pytest.raises(NotAllowed):
            async with as_agent(agent):
                pass

    asyncio.run(attack())
    agent.stop()


def test_a_deleted_name_made_anew_is_another_agent(site: Site, tmp_path: Path) -> None:
    (old,) = site.add("phoenix")
    job = site.run("phoenix", "cmd.run", "echo secret").jid
    queued_for = old.key
    old.stop()
    site.wait_for(lambda: "phoenix" not in site.online(), "it is offline")
    waiting = site.start_job("phoenix", "cmd.run", f"touch {tmp_path}/ran", queue=3600)
    stolen = tmp_path / "stolen"
    shutil.copytree(old.layout.agent, stolen)
    site.change_keys("delete", "phoenix")
    shutil.rmtree(old.layout.root)
    (new,) = site.add("phoenix")
    assert new.key != queued_for
    assert site.run("phoenix", "test.ping").statuses() == {"phoenix": Status.OK}
    assert site.targets(waiting)["phoenix"].key == queued_for
    assert not (tmp_path / "ran").exists(), "what waited for the old one is not for the new one"
    assert site.watch(job).settled["phoenix"].key == queued_for
    thief = SiteAgent(tmp_path / "thief", "phoenix", "")
    shutil.copytree(stolen, thief.layout.agent)

    async def attack() -> None:
        with pytest.raises(NotAllowed):
            async with as_agent(thief):
                pass

    asyncio.run(attack())


def test_a_broker_with_another_authority_is_not_spoken_to(site: Site, tmp_path: Path) -> None:
    """A man in the middle has a certificate of his own making, for the right name."""
    (agent,) = site.add("wary")
    credential = agent.identity.credential()
    port = free_port()
    certificate, key, _ = certificates.ensure(tmp_path / "evil", time.time())
    tls = f'tls {{ cert_file: "{certificate}", key_file: "{key}", handshake_first: true }}'
    for secured in (tls, ""):
        with serving(tmp_path, port, secured):
            with pytest.raises(Exception, match="cannot reach the broker") as caught:
                asyncio.run(dial(credential.endpoint()._replace(urls=(f"tls://127.0.0.1:{port}",)), agent))
            assert caught.type.__name__ == "Unavailable"


async def dial(endpoint: Endpoint, agent: SiteAgent) -> None:
    """Connect there with the agent's credential."""
    login = agent.identity.login(agent.identity.credential())
    connection = await connect(endpoint, login, name="x", inbox="_in.x", timeout=5)
    await connection.close()


class serving:
    """A NATS server of somebody else, without authentication: whoever connects has lost."""

    def __init__(self, directory: Path, port: int, tls: str) -> None:
        file = directory / "evil.conf"
        file.write_text(f'listen: "127.0.0.1:{port}"\n{tls}\n')
        self._log = directory / "evil.log"
        self._command = [str(find_server()), "-c", str(file), "-l", str(self._log)]

    def __enter__(self) -> None:
        self._log.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._command)
        eventually(lambda: self._log.exists() and "Server is ready" in self._log.read_text())

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
