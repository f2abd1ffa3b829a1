"""Jobs in real processes: how they end, and what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.agent import processes
from saltern.messages.v1 import Return
from saltern.model.status import Status
from saltern.testing.agent_home import AgentHome
from saltern.testing.conditions import eventually

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentHome]:
    home = AgentHome(tmp_path_factory.mktemp("agent"), concurrent=4, grace=0.3)
    home.start()
    yield home
    home.clean_up()


@pytest.fixture
def home(shared: AgentHome) -> Iterator[AgentHome]:
    yield shared
    shared.wait_until_up()
    eventually(lambda: shared.jobs() == [])


def dead(pid: int) -> bool:
    return processes.born(pid) == 0


def ready(path: Path) -> int:
    """Wait for a job to say its process id."""
    return int(eventually(lambda: path.exists() and path.read_text(), what=f"{path.name} is written"))


def test_a_function_gives_its_result(home: AgentHome) -> None:
    result = home.run("test.ping")
    assert (result.verdict, result.retcode, result.data) == (Status.OK, 0, b"true")
    assert result.started is not None
    assert result.finished is not None
    assert result.started <= result.finished


def test_a_worker_leads_a_session_of_its_own(home: AgentHome) -> None:
    worker, session, group, keeper = map(int, home.run("who").data[1:-1].split(b","))
    assert worker == session == group
    assert keeper not in (worker, home.loop)


def test_a_function_that_fails_says_how(home: AgentHome) -> None:
    result = home.run("test.exception", "nothing to see")
    assert result.verdict is Status.FAILED
    assert result.retcode == 1
    assert result.error is not None
    assert "nothing to see" in result.error.message


def test_whatever_is_raised_there_is_a_return(home: AgentHome) -> None:
    result = home.run("raise")
    assert result.error is not None
    assert result.error.kind == "ZeroDivisionError"


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        (["die", signal.SIGKILL], "killed by signal 9 (SIGKILL)"),
        (["die", signal.SIGSEGV], "killed by signal 11 (SIGSEGV)"),
        (["die", signal.SIGTERM], "killed by signal 15 (SIGTERM)"),
        (["vanish"], "ended with code 0 and left no result"),
    ],
)
def test_a_worker_that_dies_has_failed_and_harms_nobody(
    home: AgentHome, deed: list[str | int], reason: str
) -> None:
    loop = home.loop
    result = home.run(*map(str, deed[:1]), *deed[1:])
    assert result.verdict is Status.FAILED
    assert reason in result.reason
    assert home.loop == loop
    assert home.run("test.ping").verdict is Status.OK


def test_output_comes_while_it_runs(home: AgentHome, tmp_path: Path) -> None:
    order = home.order("hang", "first words", str(tmp_path / "ready"))
    home.submit(order)
    spoken = eventually(lambda: [event for event in home.output(order.jid) if event["what"] == "progress"])
    assert [(event["sequence"], event["data"]) for event in spoken] == [(0, "first words")]
    assert not home.spool.has(order.jid)
    home.cancel(order.jid)
    home.result(order.jid)


def test_events_are_told_in_order(home: AgentHome) -> None:
    order = home.order("speak", "word ", 20)
    home.submit(order)
    eventually(lambda: home.output(order.jid)[-1:] and home.output(order.jid)[-1]["what"] == "finished")
    what = [event["what"] for event in home.output(order.jid)]
    assert what == ["running", *["progress"] * 20, "finished"]


def test_a_flood_of_output_neither_blocks_nor_bursts(home: AgentHome) -> None:
    order = home.order("speak", "x" * 100_000, 500)
    home.submit(order)
    assert home.result(order.jid).verdict is Status.OK
    heard = [event["sequence"] for event in home.output(order.jid) if event["what"] == "progress"]
    assert heard == sorted(set(heard))


def test_a_deadline_ends_the_job_and_keeps_its_output(home: AgentHome, tmp_path: Path) -> None:
    result = home.run("hang", "what I had", str(tmp_path / "ready"), timeout=0.3)
    assert result.verdict is Status.TIMED_OUT
    assert result.data == b'"what I had"'
    assert "0.3 s" in result.reason
    assert dead(ready(tmp_path / "ready"))


def test_a_deadline_ends_a_stopped_worker(home: AgentHome, tmp_path: Path) -> None:
    order = home.order("hang", "", str(tmp_path / "ready"), timeout=1.0)
    home.submit(order)
    worker = ready(tmp_path / "ready")
    os.kill(worker, signal.SIGSTOP)
    assert home.result(order.jid).verdict is Status.TIMED_OUT
    assert dead(worker)


def test_a_cancel_ends_what_ignores_it(home: AgentHome, tmp_path: Path) -> None:
    order = home.order("stubborn", str(tmp_path / "ready"))
    home.submit(order)
    worker = ready(tmp_path / "ready")
    assert home.cancel(order.jid, "carol")
    result = home.result(order.jid)
    assert (result.verdict, result.reason) == (Status.CANCELLED, "cancelled by carol")
    assert dead(worker)


def test_nothing_escapes_a_cancel(home: AgentHome, tmp_path: Path) -> None:
    order = home.order("escape", str(tmp_path / "ready"))
    home.submit(order)
    worker = ready(tmp_path / "ready")
    escaped = [ready(tmp_path / f"ready.{number}") for number in range(3)]
    assert len({os.getsid(pid) for pid in [worker, *escaped]}) == 4
    home.cancel(order.jid)
    assert home.result(order.jid).verdict is Status.CANCELLED
    assert [pid for pid in [worker, *escaped] if not dead(pid)] == []


def test_processes_that_fork_and_die_without_end_are_ended(home: AgentHome, tmp_path: Path) -> None:
    order = home.order("comets", str(tmp_path / "ready"))
    home.submit(order)
    worker = ready(tmp_path / "ready")
    keeper = int(Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()[1])
    first = set(processes.descendants(keeper))
    eventually(lambda: len(set(processes.descendants(keeper)) - first) >= 10)
    home.cancel(order.jid)
    result = home.result(order.jid)
    assert (result.verdict, result.reason) == (Status.CANCELLED, "cancelled by bob")
    assert processes.descendants(keeper) == []


def test_a_crashed_worker_leaves_nothing_behind(home: AgentHome, tmp_path: Path) -> None:
    order = home.order("escape", str(tmp_path / "ready"))
    home.submit(order)
    worker = ready(tmp_path / "ready")
    escaped = [ready(tmp_path / f"ready.{number}") for number in range(3)]
    os.kill(worker, signal.SIGKILL)
    assert home.result(order.jid).verdict is Status.FAILED
    assert [pid for pid in escaped if not dead(pid)] == []


def test_what_a_finished_job_started_stays(home: AgentHome, tmp_path: Path) -> None:
    assert home.run("leave_daemon", str(tmp_path / "ready")).verdict is Status.OK
    daemon = ready(tmp_path / "ready")
    eventually(lambda: home.jobs() == [])
    assert not dead(daemon)
    os.kill(daemon, signal.SIGKILL)


def test_a_program_and_its_children_end_with_the_job(home: AgentHome, tmp_path: Path) -> None:
    script = f"echo before; echo $$ > {tmp_path}/ready; sleep 1000 & sleep 1000"
    order = home.order("cmd.run", script)
    home.submit(order)
    shell = ready(tmp_path / "ready")
    children = eventually(lambda: processes.descendants(shell))
    eventually(lambda: any(event["what"] == "progress" for event in home.output(order.jid)))
    home.cancel(order.jid)
    result = home.result(order.jid)
    assert result.verdict is Status.CANCELLED
    assert b"before" in result.data
    assert [pid for pid in [shell, *children] if not dead(pid)] == []


def test_a_waiting_job_is_cancelled_before_it_runs(home: AgentHome, tmp_path: Path) -> None:
    blockers = [home.order("hang", "", str(tmp_path / f"ready.{number}")) for number in range(4)]
    for blocker in blockers:
        home.submit(blocker)
    waiting = home.order("append", str(tmp_path / "ran"))
    home.submit(waiting)
    assert [job["started"] for job in home.jobs()][4:] == [None]
    assert home.cancel(waiting.jid)
    result = home.result(waiting.jid)
    assert (result.verdict, result.reason) == (Status.CANCELLED, "cancelled by bob before it started")
    for blocker in blockers:
        home.cancel(blocker.jid)
        home.result(blocker.jid)
    assert not (tmp_path / "ran").exists()


def test_cancelling_what_is_not_there(home: AgentHome) -> None:
    order = home.order("test.ping")
    assert not home.cancel(order.jid)
    home.submit(order)
    home.result(order.jid)
    eventually(lambda: home.jobs() == [])
    assert not home.cancel(order.jid)


def test_an_order_runs_once(home: AgentHome, tmp_path: Path) -> None:
    order = home.order("append", str(tmp_path / "ran"))
    assert home.submit(order) == ""
    assert "ordered before" in home.submit(order)
    home.result(order.jid)
    home.hand_over(order.jid)
    assert "ordered before" in home.submit(order)
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_a_jid_that_is_none_is_refused(home: AgentHome) -> None:
    assert "not a job id" in home.submit(home.order("test.ping", jid="../../../etc/passwd"))


def test_what_was_handed_over_is_forgotten(home: AgentHome) -> None:
    order = home.order("large", 3_000_000)
    home.submit(order)
    result = home.result(order.jid)
    assert result.blob is not None
    assert sum(map(len, home.spool.chunks(order.jid))) == result.blob.size
    eventually(lambda: home.output(order.jid)[-1]["what"] == "finished")
    home.hand_over(order.jid)
    eventually(lambda: not any(name.startswith(order.jid) for name in os.listdir(home.spool.directory)))


def test_functions_ask_their_agent(home: AgentHome, tmp_path: Path) -> None:
    order = home.order("stubborn", str(tmp_path / "ready"))
    home.submit(order)
    worker = ready(tmp_path / "ready")
    assert f'["{order.jid}", "stubborn", {worker}]'.encode() in home.run("jobs").data
    assert home.run("signal", order.jid, int(signal.SIGKILL)).data == b"true"
    assert "killed by signal 9" in home.result(order.jid).reason
    assert home.run("signal", order.jid, int(signal.SIGKILL)).data == b"false"
    refusal = home.run("refresh")
    assert refusal.error is not None
    assert "no grains here" in refusal.error.message


def test_a_thousand_jobs_in_order(home: AgentHome, tmp_path: Path) -> None:
    orders = [home.order("append", str(tmp_path / f"{number}")) for number in range(1000)]
    for order in orders:
        assert home.submit(order) == ""
    for order in orders:
        assert home.result(order.jid, within=100).verdict is Status.OK
    assert all((tmp_path / f"{number}").read_text() == "ran\n" for number in range(1000))
    eventually(lambda: home.jobs() == [])
    for order in orders:
        home.hand_over(order.jid)
    jids = {order.jid for order in orders}
    eventually(lambda: not jids.intersection(home.spool.jids()))


def test_too_many_are_refused(tmp_path: Path) -> None:
    home = AgentHome(tmp_path / "agent", concurrent=1, waiting=2)
    home.start()
    try:
        orders = [home.order("hang", "", str(tmp_path / f"ready.{number}")) for number in range(4)]
        assert [home.submit(order)[:20] for order in orders] == ["", "", "", "2 jobs wait on this "]
    finally:
        home.clean_up()


def test_a_second_agent_is_refused_by_name_of_the_first(home: AgentHome) -> None:
    assert home.supervisor
    command = [sys.executable, "-m", "saltern.testing.agent_home", str(home.directory), "other", "{}"]
    second = subprocess.run(command, capture_output=True, text=True)
    assert second.returncode != 0
    assert f"process {home.supervisor.pid}" in second.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(place: Path) -> None:
    """Leave no free block."""
    with (place / "ballast").open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def test_a_full_disk_refuses_before_running(small_disk: Path, tmp_path: Path) -> None:
    home = AgentHome(small_disk / "agent", free=1_000_000)
    home.start()
    try:
        assert home.run("test.ping").verdict is Status.OK
        fill(small_disk)
        order = home.order("append", str(tmp_path / "ran"))
        assert "disk is full" in home.submit(order)
        assert not (tmp_path / "ran").exists()
        (small_disk / "ballast").unlink()
        assert home.submit(order) == ""
        assert home.result(order.jid).verdict is Status.OK
        assert (tmp_path / "ran").read_text() == "ran\n"
    finally:
        home.clean_up()


def test_a_result_that_does_not_fit_is_told(small_disk: Path) -> None:
    home = AgentHome(small_disk / "agent", free=1_000_000)
    home.start()
    try:
        result: Return = home.run("large", 20_000_000)
        assert result.verdict is Status.FAILED
        assert result.error is not None
        assert result.error.kind == "spool_full"
        assert home.run("test.ping").verdict is Status.OK
    finally:
        home.clean_up()


def test_a_disk_that_fills_while_jobs_run_loses_no_return(small_disk: Path, tmp_path: Path) -> None:
    home = AgentHome(small_disk / "agent", free=1_000_000)
    home.start()
    try:
        go = tmp_path / "go"
        orders = [home.order("append", str(tmp_path / f"ran.{number}"), str(go)) for number in range(20)]
        for order in orders:
            assert home.submit(order) == ""
        fill(small_disk)
        go.touch()
        assert [home.result(order.jid).verdict for order in orders] == [Status.OK] * 20
    finally:
        home.clean_up()
