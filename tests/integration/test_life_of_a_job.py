"""Every status a target can have, on a real fabric."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from saltern.model.status import Status
from saltern.testing.conditions import eventually
from saltern.testing.site import Site

pytestmark = pytest.mark.integration


#: A shell that has a child which ignores SIGTERM; both say who they are.
FAMILY = "echo $$ > {0}/shell; (trap '' TERM; echo $BASHPID > {0}/child; sleep 600) & wait"


def written(path: Path) -> int:
    """Wait for a job to write its process id."""
    return int(eventually(lambda: path.exists() and path.read_text().strip(), what=f"{path.name} is written"))


def test_all_answer(site: Site) -> None:
    done = site.run("*", "test.ping")
    assert done.statuses() == dict.fromkeys(("a", "b", "c"), Status.OK)
    assert [done.value(name) for name in "abc"] == [True] * 3
    assert all(target.proven for target in site.targets(done.jid).values())


def test_each_gets_its_own_return(site: Site) -> None:
    done = site.run("a,c", "grains.get", "id")
    assert {name: done.value(name) for name in done.settled} == {"a": "a", "c": "c"}


def test_who_is_no_target_hears_nothing(site: Site, tmp_path: Path) -> None:
    done = site.run("b", "cmd.run", f"echo ran >> {tmp_path}/$PPID")
    assert list(done.settled) == ["b"]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_command_that_fails(site: Site) -> None:
    done = site.run("a", "cmd.run", "echo out; exit 7")
    assert done.statuses() == {"a": Status.FAILED}
    assert done.settled["a"].retcode == 7


def test_a_function_that_does_not_exist(site: Site) -> None:
    done = site.run("a", "test.pong")
    assert done.settled["a"].status in (Status.FAILED, Status.REFUSED)
    assert "ping" in str(done.settled["a"].error)


def test_output_comes_before_the_end(site: Site, tmp_path: Path) -> None:
    """The command waits for the test, which waits for the command's output."""
    go = tmp_path / "go"
    jid = site.start_job("a", "cmd.run", f"echo early; until [ -e {go} ]; do sleep 0.05; done; echo late")
    lines = site.api.lines("GET", f"/v1/jobs/{jid}/events", query={"output": True})
    for line in lines:
        if b"early" in line:
            break
    go.touch()
    assert b'"end"' in list(lines)[-1]
    assert site.watch(jid).value("a") == "early\nlate"


def test_a_deadline_ends_the_whole_process_group(site: Site, tmp_path: Path) -> None:
    command = FAMILY.format(tmp_path)
    done = site.run("a", "cmd.run", command, shell="/bin/bash", timeout=1)
    assert done.statuses() == {"a": Status.TIMED_OUT}
    assert not any(psutil.pid_exists(written(tmp_path / name)) for name in ("shell", "child"))


def test_a_cancel_ends_the_whole_process_group(site: Site, tmp_path: Path) -> None:
    command = FAMILY.format(tmp_path)
    jid = site.start_job("a", "cmd.run", command, shell="/bin/bash")
    written(tmp_path / "child")
    site.wait_target(jid, "a", Status.RUNNING)
    site.cancel(jid)
    assert site.wait_return(jid, "a").status is Status.CANCELLED
    assert not any(psutil.pid_exists(written(tmp_path / name)) for name in ("shell", "child"))


def test_a_cancel_reaches_what_still_waits_for_a_worker(site: Site) -> None:
    busy = [site.start_job("b", "test.sleep", 600) for _ in range(4)]
    waiting = site.start_job("b", "test.ping")
    site.wait_target(waiting, "b", Status.RECEIVED)
    site.cancel(waiting)
    assert site.wait_return(waiting, "b").status is Status.CANCELLED
    for jid in busy:
        site.cancel(jid)
    assert {site.wait_return(jid, "b").status for jid in busy} == {Status.CANCELLED}


def test_a_worker_that_is_killed_has_failed(site: Site, tmp_path: Path) -> None:
    jid = site.start_job("a", "cmd.run", f"echo $PPID > {tmp_path}/worker; sleep 600")
    os.kill(written(tmp_path / "worker"), signal.SIGKILL)
    ended = site.wait_return(jid, "a")
    assert ended.status is Status.FAILED
    assert "SIGKILL" in ended.reason


def test_a_stopped_agent_is_named_and_delays_nobody(site: Site) -> None:
    stopped = site.agents["c"].loop
    usual = took(site, "a,b")
    os.kill(stopped, signal.SIGSTOP)
    try:
        began = time.monotonic()
        jid = site.start_job("*", "test.ping")
        for name in "ab":
            assert site.wait_return(jid, name).status is Status.OK
        others = time.monotonic() - began
        named = site.wait_target(jid, "c")
        spent = time.monotonic() - began
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert named.status is Status.UNRESPONSIVE
    assert "did not acknowledge" in named.reason
    assert spent < usual + 5
    assert others < usual + 2, "who answers does not wait for who does not"
    late = site.wait_return(jid, "c")
    assert late.status is Status.OK, "a late answer corrects the record"


def took(site: Site, target: str) -> float:
    """Return the seconds a ping takes."""
    began = time.monotonic()
    site.run(target, "test.ping")
    return time.monotonic() - began


def test_offline_is_said_at_once_with_when_it_was_seen(site: Site) -> None:
    agent = site.agents["c"]
    agent.stop()
    site.wait_for(lambda: "c" not in site.online(), "c is offline")
    done = site.run("*", "test.ping")
    assert done.statuses() == {"a": Status.OK, "b": Status.OK, "c": Status.OFFLINE}
    assert "last seen" in done.settled["c"].reason
    late = site.start_job("c", "test.ping", queue=0.2)
    expired = site.wait_target(late, "c", Status.OFFLINE)
    assert "time in the queue ended" in expired.reason
    queued = site.start_job("c", "test.ping", queue=3600)
    assert site.targets(queued)["c"].status is Status.QUEUED
    cancelled = site.start_job("c", "test.ping", queue=3600)
    site.cancel(cancelled)
    agent.start()
    assert site.wait_return(queued, "c").status is Status.OK
    assert site.targets(cancelled)["c"].status is Status.CANCELLED
    assert site.targets(late)["c"].status is Status.OFFLINE


def test_an_order_that_comes_too_late_is_refused(site: Site) -> None:
    """A cancel before the start, an unknown function, a full queue: the agent's own no has a reason."""
    jid = site.start_job("a", "cmd.run", "true", no_such_argument=1)
    ended = site.wait_return(jid, "a")
    assert ended.status in (Status.REFUSED, Status.FAILED)


def test_a_rerun_runs_anew_on_those_that_failed(site: Site, tmp_path: Path) -> None:
    first = site.run("a,b", "cmd.run", f"test -e {tmp_path}/fixed")
    assert set(first.statuses().values()) == {Status.FAILED}
    (tmp_path / "fixed").touch()
    again = site.rerun(first.jid, failed=True)
    assert again.jid != first.jid
    assert again.statuses() == {"a": Status.OK, "b": Status.OK}


def test_a_thousand_jobs_in_flight(site: Site, tmp_path: Path) -> None:
    """Each runs once, each return arrives, and others are answered meanwhile."""
    jids = [site.start_job("a,b", "cmd.run", f"echo {number} >> {tmp_path}/ran") for number in range(20)]
    pings = [site.start_job("a,b,c", "test.ping") for _ in range(313)]
    for jid in [*jids, *pings]:
        site.wait_for(
            lambda jid=jid: all(target.proven for target in site.targets(jid).values()),  # type: ignore[misc]
            f"all targets of {jid}",
            120,
        )
    ran = (tmp_path / "ran").read_text().split()
    assert sorted(map(int, ran)) == sorted([*range(20), *range(20)])
