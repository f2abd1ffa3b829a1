"""kill -9 at each point of a job's life: nothing finished is lost, nothing runs twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.model.ids import JobId
from saltern.model.status import Status
from saltern.testing.site import Site

pytestmark = pytest.mark.integration

#: Points before which nothing has run: an order that is not on the disk is not acknowledged.
BEFORE = [
    "executor.accepted",
    "executor.committed",
    "executor.started",
    "executor.kept",
]
AFTER = ["executor.handed", "executor.finished"]
KEEPER = ["keeper.ready", "keeper.go", "keeper.handed"]
WORKER = ["worker.called", "worker.done", "worker.written"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One agent to kill, in a site that is patient enough to see it come back."""
    patient = {"disconnected_grace": 60.0, "acknowledge": 3.0}
    with Site(tmp_path_factory.mktemp("site"), jobs=patient) as made:
        made.add("a")
        yield made


@pytest.fixture(autouse=True)
def whole(site: Site) -> Iterator[None]:
    """Leave no fault behind for the next test, and an agent that works."""
    agent = site.agents["a"]
    yield
    for fault in (agent.layout.root / "faults").iterdir():
        fault.unlink(missing_ok=True)
    if agent.process is None or agent.process.poll() is not None:
        agent.start()
    site.wait_online("a")


def append(site: Site, mark: Path) -> JobId:
    """Start a job that leaves a line each time it runs."""
    return site.start_job("a", "cmd.run", f"echo ran >> {mark}; echo result")


def times(mark: Path) -> int:
    """Return how often the job ran."""
    return mark.read_text().count("ran\n") if mark.exists() else 0


def journaled(site: Site, jid: JobId) -> bool:
    """Tell whether the order reached the agent's disk."""
    return jid.encode() in (site.agents["a"].layout.agent / "journal").read_bytes()


def check(site: Site, jid: JobId, mark: Path) -> None:
    """See that the job came to one end that fits what it did."""
    target = site.wait_return(jid, "a")
    assert times(mark) <= 1, "it ran twice"
    if target.status is Status.OK:
        assert times(mark) == 1
        assert site.watch(jid).value("a") == "result"
    else:
        assert target.status in (Status.FAILED, Status.LOST, Status.REFUSED)
        assert target.reason
    after = site.run("a", "test.ping")
    assert after.statuses() == {"a": Status.OK}
    assert site.targets(jid)["a"] == target, "the record is final"


@pytest.mark.parametrize("point", [*BEFORE, *AFTER])
def test_the_loop_is_killed(site: Site, tmp_path: Path, point: str) -> None:
    agent, mark = site.agents["a"], tmp_path / "mark"
    loop = agent.loop
    agent.fault(point)
    jid = append(site, mark)
    site.wait_for(lambda: not agent.fault_pending(point), f"{point} is reached")
    site.wait_for(lambda: agent.loop != loop, "there is another loop")
    site.wait_online("a")
    if point == BEFORE[0] and not journaled(site, jid):
        assert site.wait_target(jid, "a", Status.UNRESPONSIVE, Status.OK)
        assert times(mark) <= 1
    else:
        check(site, jid, mark)


@pytest.mark.parametrize("point", [*BEFORE[1:], *AFTER, "worker.called", "worker.done", "worker.written"])
def test_the_supervisor_is_killed_and_with_it_the_loop(site: Site, tmp_path: Path, point: str) -> None:
    agent, mark = site.agents["a"], tmp_path / "mark"
    agent.fault(point, "kill supervisor")
    jid = append(site, mark)
    assert agent.process is not None
    assert agent.process.wait(60) == -signal.SIGKILL
    agent.start()
    site.wait_online("a")
    check(site, jid, mark)


@pytest.mark.parametrize("point", [*KEEPER, *WORKER])
def test_the_keeper_or_the_worker_is_killed(site: Site, tmp_path: Path, point: str) -> None:
    agent, mark = site.agents["a"], tmp_path / "mark"
    agent.fault(point)
    jid = append(site, mark)
    site.wait_for(lambda: not agent.fault_pending(point), f"{point} is reached")
    check(site, jid, mark)


def running(site: Site, tmp_path: Path) -> tuple[JobId, Path, Path]:
    """Start a job that waits for a file; return it, its mark and the file, once it runs."""
    mark, go = tmp_path / "mark", tmp_path / "go"
    jid = site.start_job(
        "a", "cmd.run", f"echo ran >> {mark}; until [ -e {go} ]; do sleep 0.05; done; echo result"
    )
    site.wait_target(jid, "a", Status.RUNNING)
    site.wait_for(mark.exists, "it runs")
    return jid, mark, go


@pytest.mark.parametrize("victim", ["loop", "supervisor", "broker", "controller"])
@pytest.mark.parametrize("ends", ["meanwhile", "afterwards"])
def test_a_running_job_survives(site: Site, tmp_path: Path, victim: str, ends: str) -> None:
    """The job goes on whoever dies; its return arrives whether it ends while they are away or later."""
    agent = site.agents["a"]
    jid, mark, go = running(site, tmp_path)
    broker = site.broker
    match victim:
        case "loop":
            os.kill(agent.loop, signal.SIGKILL)
        case "supervisor":
            agent.kill()
        case "broker":
            os.kill(broker, signal.SIGKILL)
        case "controller":
            site.controller.kill()
    if ends == "meanwhile":
        go.touch()
    match victim:
        case "supervisor":
            agent.start()
        case "controller":
            site.wait_for(lambda: not site.processes("nats-server"), "the broker went with its controller")
            site.restart_controller()
        case "broker":
            site.wait_for(lambda: site.broker != broker, "there is another broker")
            site.wait_until_up()
    site.wait_online("a")
    go.touch()
    target = site.wait_return(jid, "a")
    assert (target.status, times(mark)) == (Status.OK, 1)
    assert site.watch(jid).value("a") == "result"


@pytest.mark.parametrize("victim", ["broker", "controller"])
def test_returns_spooled_while_nobody_takes_them(site: Site, tmp_path: Path, victim: str) -> None:
    """Thirty jobs end while broker or controller is stopped and then killed."""
    go, agent = tmp_path / "go", site.agents["a"]
    jids = [
        site.start_job(
            "a", "cmd.run", f"echo {number} >> {tmp_path}/ran; until [ -e {go} ]; do sleep 0.1; done"
        )
        for number in range(30)
    ]
    for jid in jids:
        site.wait_target(jid, "a", Status.RECEIVED, Status.RUNNING)
    broker = site.broker
    os.kill(broker if victim == "broker" else site.controller.pid, signal.SIGSTOP)
    go.touch()
    spool = agent.layout.agent / "spool"
    if victim == "broker":
        site.wait_for(lambda: len(list(spool.glob("*.return"))) == 30, "all have ended")
        os.kill(broker, signal.SIGKILL)
        site.wait_for(lambda: site.broker != broker, "there is another broker")
        site.wait_until_up()
    else:
        site.wait_for(lambda: (tmp_path / "ran").read_text().count("\n") == 30, "all have run")
        site.controller.kill()
        site.wait_for(lambda: not site.processes("nats-server"), "the broker went with its controller")
        site.restart_controller()
    site.wait_online("a")
    assert {site.wait_return(jid, "a").status for jid in jids} == {Status.OK}
    assert sorted(map(int, (tmp_path / "ran").read_text().split())) == list(range(30))
    site.wait_for(lambda: not list(spool.glob("*.return")), "the spool is empty")


def test_a_cancel_while_the_agent_is_away_reaches_it_on_its_return(site: Site, tmp_path: Path) -> None:
    jid, mark, _ = running(site, tmp_path)
    agent = site.agents["a"]
    agent.kill()
    site.wait_for(lambda: "a" not in site.online(), "it is away")
    site.cancel(jid)
    agent.start()
    assert site.wait_return(jid, "a").status is Status.CANCELLED
    assert times(mark) == 1


def test_a_job_of_an_agent_that_stays_away_is_lost_and_found(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """``lost`` is the controller's word; the return, hours later, overrules it."""
    with Site(tmp_path_factory.mktemp("hasty"), jobs={"disconnected_grace": 1.0}) as site:
        site.add("a")
        jid, mark, go = running(site, tmp_path)
        site.agents["a"].kill()
        lost = site.wait_target(jid, "a", Status.LOST)
        assert "connection was lost" in lost.reason
        go.touch()
        site.agents["a"].start()
        assert site.wait_return(jid, "a").status is Status.OK
        assert times(mark) == 1
