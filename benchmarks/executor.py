"""What a job costs on an agent: from submit to the return on disk, as a ratio to a bare fork and exit.

    python -m benchmarks.executor [JOBS]

Real processes and a real disk, no network; the function is ``test.ping``.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import statistics
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from saltern.agent import processes
from saltern.agent.executor import Executor
from saltern.agent.supervisor import Supervisor
from saltern.messages.v1 import Order, Progress
from saltern.model.ids import AgentKey, JobId, new_job_id
from saltern.testing.agent_home import NoErrands


class _Course:
    """Runs in the loop's process: drives the executor, and prints."""

    def __init__(self, directory: Path, jobs: int) -> None:
        self._directory = directory
        self._jobs = jobs
        self._waiters: dict[JobId, asyncio.Future[None]] = {}
        self.errands = NoErrands()

    def __call__(self, control: socket.socket) -> int:
        try:
            asyncio.run(self._run(control))
        except Exception:
            traceback.print_exc()
            return 2  # with 1 the supervisor would start it anew
        return 0

    async def _run(self, control: socket.socket) -> None:
        reference = bare_fork(self._jobs)
        self._executor = Executor(self._directory, control, self)
        await self._executor.start()
        await self._one()
        print(f"memory: {self._memory()}")
        alone = [await self._one() for _ in range(self._jobs)]
        began = time.perf_counter()
        await asyncio.gather(*(self._one() for _ in range(self._jobs)))
        together = (time.perf_counter() - began) / self._jobs
        report("bare fork, exit, wait", reference, reference)
        report("one job after another, median", statistics.median(alone), reference)
        report("one job after another, mean", statistics.fmean(alone), reference)
        report(f"{self._jobs} jobs at once, each", together, reference)
        await self._executor.close()

    async def _one(self) -> float:
        """Run one job; return the seconds until its return lay in the spool."""
        now = time.time()
        jid = new_job_id(now)
        order = Order(
            jid=jid,
            to=AgentKey("U" + "A" * 55),
            issued=now,
            expires=now + 600,
            nonce=secrets.token_bytes(16),
            fun="test.ping",
        )
        self._waiters[jid] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        await self._executor.submit(order)
        await self._waiters[jid]
        took = time.perf_counter() - began
        self._executor.handed_over(jid)
        return took

    def _memory(self) -> str:
        supervisor, own = os.getppid(), os.getpid()
        spare = sum(pss(pid) for pid in processes.descendants(supervisor) if pid != own)
        return f"supervisor {pss(supervisor)}, loop {pss(own)}, ready for the next job {spare} KiB (PSS)"

    def running(self, jid: JobId, started: float) -> None:
        """Is not measured."""

    async def progress(self, jid: JobId, progress: Progress) -> None:
        """Is not measured."""

    def finished(self, jid: JobId) -> None:
        """Note the end."""
        self._waiters.pop(jid).set_result(None)

    async def happened(self, tag: str, data: dict[str, Any]) -> None:
        """Is not measured."""

    async def refresh_grains(self) -> None:
        """Is not asked for."""


def bare_fork(times: int) -> float:
    """Return the median seconds of a fork whose child exits at once, and the wait for it."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def pss(pid: int) -> int:
    """Return a process's share of memory, in KiB; 0 when it has gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except ProcessLookupError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def report(what: str, seconds: float, reference: float) -> None:
    """Print one line: milliseconds, and the ratio to the reference."""
    print(f"{what:34} {seconds * 1000:8.2f} ms {seconds / reference:8.2f} x", flush=True)


def main(jobs: int = 200) -> int:
    """Measure."""
    with tempfile.TemporaryDirectory() as directory:
        return Supervisor(Path(directory), _Course(Path(directory), jobs)).run()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
