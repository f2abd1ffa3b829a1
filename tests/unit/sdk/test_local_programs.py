"""Programs on this machine, for real: time limits, users, pipes, what they leave behind."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from saltern.sdk import Command, CommandFailed, Conflict, NotAllowed, NotFound, OutputTooLarge, TimedOut
from saltern.sdk import process as processes
from saltern.sdk.local import LocalHost

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def host() -> LocalHost:
    return LocalHost()


def shell(text: str, **more: object) -> Command:
    return Command(argv=("/bin/sh", "-c", text), **more)  # type: ignore[arg-type]


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_output_and_code(host: LocalHost) -> None:
    done = host.execute(shell("echo out; echo err >&2; exit 3"))
    assert (done.retcode, done.stdout, done.stderr, done.timed_out) == (3, b"out\n", b"err\n", False)


def test_a_signal_is_a_negative_code(host: LocalHost) -> None:
    assert host.execute(shell("kill -TERM $$")).retcode == -signal.SIGTERM


def test_streams_merge_in_the_order_written(host: LocalHost) -> None:
    done = host.execute(shell("echo 1; echo 2 >&2; echo 3", merge=True))
    assert (done.stdout, done.stderr) == (b"1\n2\n3\n", b"")


def test_much_in_and_out_at_once(host: LocalHost) -> None:
    data = os.urandom(3_000_000)
    assert host.execute(Command(argv=("cat",), stdin=data)).stdout == data


def test_stdin_nobody_reads(host: LocalHost) -> None:
    assert host.execute(Command(argv=("true",), stdin=b"x" * 1_000_000)).retcode == 0


def test_output_is_shown_as_it_comes(tmp_path: Path) -> None:
    seen: list[tuple[str, bytes]] = []
    go = tmp_path / "go"

    def emit(stream: str, data: bytes) -> None:
        seen.append((stream, data))
        go.touch()  # the program waits for this: it is shown before the end, or the test hangs

    script = f"echo first; until [ -e {go} ]; do sleep 0.01; done; echo second >&2"
    LocalHost(emit=emit).execute(shell(script, stream=True, timeout=60.0))
    assert seen == [("stdout", b"first\n"), ("stderr", b"second\n")]


def test_nothing_is_shown_unless_asked() -> None:
    seen: list[bytes] = []
    LocalHost(emit=lambda stream, data: seen.append(data)).execute(shell("echo x"))
    assert seen == []


def test_when_time_is_over_the_whole_group_is_gone(host: LocalHost, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 600 & echo $! $$ > {pids}; echo so far; wait"
    done = host.execute(shell(script, timeout=1.0))
    assert done.timed_out
    assert done.retcode == 124
    assert done.stdout == b"so far\n"
    child, leader = map(int, pids.read_text().split())
    wait_for(lambda: not is_alive(child) and not is_alive(leader))


def test_a_program_gets_the_chance_to_end_well(host: LocalHost) -> None:
    done = host.execute(shell("trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done", timeout=0.5))
    assert done.timed_out
    assert done.stdout == b"bye\n"


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def emit(stream: str, data: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalHost(emit=emit).execute(shell(f"echo $$ > {pids}; echo x; exec sleep 600", stream=True))
    wait_for(lambda: not is_alive(int(pids.read_text())))


def test_what_goes_on_in_the_background_is_not_waited_for(host: LocalHost, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    start = time.monotonic()
    done = host.execute(shell(f"sleep 600 & echo $! > {pids}; echo done"))
    assert done.stdout == b"done\n"
    assert time.monotonic() - start < 60
    background = int(pids.read_text())
    assert is_alive(background)
    os.kill(background, signal.SIGKILL)


def test_what_chatters_in_the_background_is_not_listened_to(host: LocalHost, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"(while :; do echo x; sleep 0.02; done) & echo $! > {pids}"
    done = host.execute(shell(script))
    os.kill(int(pids.read_text()), signal.SIGKILL)
    assert done.retcode == 0


def test_too_much_output_is_stopped(host: LocalHost) -> None:
    with pytest.raises(OutputTooLarge, match="more than 100000 bytes"):
        host.execute(Command(argv=("yes",), limit=100_000))


def test_environment(host: LocalHost) -> None:
    done = host.execute(Command(argv=("env",), env={"A": "1", "HOME": None}))
    lines = done.stdout.decode().splitlines()
    assert "A=1" in lines
    assert not any(line.startswith("HOME=") for line in lines)


def test_clean_environment(host: LocalHost) -> None:
    assert host.execute(Command(argv=("env",), env={"A": "1"}, clean_env=True)).stdout == b"A=1\n"


def test_directory_and_umask(host: LocalHost, tmp_path: Path) -> None:
    done = host.execute(shell("pwd; umask", cwd=str(tmp_path), umask=0o027))
    assert done.stdout.decode().split() == [str(tmp_path), "0027"]


def test_a_tilde_is_the_home(host: LocalHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert host.execute(Command(argv=("pwd",), cwd="~/below")).stdout.decode() == f"{tmp_path}/below\n"


@AS_ROOT
def test_another_user_s_tilde_is_that_user_s_home(host: LocalHost) -> None:
    home = host.user("daemon").home
    assert host.execute(Command(argv=("pwd", "-L"), cwd="~", user="daemon")).stdout.decode() == f"{home}\n"


def test_no_such_program(host: LocalHost) -> None:
    with pytest.raises(NotFound, match="no program 'saltern-nope'"):
        host.execute(Command(argv=("saltern-nope",)))


def test_no_such_directory(host: LocalHost) -> None:
    with pytest.raises(NotFound, match="/nowhere: no such"):
        host.execute(Command(argv=("true",), cwd="/nowhere"))


def test_no_program_at_all(host: LocalHost, tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(b"\0\1\2")
    file.chmod(0o755)
    with pytest.raises(Conflict, match="first line"):
        host.execute(Command(argv=(str(file),)))


def test_a_nul_in_an_argument(host: LocalHost) -> None:
    with pytest.raises(Conflict, match="null"):
        host.execute(Command(argv=("echo", "a\0b")))


@AS_ROOT
def test_as_another_user(host: LocalHost) -> None:
    done = host.execute(shell("id -u; id -g; id -G; echo $USER $LOGNAME $HOME; pwd", user="nobody"))
    uid, gid, groups, names, directory = done.stdout.decode().splitlines()
    nobody = host.user("nobody")
    assert (int(uid), int(gid), groups) == (nobody.uid, nobody.gid, str(nobody.gid))
    assert names == f"nobody nobody {nobody.home}"
    assert directory == (nobody.home if Path(nobody.home).is_dir() else "/")


@AS_ROOT
def test_as_another_group(host: LocalHost) -> None:
    done = host.execute(shell("id -gn", group="daemon"))
    assert done.stdout == b"daemon\n"


def test_as_a_user_there_is_not(host: LocalHost) -> None:
    with pytest.raises(NotFound, match="no user 'saltern-ghost'"):
        host.execute(shell("id", user="saltern-ghost"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_only_root_becomes_another(host: LocalHost) -> None:
    with pytest.raises(NotAllowed, match="only root"):
        host.execute(shell("id", user="root"))


def test_run_gives_text_or_says_why_not(host: LocalHost) -> None:
    assert host.run("echo", "hä") == "hä\n"
    with pytest.raises(CommandFailed, match="broken") as caught:
        host.run("/bin/sh", "-c", "echo broken >&2; exit 5")
    assert caught.value.retcode == 5
    with pytest.raises(TimedOut, match=re.escape("did not end within 0.2 s")):
        host.run("sleep", "600", timeout=0.2)


def test_spawned_programs_outlive_and_have_no_parent_here(host: LocalHost, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pid = host.spawn(shell(f"cat > {out}; exec sleep 600", stdin=b"hello"))
    wait_for(lambda: out.exists() and out.read_bytes() == b"hello")
    assert os.getsid(pid) == pid
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert parent != os.getpid()
    host.signal(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid))


def test_spawning_what_is_not_there(host: LocalHost) -> None:
    with pytest.raises(NotFound):
        host.spawn(Command(argv=("/nowhere/program",)))


def test_a_session_is_ended_with_every_group_in_it(host: LocalHost, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = (
        "import subprocess, sys; program = subprocess.Popen(['sleep', '600'], process_group=0);"
        "open(sys.argv[1], 'w').write(str(program.pid)); program.wait()"
    )
    pid = host.spawn(Command(argv=(sys.executable, "-c", script, str(pids))))
    wait_for(lambda: pids.exists() and pids.read_text().strip() != "")
    member = int(pids.read_text())
    assert os.getpgid(member) != os.getpgid(pid)
    assert member in processes.session_members(pid)
    assert processes.signal_session(pid, signal.SIGKILL) >= 2
    wait_for(lambda: not is_alive(member) and not is_alive(pid))


def test_signals(host: LocalHost) -> None:
    with pytest.raises(NotFound, match="no process"):
        host.signal(2**22 - 1, 0)
    host.signal(os.getpid(), 0)


def test_which(host: LocalHost) -> None:
    assert host.which("sh") is not None
    assert host.which("saltern-nope") is None


def test_old_kernels_that_do_not_report_an_end(host: LocalHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(pid: int) -> int:
        raise OSError("no such call")

    monkeypatch.setattr(os, "pidfd_open", missing)
    assert host.execute(shell("echo x; exit 2")).retcode == 2
    assert host.execute(shell("sleep 600", timeout=0.2)).timed_out
