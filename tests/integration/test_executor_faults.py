"""kill -9 of every process at every point of a job's life: nothing finished is lost, nothing runs twice."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.agent import processes
from saltern.messages.v1 import Order
from saltern.model.ids import JobId
from saltern.model.status import Status
from saltern.testing.agent_home import AgentHome
from saltern.testing.conditions import eventually

pytestmark = pytest.mark.integration

LOOP_POINTS = [
    "executor.accepted",
    "executor.committed",
    "executor.started",
    "executor.requested",
    "executor.kept",
    "executor.handed",
    "executor.finished",
]
KEEPER_POINTS = ["keeper.ready", "keeper.go", "keeper.handed"]
WORKER_POINTS = ["worker.called", "worker.done", "worker.written"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[AgentHome]:
    home = AgentHome(tmp_path / "agent", grace=0.3)
    yield home
    home.clean_up()


def submit(home: AgentHome, deed: str, *args: str, timeout: float = 0.0) -> JobId:
    """Give an order to a loop that may die over it; return its jid."""
    order = home.order(deed, *args, timeout=timeout)
    with contextlib.suppress(ConnectionError):
        assert home.submit(order) == ""
    return order.jid


def send_again(home: AgentHome, order: Order) -> None:
    """Play a controller that has heard nothing: the order is taken now, or was taken before."""

    def taken() -> bool:
        with contextlib.suppress(ConnectionError):
            refusal = home.submit(order)
            return refusal == "" or "ordered before" in refusal
        return False

    eventually(taken)


def runs(path: Path) -> int:
    return path.read_text().count("ran\n") if path.exists() else 0


def finish(home: AgentHome, jid: JobId) -> None:
    """Wait until the loop has told that the job is finished."""
    eventually(lambda: [event["what"] for event in home.output(jid)][-1:] == ["finished"])


def restart(home: AgentHome) -> None:
    """Start a new supervisor where the old one was killed."""
    assert home.supervisor
    home.supervisor.wait(30)
    home.start()


@pytest.mark.parametrize("victim", ["self", "supervisor"])
@pytest.mark.parametrize("point", LOOP_POINTS)
def test_kill_the_agent(home: AgentHome, tmp_path: Path, point: str, victim: str) -> None:
    home.start()
    ran, go = tmp_path / "ran", tmp_path / "go"
    finish(home, submit(home, "test.ping"))
    home.fault(point, f"kill {victim}")
    if point == "executor.requested":  # those that are idle are used first
        jid = submit(home, "append", str(ran), str(go))
        for number in range(3):
            submit(home, "append", str(tmp_path / f"more.{number}"), str(go))
    else:
        jid = submit(home, "append", str(ran))
    eventually(lambda: not home.fault_pending(point), what=f"{point} is reached")
    go.touch()
    if victim == "supervisor":
        restart(home)
    assert home.result(jid).verdict is Status.OK  # the keeper lives, or the order is given to another
    assert runs(ran) == 1
    home.wait_until_up()
    assert home.run("test.ping").verdict is Status.OK
    assert runs(ran) == 1


@pytest.mark.parametrize("victim", ["self", "loop", "supervisor"])
@pytest.mark.parametrize("point", KEEPER_POINTS + WORKER_POINTS)
def test_kill_around_the_worker(home: AgentHome, tmp_path: Path, point: str, victim: str) -> None:
    home.start()
    ran = tmp_path / "ran"
    home.fault(point, f"kill {victim}")
    order = home.order("append", str(ran))
    with contextlib.suppress(ConnectionError):
        home.submit(order)
    eventually(lambda: not home.fault_pending(point), what=f"{point} is reached")
    if victim == "supervisor":
        restart(home)
    send_again(home, order)
    result = home.result(order.jid)
    assert runs(ran) <= 1
    match result.verdict:
        case Status.OK:
            assert runs(ran) == 1
        case Status.FAILED:
            assert (point, victim) in {("worker.called", "self"), ("worker.done", "self")}
            assert "killed by signal 9" in result.reason
        case Status.LOST:
            assert (point, victim) == ("keeper.handed", "self")
        case Status.REFUSED:
            assert (point, victim) in {("keeper.ready", "self"), ("keeper.go", "self")}
            assert runs(ran) == 0
        case _:
            pytest.fail(f"{result}")
    home.wait_until_up()
    assert home.run("test.ping").verdict is Status.OK
    assert runs(ran) <= 1


@pytest.mark.parametrize("victim", ["loop", "supervisor"])
def test_a_running_job_outlives_the_agent(home: AgentHome, tmp_path: Path, victim: str) -> None:
    home.start()
    ran, go = tmp_path / "ran", tmp_path / "go"
    jid = submit(home, "append", str(ran), str(go))
    eventually(lambda: runs(ran) == 1)
    if victim == "loop":
        kill_loop(home)
    else:
        home.kill_supervisor()
        home.start()
    assert [job["jid"] for job in home.jobs()] == [jid]
    assert not home.spool.has(jid)
    go.touch()
    assert home.result(jid).verdict is Status.OK
    eventually(lambda: home.jobs() == [])
    assert runs(ran) == 1


def test_a_job_that_ends_while_the_agent_is_down_is_handed_over(home: AgentHome, tmp_path: Path) -> None:
    home.start()
    ran, go = tmp_path / "ran", tmp_path / "go"
    jid = submit(home, "append", str(ran), str(go))
    eventually(lambda: runs(ran) == 1)
    home.kill_supervisor()
    go.touch()
    assert home.result(jid).verdict is Status.OK  # written with nobody there
    home.start()
    finish(home, jid)
    assert runs(ran) == 1


def test_a_deadline_holds_without_an_agent(home: AgentHome, tmp_path: Path) -> None:
    home.start()
    jid = submit(home, "hang", "so far", str(tmp_path / "ready"), timeout=1.0)
    eventually(lambda: (tmp_path / "ready").exists())
    home.kill_supervisor()
    result = home.result(jid)
    assert (result.verdict, result.data) == (Status.TIMED_OUT, b'"so far"')


def test_an_adopted_job_is_cancelled_with_all_its_processes(home: AgentHome, tmp_path: Path) -> None:
    home.start()
    jid = submit(home, "escape", str(tmp_path / "ready"))
    paths = [tmp_path / name for name in ("ready", "ready.0", "ready.1", "ready.2")]
    eventually(lambda: all(map(read, paths)))
    pids = [int(read(path)) for path in paths]
    home.kill_supervisor()
    home.start()
    assert home.cancel(jid, "dora")
    result = home.result(jid)
    assert (result.verdict, result.reason) == (Status.CANCELLED, "cancelled by dora")
    assert [pid for pid in pids if processes.born(pid)] == []


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_a_keeper_that_is_stopped_is_overruled(home: AgentHome, tmp_path: Path) -> None:
    home.settings["beyond"] = -9.0  # of the ten seconds a keeper has to kill, leave it one
    home.start()
    jid = submit(home, "hang", "", str(tmp_path / "ready"), timeout=0.5)
    worker = int(eventually(lambda: read(tmp_path / "ready")))
    os.kill(int(Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()[1]), signal.SIGSTOP)
    assert home.result(jid).verdict is Status.TIMED_OUT
    assert not processes.born(worker)


def test_waiting_jobs_wait_through_a_restart(home: AgentHome, tmp_path: Path) -> None:
    home.settings["concurrent"] = 1
    home.start()
    blocker = submit(home, "append", str(tmp_path / "first"), str(tmp_path / "go"))
    eventually(lambda: runs(tmp_path / "first") == 1)
    waiting = [submit(home, "append", str(tmp_path / f"ran.{number}")) for number in range(20)]
    home.kill_supervisor()
    home.start()
    assert [job["jid"] for job in home.jobs()] == [blocker, *waiting]
    (tmp_path / "go").touch()
    assert {home.result(jid).verdict for jid in [blocker, *waiting]} == {Status.OK}
    assert [runs(tmp_path / f"ran.{number}") for number in range(20)] == [1] * 20


def test_a_job_that_expired_while_it_waited_is_refused(home: AgentHome, tmp_path: Path) -> None:
    home.settings["concurrent"] = 1
    home.start()
    submit(home, "hang", "", str(tmp_path / "ready"))
    eventually(lambda: (tmp_path / "ready").exists())
    order = home.order("append", str(tmp_path / "ran"), lives=1.0)
    assert home.submit(order) == ""
    home.kill_supervisor()
    eventually(lambda: time.time() > order.expires)
    home.start()
    result = home.result(order.jid)
    assert result.verdict is Status.REFUSED
    assert "expired" in result.reason
    assert not (tmp_path / "ran").exists()


def test_after_a_reboot_what_ran_is_lost_and_not_run_again(home: AgentHome, tmp_path: Path) -> None:
    home.start()
    ran, go = tmp_path / "ran", tmp_path / "go"
    jid = submit(home, "append", str(ran), str(go))
    eventually(lambda: runs(ran) == 1)
    home.clean_up()
    journal = home.directory / "journal"
    pretend_reboot(journal)
    home.start()
    result = home.result(jid)
    assert (result.verdict, result.reason) == (Status.LOST, "the host was restarted while it ran")
    assert runs(ran) == 1


def pretend_reboot(journal: Path) -> None:
    """Rewrite the journal as if an earlier boot had written it."""
    import msgspec

    from saltern.agent.journal import Started, _decoder
    from saltern.agent.log import frame, parse

    records = [_decoder.decode(payload) for payload in parse(journal.read_bytes()).payloads]
    old = [Started(record.jid, "before") if isinstance(record, Started) else record for record in records]
    journal.write_bytes(b"".join(frame(msgspec.msgpack.encode(record)) for record in old))


def test_a_replay_is_refused_after_every_kind_of_restart(home: AgentHome, tmp_path: Path) -> None:
    home.start()
    order = home.order("append", str(tmp_path / "ran"))
    assert home.submit(order) == ""
    home.result(order.jid)
    eventually(lambda: home.jobs() == [])
    home.hand_over(order.jid)
    os.kill(home.loop, signal.SIGKILL)
    home.wait_until_up()
    assert "ordered before" in home.submit(order)
    home.kill_supervisor()
    home.start()
    assert "ordered before" in home.submit(order)
    assert home.stop() == 0
    home.start()
    assert "ordered before" in home.submit(order)
    assert runs(tmp_path / "ran") == 1


def test_a_torn_journal_keeps_what_was_whole(home: AgentHome, tmp_path: Path) -> None:
    home.start()
    order = home.order("append", str(tmp_path / "ran"))
    home.submit(order)
    home.result(order.jid)
    home.kill_supervisor()
    with (home.directory / "journal").open("ab") as file:
        file.write(b"\xa5J\xff\x00\x00\x00torn")
    home.start()
    assert "ordered before" in home.submit(order)
    assert home.run("test.ping").verdict is Status.OK


def test_a_stop_is_orderly_and_quick(home: AgentHome) -> None:
    home.start()
    home.run("test.ping")
    assert home.stop() == 0


def test_a_stop_ends_jobs_only_when_asked(home: AgentHome, tmp_path: Path) -> None:
    home.settings["stop"] = True
    home.start()
    jid = submit(home, "hang", "", str(tmp_path / "ready"))
    eventually(lambda: (tmp_path / "ready").exists())
    assert home.stop() == 0
    result = home.result(jid, within=1)
    assert (result.verdict, result.reason) == (Status.CANCELLED, "cancelled by the agent's stop")


def test_no_loop_outlives_its_supervisor(home: AgentHome) -> None:
    home.start()
    loop = home.loop
    home.kill_supervisor()
    eventually(lambda: not processes.born(loop))


def kill_loop(home: AgentHome) -> None:
    loop = home.loop
    os.kill(loop, signal.SIGKILL)
    eventually(lambda: not processes.born(loop))
    home.wait_until_up()


def test_a_loop_that_keeps_dying_is_started_ever_more_slowly(home: AgentHome) -> None:
    home.start()
    began = time.monotonic()
    for _ in range(4):
        kill_loop(home)
    assert time.monotonic() - began >= 0.1 + 0.2 + 0.4
    assert home.run("test.ping").verdict is Status.OK
