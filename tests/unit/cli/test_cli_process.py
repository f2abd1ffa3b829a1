"""The command as a process: how it starts, how it is interrupted, how it ends in a pipe."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from saltern.testing.controller import Answer, FakeController, value
from saltern.testing.served import Served

_COMMAND = "import sys; from saltern.cli.main import main; code = main(sys.argv[1:])"
_MODULES = _COMMAND + "; print('loaded:', *sorted(sys.modules), file=sys.stderr); sys.exit(code)"


@contextmanager
def process(
    root: Path, *words: str, program: str = _COMMAND + "; sys.exit(code)"
) -> Iterator[subprocess.Popen[str]]:
    """Run the command; it is killed when the test is over."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SALTERN_ROOT": str(root)},
    ) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (["--version"], {"argparse", "msgspec", "asyncio", "socket"}),
        (["--help"], {"argparse", "msgspec", "asyncio", "socket"}),
        (
            ["run", "web1", "test.ping"],
            {"saltern.targeting.expression", "aiohttp", "asyncio", "http", "ssl", "yaml", "nats"},
        ),
        (["minions"], {"aiohttp", "asyncio", "http", "ssl", "yaml", "nats"}),
        (["call", "test.ping"], {"aiohttp", "asyncio", "http", "ssl", "yaml", "nats"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_loads_only_what_it_needs(
    api: Served, tmp_path: Path, words: list[str], unwanted: set[str]
) -> None:
    """Start-up time is the sum of imports."""
    with process(tmp_path, *words, program=_MODULES) as done:
        _, err = done.communicate(timeout=60)
    loaded = set(err.rpartition("loaded: ")[2].split())
    assert "sys" in loaded
    assert loaded & unwanted == set()


def test_ctrl_c_once_tells_and_twice_leaves(api: Served, controller: FakeController, tmp_path: Path) -> None:
    """The job goes on; what has come is shown."""
    controller.functions["test.sleep"] = lambda agent, request: (
        value("done") if agent.name == "web1" else Answer(held=True, output=(("stdout", "ready\n"),))
    )
    with process(tmp_path, "run", "web[12]", "test.sleep", "-o") as running:
        assert running.stderr is not None
        assert running.stderr.readline() == "web2 | ready\n"  # after the result of web1
        (jid,) = api.do(lambda: list(controller._jobs))
        running.send_signal(signal.SIGINT)
        told = [running.stderr.readline() for _ in range(4)]
        assert f"job {jid} goes on" in told[1]
        assert f"saltern job watch {jid}" in told[2]
        assert f"saltern job cancel {jid}" in told[3]
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert out == "web1: done\n"
    assert "2 agents: 1 ok, 1 " in err, "who is still at it counts too"


def test_a_reader_that_has_seen_enough(api: Served, tmp_path: Path) -> None:
    """``saltern … | head -1`` ends without a word."""
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "SALTERN_ROOT": str(tmp_path)}
    command = [sys.executable, "-c", _COMMAND + "; sys.exit(code)", "minions", "--json"]
    done = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, env=environment, timeout=60, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_an_error_not_a_traceback(api: Served, tmp_path: Path) -> None:
    """A full disk is told as all errors are."""
    program = "import sys; sys.stdout = open('/dev/full', 'w'); " + _COMMAND + "; sys.exit(code)"
    with process(tmp_path, "minions", program=program) as done:
        _, err = done.communicate(timeout=60)
    assert done.returncode == 8
    assert "error: No space left on device" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_stream_is_no_reason_to_fail(api: Served, tmp_path: Path, closed: str) -> None:
    """As ``>&-`` leaves it: Python has None there."""
    program = f"import sys; sys.{closed} = None; " + _COMMAND + "; sys.exit(code)"
    with process(tmp_path, "minions", program=program) as done:
        done.communicate(timeout=60)
    assert done.returncode == 0


def on_a_terminal(root: Path, *words: str, pager: str, rows: int) -> str:
    """Return all that a terminal with so many rows gets to show."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(master, (rows, 80))
    program = _COMMAND + "; sys.exit(code)"
    environment = {**os.environ, "SALTERN_ROOT": str(root), "PAGER": pager, "TERM": "xterm"}
    for name in ("COLUMNS", "LINES", "NO_COLOR", "SALTERN_PAGER"):
        environment.pop(name, None)
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stdin=slave, stdout=slave, stderr=slave, env=environment
    ) as started:
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # the other end is closed: it has ended
            while piece := os.read(master, 65536):
                shown += piece
        started.wait(60)
    os.close(master)
    return shown.decode()


@pytest.mark.parametrize(
    ("words", "rows", "through"),
    [((), 4, True), ((), 40, False), (("--no-pager",), 4, False), (("--json",), 4, True)],
)
def test_what_is_longer_than_the_screen_goes_through_the_pager(
    api: Served, tmp_path: Path, words: tuple[str, ...], rows: int, through: bool
) -> None:
    """A person's; nothing else is looked at a page at a time."""
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho PAGER BEGINS; cat; echo PAGER ENDS\n")
    pager.chmod(0o700)
    shown = on_a_terminal(tmp_path, "minions", *words, pager=str(pager), rows=rows)
    assert ("PAGER BEGINS" in shown) is through
    assert ("PAGER ENDS" in shown) is through
    assert shown.count("web1") == 1


def test_a_pager_that_is_not_there_is_done_without(api: Served, tmp_path: Path) -> None:
    """The output is what counts."""
    assert "web1" in on_a_terminal(tmp_path, "minions", pager="/no/such/pager -x", rows=3)
