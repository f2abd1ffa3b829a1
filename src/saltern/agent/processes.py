"""What the kernel knows of processes: who is whose child, who is still the same one, and how to end a tree.

Linux only: the agent's guarantees rest on ``/proc``, subreapers and parent-death signals.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from saltern.foundation.errors import Unavailable

_PR_SET_PDEATHSIG = 1
_PR_GET_PDEATHSIG = 2
_PR_SET_CHILD_SUBREAPER = 36
#: Seconds for which killing is tried; what is left then is stuck in the kernel, or another user's.
KILL_WITHIN = 10.0
_QUIET = 5  # looks that find nothing before nothing is believed: a list read while it changes has gaps
_PAUSE = 0.002  # seconds between two looks at processes that were killed and are not gone yet


def require_linux() -> None:
    """Raise Unavailable where the kernel lacks what the agent's process tree stands on."""
    if sys.platform != "linux":
        raise Unavailable(
            f"the agent does not run on {sys.platform} yet",
            hint="use `saltern call` here, or manage this machine over SSH",
        )


@cache
def boot_id() -> str:
    """Return what differs after each boot: process ids mean nothing beyond it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def born(pid: int) -> int:
    """Return when the process started, in clock ticks since boot; 0 when there is none (or only a zombie)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    fields = stat[stat.rindex(b")") + 2 :].split()
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def open_process(pid: int, start: int) -> int | None:
    """Return a pidfd of the process that had ``pid`` and started at ``start``; None when it is gone.

    The descriptor becomes readable when the process ends. The caller closes it.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if start and born(pid) == start:
        return descriptor
    os.close(descriptor)
    return None


def warm_up() -> None:
    """Load now what forked processes would otherwise each load."""
    boot_id()
    _library().prctl  # type: ignore[attr-defined]  # noqa: B018


def adopt_orphans() -> None:
    """Become the parent of every orphan below this process, whatever session it made for itself."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Be killed (SIGKILL) when ``parent``, which forked this process, ends; at once if it already has."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def shield(adjustment: int) -> None:
    """Ask the kernel to spare this process (negative) or not (0) when memory runs out; children inherit it.

    Where that is not permitted nothing changes: it is a wish, not a promise.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(adjustment))


def descendants(root: int) -> list[int]:
    """Return every process below ``root``, parents before children; zombies are left out."""
    found: list[int] = []
    waiting = _children(root)
    while waiting:
        pid = waiting.pop(0)
        found.append(pid)
        waiting += _children(pid)
    return [pid for pid in found if born(pid)]


def signal_tree(root: int, number: int) -> int:
    """Send a signal to every process below ``root``; return how many got it."""
    return sum(_send(pid, number) for pid in descendants(root))


def kill_tree(
    root: int, within: float = KILL_WITHIN, between: Callable[[], object] = lambda: None
) -> list[int]:
    """Kill every process below ``root`` (not ``root`` itself); return those left after ``within`` seconds.

    ``root`` must adopt orphans. All are stopped before any is killed, until no new one is found, so that
    processes which fork as fast as they can do not escape. What is left is stuck in the kernel, or another
    user's. ``between`` is called after each round: a ``root`` that calls this itself reaps its children.
    """
    deadline = time.monotonic() + within
    quiet = 0
    while quiet < _QUIET:
        left = _freeze(root, deadline)
        for pid in left:
            _send(pid, signal.SIGKILL)
        between()
        if time.monotonic() > deadline:
            return left
        if left:
            time.sleep(_PAUSE)
        quiet = 0 if left or _live_children(root) else quiet + 1
    return []


def _live_children(root: int) -> list[int]:
    """Return the direct children. Without any nothing is below: an orphan is there before its parent goes."""
    return [pid for pid in _children(root) if born(pid)]


def reap() -> dict[int, int]:
    """Collect this process's dead children: their ids and wait statuses."""
    statuses: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return statuses
        if pid == 0:
            return statuses
        statuses[pid] = status


def alone() -> bool:
    """Tell that this process has no children, not even dead ones."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def describe(status: int) -> str:
    """Say how a process ended, by its status: ``killed by signal 9 (SIGKILL)`` or ``ended with code 3``.

    The status is what waitpid(2) gives.
    """
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"ended with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a real-time signal
        name = signal.strsignal(-code) or "unknown"
    return f"killed by signal {-code} ({name})"


def close_all_but(kept: int) -> None:
    """Close every descriptor but ``kept``, standard output and error; standard input becomes empty."""
    low = 0
    for descriptor in sorted({1, 2, kept}):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, _highest() + 1)
    if os.open(os.devnull, os.O_RDONLY) != 0:
        raise OSError("standard input could not be closed")
    with contextlib.suppress(OSError):  # closed: then there is no log either
        os.dup2(2, 1)  # what a function prints is no result: it goes to the agent's log


def _highest() -> int:
    return max(int(name) for name in os.listdir("/proc/self/fd"))


def _freeze(root: int, deadline: float) -> list[int]:
    """Stop every process below ``root``, and again until no new one appears; return them."""
    stopped: set[int] = set()
    while True:
        found = descendants(root)
        new = [pid for pid in found if pid not in stopped]
        for pid in new:
            _send(pid, signal.SIGSTOP)
        stopped.update(new)
        if not new or time.monotonic() > deadline:
            return [pid for pid in stopped if born(pid)]


def _children(pid: int) -> list[int]:
    """Return the direct children, of all threads; of a process that is gone none."""
    if not _kernel_lists_children():
        return [child for child, parent in _parents() if parent == pid]
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())
    return found


@cache
def _kernel_lists_children() -> bool:
    return os.path.exists("/proc/thread-self/children")


def _parents() -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{name}/stat").read_bytes()
            pairs.append((int(name), int(stat[stat.rindex(b")") + 2 :].split()[1])))
    return pairs


def _send(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


@cache
def _library() -> object:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    import ctypes

    if _library().prctl(option, value, 0, 0, 0) != 0:  # type: ignore[attr-defined]
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")
