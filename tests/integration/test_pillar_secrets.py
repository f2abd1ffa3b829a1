"""Secrets of a pillar on their way: to their agent, and to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest

from saltern.api.resolved import Resolved
from saltern.engine.pillar_data import decode as decode_pillar
from saltern.identity.keys import PublicKey
from saltern.messages.v1 import AskPillar, Denied, PillarIs, Question, Signed, decode, encode
from saltern.messages.v1.answers import verify
from saltern.model.status import Status
from saltern.sdk.secret import Secret
from saltern.testing.encrypted import GPG, GpgHome
from saltern.testing.intruder import as_agent, as_controller, authority, listen, until
from saltern.testing.site import Site

pytestmark = [pytest.mark.integration, pytest.mark.skipif(not GPG, reason="gpg is not installed")]

WORD = "correct horse battery"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    roots = tmp_path_factory.mktemp("pillar")
    gpg = GpgHome(tmp_path_factory.mktemp("gpg") / "home")
    (roots / "top.sls").write_text("base:\n  'a':\n    - vault\n  'b':\n    - plain\n")
    (roots / "plain.sls").write_text("plain: b\n")
    (roots / "vault.sls").write_text(
        f"#!yaml|gpg\npublic: known\npassword: |\n{indent(gpg.encrypted(WORD), '  ')}\n"
    )
    pillar = {"backends": [{"roots": {"base": [str(roots)]}}], "gpg_home": str(gpg.directory), "processes": 1}
    with Site(tmp_path_factory.mktemp("site"), pillar=pillar) as made:
        made.add("a", "b")
        yield made
    gpg.close()


def test_a_file_has_the_secret_and_the_job_store_has_it_not(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "secret.conf"
    target.write_text("old\n")
    done = site.run("a", "state.single", "file.managed", name=str(target), contents_pillar="password")
    assert done.statuses() == {"a": Status.OK}, done
    assert target.read_text() == WORD + "\n"
    assert "****" in str(done.value("a"))
    assert WORD not in str(done)
    assert site.run("a", "pillar.items").value("a") == {"public": "known", "password": "****"}
    stored = (site.controller.layout.controller / "store.db").read_bytes()
    wal = site.controller.layout.controller / "store.db-wal"
    assert WORD.encode() not in stored + (wal.read_bytes() if wal.exists() else b"")


def test_they_are_masked_unless_asked_for(site: Site) -> None:
    assert site.run("a", "pillar.get", "password").value("a") == "****"
    assert site.run("a", "pillar.get", "password", unmask=True).value("a") == WORD
    assert WORD not in site.saltern("pillar", "show", "a").stdout
    assert WORD in site.saltern("pillar", "show", "a", "--unmask").stdout
    assert "pillar.read" in site.saltern("audit", "list").stdout


def test_a_mask_is_never_what_a_state_writes(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "from_template"
    text = "{{ pillar.password }}"
    site.run("a", "state.single", "file.managed", name=str(target), contents=text, template="jinja")
    assert "****" not in target.read_text()


def test_no_target_finds_one(site: Site) -> None:
    site.run("*", "pillar.ls")
    site.wait_for(lambda: _means(site, "public:known") == {"a"}, "it is in the index")
    assert _means(site, "password:*") == _means(site, "password:correct*") == set()


def _means(site: Site, expression: str) -> set[str]:
    found = site.api.get("/v1/target", Resolved, expression=expression, kind="pillar")
    return set(found.members.values())


def test_an_agent_gets_its_own_whatever_it_asks(site: Site) -> None:
    b = site.agents["b"]

    async def ask() -> dict[str, object]:
        async with as_agent(b) as connection:
            nonce = b"n" * 16
            question = encode(Question(nonce=nonce, body=encode(AskPillar())))
            data = await connection.request(f"rpc.{b.key}.pillar", question, 30.0)
            assert not isinstance(decode(data, Signed, Denied), Denied)
            body = await asyncio.to_thread(
                verify, data, PublicKey(authority(site).orders.public), b.key, nonce
            )
            return decode_pillar(decode(body, PillarIs).data)

    assert asyncio.run(ask()) == {"plain": "b"}


def test_an_intruder_asks_for_anothers(site: Site) -> None:
    """Attack: b publishes on a's subject; the broker has it reach nobody."""
    a, b = site.agents["a"], site.agents["b"]

    async def attack() -> None:
        async with as_controller(site, b) as watch, as_agent(b) as connection:
            heard = await listen(watch, f"rpc.{a.key}.*", f"rpc.{b.key}.*")
            question = encode(Question(nonce=b"n" * 16, body=encode(AskPillar())))
            await connection.publish(f"rpc.{a.key}.pillar", question, f"_in.{b.key}.x")
            await connection.publish(f"rpc.{b.key}.pillar", question, f"_in.{b.key}.y")
            await until(lambda: heard.on(f"rpc.{b.key}.pillar"), "its own question is heard")
            assert heard.on(f"rpc.{a.key}.pillar") == []

    asyncio.run(attack())


def test_an_answer_can_not_be_sent_elsewhere(site: Site) -> None:
    """Attack: b has the controller answer into a's inbox."""
    a, b = site.agents["a"], site.agents["b"]

    async def attack() -> None:
        async with as_controller(site, b) as watch, as_agent(b) as connection:
            heard = await listen(watch, f"_in.{a.key}.>")
            question = encode(Question(nonce=b"n" * 16, body=encode(AskPillar())))
            await connection.publish(f"rpc.{b.key}.pillar", question, f"_in.{a.key}.x")
            await until(
                lambda: any(event.tag == "request/misdirected" for event in site.events), "it is noticed"
            )
            assert heard.messages == []

    asyncio.run(attack())


def test_a_name_that_is_given_again_gets_what_is_its_own(site: Site) -> None:
    """Attack 7: what was rendered for the old key is not given to the new one; the old one gets nothing."""
    old = site.add("c")[0]
    assert site.run("c", "pillar.items").value("c") == {}
    old_key = old.key
    site.change_keys("delete", "c")
    assert old_key not in {agent.key for agent in site.known().values()}

    async def ask() -> object:
        async with as_controller(site, site.agents["b"]) as connection:
            heard = await listen(connection, f"_in.{old_key}.>")
            question = encode(Question(nonce=b"n" * 16, body=encode(AskPillar())))
            await connection.publish(f"rpc.{old_key}.pillar", question, f"_in.{old_key}.x")
            await until(lambda: heard.messages, "an answer comes")
            return decode(heard.messages[0].data, Signed, Denied)

    answer = asyncio.run(ask())
    assert isinstance(answer, Denied)


def test_secrets_have_a_type_on_their_agent() -> None:
    assert repr(Secret(WORD)) == "'****'"
