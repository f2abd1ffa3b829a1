"""What a benchmark returns, and what it needs to measure with."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import psutil


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement, beside its reference from the same run."""

    what: str
    value: float
    unit: str
    reference: float | None = None
    of: str = ""  # what the reference is
    goal: str = ""
    salt: str = ""  # what Salt 3008.5 takes on such a machine
    note: str = ""

    @property
    def figure(self) -> str:
        """The value with its unit, in three digits or more."""
        digits = 0 if self.value >= 100 else 1 if self.value >= 10 else 2
        return f"{self.value:,.{digits}f} {self.unit}"

    @property
    def ratio(self) -> str:
        """The value as a multiple of the reference."""
        return f"{self.value / self.reference:.1f} x {self.of}" if self.reference else ""


def table(rows: Sequence[Row]) -> str:
    """Return an aligned table."""
    head = ("", "measured", "ratio", "goal", "Salt", "")
    body = [(row.what, row.figure, row.ratio, row.goal, row.salt, row.note) for row in rows]
    widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in (head, *body)
    ]
    return "\n".join(line.rstrip() for line in lines)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that ``work`` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def best(times: int, work: Callable[[], object]) -> float:
    """Return the least of some measurements: what others do on the machine only makes it slower."""
    return min(timed(work) for _ in range(times))


def until(condition: Callable[[], bool], *, within: float, what: str) -> float:
    """Return the seconds until ``condition()`` is true; AssertionError when it does not come true.

    It is asked now and then only: what it asks has other work to do.
    """
    began = time.perf_counter()
    while not condition():
        assert time.perf_counter() - began < within, f"not within {within:g} s: {what}"
        time.sleep(0.25)
    return time.perf_counter() - began


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the processor time that processes have used."""
    used = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
        used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def memory(pid: int) -> float:
    """Return the MB of memory that a process and its descendants have for themselves (PSS)."""
    root = psutil.Process(pid)
    return sum(each.memory_full_info().pss for each in [root, *root.children(recursive=True)]) / 1e6


def machine() -> str:
    """Return what this was measured on."""
    cores, memory_gib = os.cpu_count(), psutil.virtual_memory().total / 2**30
    return (
        f"{_processor()}, {cores} cores, {memory_gib:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, commit {_commit()}, load {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    here = Path(__file__).parent
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"
