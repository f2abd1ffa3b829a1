"""Agents that run functions on others: nobody may unless the settings say so, and then only that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from saltern.messages.v1 import Answered, Denied, Publish, Published, Question, Signed, decode, encode
from saltern.model.job import Job
from saltern.model.status import Status
from saltern.testing.intruder import as_agent
from saltern.testing.site import Site

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    peer = {"boss": [r"test\..*", "grains.get", "event.send"], "few.*": ["test.ping"]}
    with Site(tmp_path_factory.mktemp("site"), peer=peer, publish={"rate": 12, "bytes": 2000}) as made:
        made.add("boss", "nobody", "bossy", "fewer")
        yield made


def published(site: Site, who: str, *args: Any, **kwargs: Any) -> Any:
    return site.run(who, "publish.publish", *args, **kwargs)


def raw(site: Site, who: str, **fields: Any) -> Published | Denied:
    """Ask as whoever has taken an agent over."""
    agent = site.agents[who]

    async def ask() -> Published | Denied:
        async with as_agent(agent) as connection:
            body = encode(Publish(**fields))
            data = await connection.request(
                f"rpc.{agent.key}.publish", encode(Question(nonce=b"0" * 16, body=body)), 30
            )
        answer = decode(data, Signed, Denied)
        if isinstance(answer, Denied):
            return answer
        return decode(decode(answer.body, Answered).body, Published)

    return asyncio.run(ask())


def test_who_is_allowed_to_gets_what_the_others_return(site: Site) -> None:
    done = published(site, "boss", "*", "grains.get", "id")
    assert done.value("boss") == {name: name for name in ("boss", "nobody", "bossy", "fewer")}
    full = site.run("boss", "publish.full_data", "few*", "test.arg", [1, "a=2"])
    assert full.value("boss") == {"fewer": {"ret": {"args": [1], "kwargs": {"a": 2}}}}
    assert published(site, "boss", "none*", "test.ping").value("boss") == {}


def test_it_is_a_job_in_its_name(site: Site) -> None:
    jobs = site.api.get("/v1/jobs", dict[str, Any], user="agent/boss")["jobs"]
    assert {job["fun"] for job in jobs} <= {"grains.get", "test.arg"}
    assert jobs
    entries = site.saltern("--json", "audit", "verify")
    assert entries.returncode == 0
    found = site.api.get("/v1/audit", list[dict[str, Any]], limit=1000)
    assert any(one["principal"].startswith(f"agent/boss (fabric:{site.agents['boss'].key}") for one in found)


@pytest.mark.parametrize(
    ("who", "fun", "args"),
    [
        ("nobody", "test.ping", ()),  # is not named at all
        ("bossy", "test.ping", ()),  # a pattern matches whole names
        ("fewer", "test.arg", ()),  # another function
        ("fewer", "test.pingx", ()),
        ("boss", "grains.getx", ()),
        ("boss", "cmd.run", ("id",)),
        ("boss", "module.run", ("test.ping",)),  # nothing is looked for within the arguments
        ("boss", "publish.publish", ("*", "test.ping")),
        ("boss", "test.ping\n", ()),
        ("boss", "", ()),
    ],
)
def test_nobody_else_gets_anything_run(site: Site, who: str, fun: str, args: tuple[Any, ...]) -> None:
    before = len(site.api.get("/v1/jobs", dict[str, Any], limit=1000)["jobs"])
    answer = raw(site, who, target="*", fun=fun, args=args)
    assert isinstance(answer, Denied), answer
    assert answer.code == "not_allowed"
    assert len(site.api.get("/v1/jobs", dict[str, Any], limit=1000)["jobs"]) == before


def test_a_refusal_says_what_to_do(site: Site) -> None:
    done = published(site, "nobody", "*", "test.ping")
    assert done.statuses() == {"nobody": Status.FAILED}
    error = done.settled["nobody"].error
    assert error is not None
    assert error["kind"] == "not_allowed"
    assert "peer" in error["hint"]


def test_a_target_that_means_nothing_is_an_error(site: Site) -> None:
    answer = raw(site, "boss", target="x and", fun="test.ping", kind="compound")
    assert isinstance(answer, Denied)
    done = published(site, "boss", "x and", "test.ping", tgt_type="compound")
    assert done.settled["boss"].error["kind"] == "usage"


def test_it_is_bounded(site: Site) -> None:
    answer = raw(site, "boss", target="few*", fun="test.echo", args=("x" * 3000,))
    assert isinstance(answer, Denied)
    assert answer.code == "conflict"
    slow = raw(site, "boss", target="few*", fun="test.sleep", args=(600,), timeout=0.2)
    assert isinstance(slow, Published)
    assert msgspec.json.decode(slow.data) == {}
    site.cancel(site.api.get(f"/v1/jobs/{slow.jid}", Job).jid)
    answers = [raw(site, "boss", target="few*", fun="test.ping") for _ in range(12)]
    assert isinstance(answers[-1], Denied)
    assert "a minute" in answers[-1].message
    assert published(site, "fewer", "few*", "test.ping").value("fewer") == {"fewer": True}


def test_events_of_functions(site: Site) -> None:
    seen = len(site.events)
    assert site.run("nobody", "event.send", "myco/deployed", {"version": 7}).value("nobody") is True
    happening = site.wait_event("myco/deployed", since=seen, version=7)
    assert happening.key == site.agents["nobody"].key
    for tag in ("", "a b", "a.*", "a/>", "a//b", "x" * 300, "a\n"):
        done = site.run("nobody", "event.send", tag)
        assert done.statuses() == {"nobody": Status.FAILED}, tag
    assert site.run("nobody", "test.ping").value("nobody") is True
