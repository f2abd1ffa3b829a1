"""One machine: jobs to a real agent, the command line from its start, and what it takes to be idle."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.fleet import ping
from benchmarks.measure import Row, best, memory, timed
from benchmarks.site import SALTERN, Site, site

_AT_ONCE = 64
_ROOT = Path(__file__).parents[1]


def run(quick: bool) -> list[Row]:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="saltern-bench-") as directory, site() as here:
        program = SALTERN if quick else _agent_alone(Path(directory))
        here.start_controller()
        agent = here.start_agent(program)
        time.sleep(3)  # until all is quiet
        rows = _memory(here, agent)
        rows += _jobs(here, 20 if quick else 200) + _commands(here, 3 if quick else 25)
        used = memory(agent)
        return [*rows, Row(what="the agent again, after its jobs", value=used, unit="MB")]


def _jobs(here: Site, count: int) -> list[Row]:
    ping(here, 1)
    alone = best(3, lambda: ping(here, 1))
    after_another = timed(lambda: _pings(here, count))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        together = timed(lambda: list(pool.map(lambda _: ping(here, 1), range(count))))
    return [
        Row(what="one job to one agent, at best", value=alone * 1000, unit="ms"),
        Row(
            what="jobs to one agent, one after another", value=count / after_another, unit="/s", salt="6.4 /s"
        ),
        Row(
            what=f"jobs to one agent, {_AT_ONCE} at a time", value=count / together, unit="/s", salt="8.3 /s"
        ),
    ]


def _pings(here: Site, count: int) -> None:
    for _ in range(count):
        ping(here, 1)


def _commands(here: Site, times: int) -> list[Row]:
    root = ["--root", str(here.layout.root)]

    def seconds(*command: str) -> float:
        return best(times, lambda: _silently(command))

    reference = seconds(sys.executable, "-c", "pass")
    python = "python -c pass"
    return [
        Row(
            what="saltern run '*' test.ping, from its start",
            value=1000 * seconds(SALTERN, *root, "run", "*", "test.ping"),
            unit="ms",
            reference=1000 * reference,
            of=python,
            goal="150 ms",
            salt="900 ms",
        ),
        Row(
            what="saltern call test.ping, from its start",
            value=1000 * seconds(SALTERN, *root, "call", "test.ping"),
            unit="ms",
            reference=1000 * reference,
            of=python,
            goal="200 ms",
            salt="780 ms",
        ),
    ]


def _silently(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}"


def _memory(here: Site, agent: int) -> list[Row]:
    return [
        Row(
            what="an idle agent, all its processes",
            value=memory(agent),
            unit="MB",
            goal="40 MB",
            salt="77 MB",
        ),
        Row(what="an idle controller", value=memory(here.controller_pid), unit="MB", salt="259 MB"),
        Row(what="its broker", value=memory(here.broker_pid), unit="MB"),
    ]


def _agent_alone(directory: Path) -> str:
    """Return the program in a virtualenv with what an agent needs and no more."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    python = str(directory / "bin" / "python")
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", str(_ROOT)]
    subprocess.run(command, check=True)
    return str(directory / "bin" / "saltern")
