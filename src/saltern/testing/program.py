"""The ``saltern`` command, with what tests need inside: faults at named points, and a clock that is wrong.

``SALTERN_FAULTS`` names a directory; a file there, called like a point of ``saltern.agent.faults``, says what
happens when the point is next reached: ``kill`` or ``stop``, and whom: ``self``, ``loop`` or ``supervisor``.
``SALTERN_CLOCK`` names a file with the seconds by which this host's wall clock is wrong.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def strike(directory: Path) -> Callable[[str], None]:
    """Return the hook that does what the files in ``directory`` say, each once."""
    supervisor = os.getpid()

    def hook(point: str) -> None:
        path = directory / point
        try:
            deed, victim = path.read_text().split()
            path.unlink()
        except FileNotFoundError:
            return
        victims = {"self": os.getpid(), "supervisor": supervisor}
        os.kill(victims[victim] if victim in victims else loop_of(supervisor), _SIGNALS[deed])

    return hook


def loop_of(supervisor: int) -> int:
    """Return the process id of an agent's loop: its supervisor's only child in its session; 0: none."""
    session = os.getsid(supervisor)
    for child in _children(supervisor):
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(child) == session:
                return child
    return 0


def _children(parent: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except FileNotFoundError:
        return []


def bend_clock(file: Path) -> None:
    """Make ``time.time`` wrong by the seconds in ``file``, from now on."""
    true_time, off = time.time, float(file.read_text())
    time.time = lambda: true_time() + off


def main() -> int:
    """Prepare this process, then be ``saltern``."""
    if faults := os.environ.get("SALTERN_FAULTS"):
        from saltern.agent.faults import watch

        watch(strike(Path(faults)))
    if clock := os.environ.get("SALTERN_CLOCK"):
        bend_clock(Path(clock))
    from saltern.cli.main import main as saltern

    return saltern()


if __name__ == "__main__":
    sys.exit(main())
