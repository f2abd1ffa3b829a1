"""The mine on a real fabric: who may read what, who may write, and what becomes of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from saltern.messages.v1 import Denied, Frame, MineEntry, MinePut, Question, decode, encode
from saltern.model.status import Status
from saltern.testing.intruder import as_agent
from saltern.testing.site import Site, SiteAgent

pytestmark = pytest.mark.integration

MINE: dict[str, Any] = {
    "mine_enabled": True,
    "mine_interval": 0.005,
    "mine_splay": 0,
    "mine_functions": {
        "test.ping": [],
        "who": [{"mine_function": "grains.get"}, "id"],
        "for_web": [{"mine_function": "test.echo"}, "secret", {"allow_tgt": "web*"}],
        "for_role": [
            {"mine_function": "test.echo"},
            "of a role",
            {"allow_tgt": "role:db", "allow_tgt_type": "grain"},
        ],
    },
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), mine={"entries": 10, "bytes": 100_000}) as made:
        token = made.token(uses=1, grains={"role": "db"}).text
        for name, words in (("web1", ()), ("web2", ()), ("db1", ()), ("liar", ())):
            agent = made.new_agent(name)
            mining = {"jobs": {"concurrent": 4}, **(MINE if name == "web1" else {"mine_enabled": False})}
            if name == "liar":
                mining["grains"] = {"role": "db"}
            agent.settings("agent.yaml", mining)
            joined = made.join(agent, token if name == "db1" else made.token().text, *words)
            assert joined.returncode == 0, joined.stderr
            agent.start()
        made.wait_online("web1", "web2", "db1", "liar")
        made.wait_for(lambda: got(made, "web2", "*", "who"), "web1 has mined")
        yield made


def got(site: Site, asker: str, *args: Any, **kwargs: Any) -> Any:
    """Return what an agent finds in the mine."""
    return site.run(asker, "mine.get", *args, **kwargs).value(asker)


def test_what_one_puts_there_the_others_read(site: Site) -> None:
    assert got(site, "db1", "*", "test.ping") == {"web1": True}
    assert got(site, "db1", "web*", ["who", "test.ping", "none"]) == {
        "who": {"web1": "web1"},
        "test.ping": {"web1": True},
    }
    assert got(site, "db1", "db*", "who") == {}


def test_only_those_meant_may_read(site: Site) -> None:
    assert got(site, "web2", "*", "for_web") == {"web1": "secret"}
    assert got(site, "db1", "*", "for_web") == {}


def test_a_grain_opens_only_what_the_controllers_know(site: Site) -> None:
    """db1 has its role from its token; the liar only says so."""
    assert site.run("liar", "grains.get", "role").value("liar") == "db"
    assert got(site, "db1", "*", "for_role") == {"web1": "of a role"}
    assert got(site, "liar", "*", "for_role") == {}


def test_in_a_template(site: Site) -> None:
    text = "them: {{ salt['mine.get']('*', 'who') | json }}"
    done = site.run("db1", "slsutil.renderer", string=text)
    assert done.value("db1") == {"them": {"web1": "web1"}}


def test_send_delete_and_flush(site: Site) -> None:
    assert site.run("db1", "mine.send", "mine1", mine_function="test.echo", text="hello").value("db1") is True
    assert got(site, "web2", "*", "mine1") == {"db1": "hello"}
    site.run("db1", "mine.delete", "mine1")
    assert got(site, "web2", "*", "mine1") == {}
    site.run("db1", "mine.send", "test.ping")
    site.run("db1", "mine.flush")
    assert got(site, "web2", "db*", "test.ping") == {}


def test_bounded(site: Site) -> None:
    done = site.run("db1", "mine.send", "big", mine_function="test.echo", text="x" * 150_000)
    assert done.statuses() == {"db1": Status.FAILED}
    assert "100000" in done.settled["db1"].error["message"]  # type: ignore[index]
    functions = {f"f{number}": [{"mine_function": "test.ping"}] for number in range(11)}
    assert site.run("db1", "mine.update", mine_functions=functions).statuses() == {"db1": Status.FAILED}
    assert got(site, "web2", "db*", "f1") == {}


def test_a_failing_function_keeps_no_other_from_being_mined(site: Site) -> None:
    functions = {"no.such": [], "test.false": [], "test.exception": [{"message": "x"}], "test.ping": []}
    done = site.run("db1", "mine.update", mine_functions=functions)
    assert done.statuses() == {"db1": Status.FAILED}
    assert "no.such" in done.settled["db1"].error["message"]  # type: ignore[index]
    assert got(site, "web2", "db*", "test.ping") == {"db1": True}


def ask(agent: SiteAgent, service: str, body: Frame, *, key: str = "") -> Any:
    """Put a question as whoever has taken an agent over; return the denial, if it is one."""

    async def attack() -> bytes:
        async with as_agent(agent) as connection:
            question = encode(Question(nonce=b"0" * 16, body=encode(body)))
            return await connection.request(f"rpc.{key or agent.key}.{service}", question, 2)

    return asyncio.run(attack())


def test_nobody_puts_anything_there_as_another(site: Site) -> None:
    """The broker lets nobody speak on another's subject: no controller hears of it."""
    forged = MinePut(entries={"who": MineEntry(digest=b"", data=b'"forged"')})
    with pytest.raises(Exception, match=r".+"):
        ask(site.agents["liar"], "mine_put", forged, key=site.agents["web1"].key)
    assert got(site, "db1", "*", "who") == {"web1": "web1"}


@pytest.mark.parametrize(
    "entry",
    [
        MineEntry(digest=b"", data=b"no json"),
        MineEntry(digest=b"", data=b"[" * 5000),
        MineEntry(digest=b"", data=b"1", allow="x and", allow_kind="compound"),
        MineEntry(digest=b"", data=b"1", allow="x", allow_kind="nonsense"),
        MineEntry(digest=b"", data=b'"' + b"x" * 600_000 + b'"'),
    ],
)
def test_nonsense_is_refused(site: Site, entry: MineEntry) -> None:
    answer = ask(site.agents["liar"], "mine_put", MinePut(entries={"x": entry}))
    assert decode(answer, Denied).code in ("usage", "conflict", "target")
    assert got(site, "db1", "*", "x") == {}


def test_operators_read_list_and_delete(site: Site) -> None:
    site.run("web2", "mine.send", "test.ping")
    listed = site.saltern("--json", "mine", "list", "web*")
    assert listed.returncode == 0, listed.stderr
    names = {(one["name"], one["function"]) for one in map(msgspec.json.decode, listed.stdout.splitlines())}
    assert {("web1", "who"), ("web1", "for_web"), ("web2", "test.ping")} <= names
    read = site.saltern("--json", "mine", "get", "*", "for_web")
    assert msgspec.json.decode(read.stdout) == {"for_web": {"web1": "secret"}}
    assert site.saltern("mine", "delete", "web2", "test.ping").returncode == 0
    assert got(site, "db1", "web2", "test.ping") == {}


def test_a_name_made_anew_sees_and_shows_nothing_of_the_old(site: Site, tmp_path: Path) -> None:
    site.add("brief")
    site.run("brief", "mine.send", "test.echo", "old")
    assert got(site, "db1", "brief", "test.echo") == {"brief": "old"}
    site.run("web2", "mine.send", "told", mine_function="test.echo", text="x", allow_tgt="brief")
    assert got(site, "brief", "*", "told") == {"web2": "x"}
    site.agents["brief"].stop()
    site.change_keys("revoke", "brief")
    assert got(site, "db1", "brief", "test.echo") == {}
    site.change_keys("delete", "brief")
    again = site.new_agent("brief")
    (again.layout.root / "var/lib/saltern").rename(tmp_path / "old")
    assert site.join(again, site.token().text).returncode == 0
    again.start()
    site.wait_online("brief")
    assert got(site, "db1", "brief", "test.echo") == {}


def test_a_round_that_is_cut_off_is_nobodys_loss(site: Site, tmp_path: Path) -> None:
    """The loop is killed in the middle of a round: its return is still for nobody, and rounds go on."""
    slow = site.new_agent("slow")
    begun, go = tmp_path / "begun", tmp_path / "go"
    wait = f"touch {begun}; until [ -e {go} ]; do sleep 0.05; done; date +%s%N"
    functions = {"slow": [{"mine_function": "cmd.run"}, wait]}
    slow.settings("agent.yaml", {**MINE, "mine_functions": functions})
    assert site.join(slow, site.token().text).returncode == 0
    slow.start()
    site.wait_for(begun.exists, "the round has begun")
    killed = slow.loop
    os.kill(killed, signal.SIGKILL)
    site.wait_for(lambda: slow.loop != killed, "there is another loop")
    go.touch()
    first = site.wait_for(lambda: got(site, "db1", "slow", "slow"), "a round has ended")
    site.wait_for(lambda: got(site, "db1", "slow", "slow") != first, "rounds go on")


def test_rounds_are_nobodys_jobs(site: Site) -> None:
    """The agents' own rounds are in no list of jobs, and no return of theirs is published."""
    jobs = site.api.get("/v1/jobs", dict[str, Any], limit=1000)["jobs"]
    assert {job["user"] for job in jobs} == {"root"}
    assert not [event for event in site.events if event.tag in ("return/unknown", "order/refused")]
