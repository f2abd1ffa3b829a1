"""Two controllers on one fabric and one database: more of the same, and one is enough."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from saltern.api.replies import JobTargets
from saltern.cli.client import Client
from saltern.foundation.errors import Unavailable
from saltern.model.agent import Agent
from saltern.model.ids import JobId
from saltern.model.job import Job
from saltern.model.status import Status
from saltern.model.system import ControllerStatus
from saltern.model.update import Begun, Counted, Ended, Output, Settled
from saltern.testing.postgresql import PostgreSQL, postgresql
from saltern.testing.site import Program, Site, outcome

__all__ = ["postgresql"]  # a fixture

pytestmark = pytest.mark.integration


_update = msgspec.json.Decoder(Begun | Counted | Output | Settled | Ended)


class Pair:
    """A site, and a second controller that uses its broker and database."""

    def __init__(self, site: Site, second: Program) -> None:
        self.site = site
        self.second = second
        self.api = Client(second.layout.socket)

    def up(self) -> bool:
        """Tell whether the second controller is of use."""
        assert self.second.process is not None
        assert self.second.process.poll() is None, self.second.log()
        with contextlib.suppress(Unavailable):
            return not self.api.get("/v1/status", ControllerStatus).problems
        return False

    def online(self) -> set[str]:
        """Return whom the second controller sees."""
        return {agent.name for agent in self.api.get("/v1/agents", list[Agent]) if agent.online}

    def start_job(self, target: str, fun: str, *args: str) -> JobId:
        """Start a job at the second controller."""
        return self.api.ask("POST", "/v1/jobs", Job, body={"target": target, "fun": fun, "args": args}).jid


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Iterator[Pair]:
    directory = tmp_path_factory.mktemp("pair")
    database = postgresql.address()
    with Site(directory, database=database) as site:
        site.add("a", "b")
        second = Program(directory / "second", site.mark, ("controller",), inside=False)
        url = f"tls://127.0.0.1:{site.port}"
        second.settings(
            "controller.yaml",
            {"database": database, "fabric": {"urls": [url]}, "log_level": "debug"},
        )
        for part in ("keys", "tls"):
            shutil.copytree(site.controller.layout.controller / part, second.layout.controller / part)
        pair = Pair(site, second)
        second.start()
        try:
            site.wait_for(pair.up, "the second controller is up")
            site.wait_for(lambda: pair.online() == {"a", "b"}, "the second controller sees the agents")
            yield pair
        finally:
            second.kill()


def test_either_runs_jobs_and_both_know_how_they_ended(pair: Pair) -> None:
    first = pair.site.start_job("*", "test.ping")
    second = pair.start_job("*", "test.ping")
    for jid in (first, second):
        for api in (pair.site.api, pair.api):
            pair.site.wait_for(
                lambda api=api, jid=jid: _statuses(api, jid) == {"a": Status.OK, "b": Status.OK},  # type: ignore[misc]
                "both controllers know the job's end",
            )


def test_a_job_of_one_is_watched_at_the_other(pair: Pair, tmp_path: Path) -> None:
    gate = f"while ! test -e {tmp_path}/go; do sleep 0.05; done; echo done"
    jid = pair.site.start_job("a", "cmd.run", gate)
    pair.site.wait_target(jid, "a", Status.RUNNING)
    lines = pair.api.lines("GET", f"/v1/jobs/{jid}/events", query={"output": True})
    (tmp_path / "go").touch()
    done = outcome(map(_update.decode, lines))
    assert done.value("a") == "done"


def test_who_joins_at_one_is_known_at_the_other_and_put_out_by_it(pair: Pair) -> None:
    pair.site.add("late")
    pair.site.wait_for(lambda: "late" in pair.online(), "the other sees the newcomer")
    pair.api.ask("POST", "/v1/keys/revoke", list[Agent], body={"match": "late"})
    pair.site.wait_for(lambda: "late" not in pair.site.online(), "the first sees it gone")


def test_both_serve_one_tree_and_each_what_was_sent_to_the_other(pair: Pair, tmp_path: Path) -> None:
    """Controllers with the same files give a tree the same name; the broker has what either took in."""
    site, large = pair.site, os.urandom(3_000_000)
    for controller in (site.controller, pair.second):
        root = controller.layout.root / "srv/saltern"
        root.mkdir(parents=True)
        (root / "large").write_bytes(large)
    digest = hashlib.sha256(large).hexdigest()
    names = set()
    for jid in [start("*", "cp.hash_file", "salt://large") for start in (site.start_job, pair.start_job) * 3]:
        ended = site.watch(jid)
        assert {ended.value(name)["hsum"] for name in ("a", "b")} == {digest}
        names |= {ended.settled[name].snapshot["base"] for name in ("a", "b")}
    assert len(names) == 1

    source, dest = tmp_path / "sent", tmp_path / "there/sent"
    source.write_bytes(large[::-1])
    done = site.saltern("cp", str(source), "a", str(dest), "--async", root=pair.second.layout.root)
    jid = JobId(done.stdout.strip())
    assert site.wait_return(jid, "a").status is Status.FAILED  # there is no such directory
    pair.second.kill()
    dest.parent.mkdir()
    assert site.rerun(jid).statuses() == {"a": Status.OK}
    assert dest.read_bytes() == large[::-1]
    assert site.run("b", "cp.get_file", "salt://large", str(dest)).value("b") == str(dest)
    pair.second.start()
    site.wait_for(pair.up, "the second controller is back")


def test_one_is_enough(pair: Pair, tmp_path: Path) -> None:
    gate = f"while ! test -e {tmp_path}/go; do sleep 0.05; done; echo done"
    jid = pair.start_job("b", "cmd.run", gate)
    pair.site.wait_target(jid, "b", Status.RUNNING)
    pair.second.kill()
    (tmp_path / "go").touch()
    assert pair.site.wait_return(jid, "b").status is Status.OK
    pair.second.start()
    pair.site.wait_for(pair.up, "the second controller is back")


def test_a_roll_out_in_steps_goes_on_when_its_controller_dies(pair: Pair, tmp_path: Path) -> None:
    """The other one takes it over when the lease has run out; every agent has its turn once."""
    (tmp_path / "wait").touch()
    work = f"echo begin >> {tmp_path}/log; while test -e {tmp_path}/wait; do sleep 0.05; done"
    rollout = {"batch": "1", "checks": [{"fun": "cmd.run", "args": [f"echo check >> {tmp_path}/log"]}]}
    body = {"target": "a,b", "fun": "cmd.run", "args": [work], "rollout": rollout}
    jid = pair.api.ask("POST", "/v1/jobs", Job, body=body).jid
    pair.site.wait_for(lambda: (tmp_path / "log").exists(), "the first agent is at work")
    pair.second.kill()
    (tmp_path / "wait").unlink()
    assert pair.site.watch(jid).statuses() == {"a": Status.OK, "b": Status.OK}
    assert (tmp_path / "log").read_text().split() == ["begin", "check"] * 2
    pair.second.start()
    pair.site.wait_for(pair.up, "the second controller is back")


def _statuses(api: Client, jid: JobId) -> dict[str, Status]:
    return {target.name: target.status for target in api.get(f"/v1/jobs/{jid}/targets", JobTargets).targets}
