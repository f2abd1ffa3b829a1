"""The small process that stands between the agent and one job.

It is the parent of the worker, and adopts every orphan below it, so it knows how the worker ended and where
each process of the job is. It holds the deadline, ends the whole tree when told (SIGTERM), and writes a
return when the worker could not. It runs no user's code and needs nobody: agent and supervisor may die
and come back meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from saltern.agent import link, processes
from saltern.agent.faults import reach
from saltern.agent.link import Ready
from saltern.agent.spool import Spool
from saltern.agent.tail import Tail
from saltern.agent.worker import returned, settle_in, work
from saltern.foundation.clock import SystemClock
from saltern.messages.v1 import Return
from saltern.model.status import Status

if TYPE_CHECKING:
    from saltern.agent.worker import Perform

_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LONGEST_WAIT = 30.0  # the kernel's timeouts stand still during suspend; the deadline does not


def keep(connection: socket.socket, directory: Path, run: Perform) -> None:
    """Keep one job after the other: have a worker run it, see that a return lies in ``directory``.

    To be called in a process made for it, which ends afterwards: when the loop hangs up, or with a job
    that did not end by itself or left something behind. Each worker is made before its order comes, so
    that the order does not wait for it. Raises OSError when there can be no worker, or the disk takes no
    return.
    """
    _settle_in()
    ready = link.frame(Ready(keeper=os.getpid(), born=processes.born(os.getpid())))
    clean = True
    with contextlib.suppress(ConnectionError):  # the loop is gone, and nobody needs this process
        while clean:
            keeper = _Keeper(connection, Spool(directory), run)
            connection.sendall(ready)
            reach("keeper.ready")
            frame = link.receive_bytes(connection)
            if frame is None:
                return
            reach("keeper.go")
            clean = keeper.live(frame)
        connection.shutdown(socket.SHUT_RDWR)  # what a job left behind may still hold it open


def _settle_in() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    os.setsid()
    os.chdir("/")
    processes.adopt_orphans()


class _Keeper:
    def __init__(self, connection: socket.socket, spool: Spool, run: Perform) -> None:
        self._spool = spool
        self._run = run
        self._tail = Tail()
        self._clock = SystemClock()
        self._pid = os.getpid()
        self._status: int | None = None  # the worker's, once it has ended
        reader, self._to_worker = os.pipe()
        self._worker = fork(lambda: self._work(connection, reader))
        os.close(reader)

    def _work(self, connection: socket.socket, reader: int) -> None:
        """Be the worker."""
        processes.die_with_parent(self._pid)
        processes.shield(0)
        os.close(self._to_worker)
        settle_in()
        with open(reader, "rb") as file:
            frame = file.read()
        if frame:
            work(connection, link.decode_go(frame), self._tail, self._spool, self._run)

    def live(self, frame: bytes) -> bool:
        """Hand the order on and see the job to its end; tell whether all is as before."""
        self._go = link.decode_go(frame)
        self._jid = self._go.order.jid
        self._spool.mark_handed(self._jid)
        with contextlib.suppress(BrokenPipeError), open(self._to_worker, "wb") as file:
            file.write(frame)
        reach("keeper.handed")
        return self._watch()

    def _watch(self) -> bool:
        """Wait for what comes first: the worker's end, the deadline, or the word to stop.

        Tell whether the worker ended by itself and nothing is left of the job.
        """
        while True:
            received = self._wait(self._go.deadline)
            if self._status is not None:
                return self._worker_ended(self._status)
            if received in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                self._stopped(received)
                return False
            if self._is_over():
                self._end(Status.TIMED_OUT, f"not done after {self._go.order.timeout:g} s, and stopped")
                return False

    def _is_over(self) -> bool:
        return self._go.deadline is not None and self._clock.steady() >= self._go.deadline

    def _stopped(self, number: int) -> None:
        user = self._spool.cancelled_by(self._jid)
        if user is None:
            name = signal.Signals(number).name
            self._end(Status.FAILED, f"stopped by {name}: the host or the agent's service was shut down")
        else:
            self._end(Status.CANCELLED, f"cancelled by {user}" if user else "cancelled")

    def _worker_ended(self, status: int) -> bool:
        if self._spool.has(self._jid):
            return processes.alone()  # what it started on purpose and left behind may stay
        self._kill_all()
        how = processes.describe(status)
        self._write(Status.FAILED, f"the worker process was {how}" if "killed" in how else _vanished(how))
        return False

    def _end(self, verdict: Status, reason: str) -> None:
        """Ask the whole tree to end, kill what has not after the grace, and say so."""
        processes.signal_tree(self._pid, signal.SIGTERM)
        processes.signal_tree(self._pid, signal.SIGCONT)
        until = self._clock.steady() + self._go.grace
        while self._clock.steady() < until and processes.descendants(self._pid):
            self._wait(until)
        left = self._kill_all()
        if left:
            reason += f"; these processes could not be killed: {', '.join(map(str, left))}"
        reach("keeper.ended")
        if not self._spool.has(self._jid):
            self._write(verdict, reason)

    def _kill_all(self) -> list[int]:
        return processes.kill_tree(self._pid, between=processes.reap)

    def _wait(self, until: float | None) -> int:
        """Wait for a signal at most until ``until`` (steady clock); return it, or 0. Reaps the dead."""
        left = _LONGEST_WAIT if until is None else until - self._clock.steady()
        found = signal.sigtimedwait(_SIGNALS, max(0.0, min(left, _LONGEST_WAIT)))
        statuses = processes.reap()
        self._status = statuses.get(self._worker, self._status)
        return found.si_signo if found else 0

    def _write(self, verdict: Status, reason: str) -> Return:
        """Leave a return that says how it ended, with the output there was."""
        result = returned(self._go, verdict, 1, reason=reason)
        return self._spool.write(self._jid, result, as_json(self._tail.read()))


def _vanished(how: str) -> str:
    return f"the worker process {how} and left no result"


def as_json(output: bytes) -> bytes:
    """Return output as the JSON string that a function would have returned; nothing stays nothing."""
    import msgspec

    return msgspec.json.encode(output.decode(errors="replace")) if output else b""


def fork(run: Callable[[], None]) -> int:
    """Run ``run`` in a new process, which ends with code 0, or 1 and a traceback; return its id.

    Raises OSError when there can be no more processes.
    """
    pid = os.fork()
    if pid == 0:
        _run_and_leave(run)
    return pid


def _run_and_leave(run: Callable[[], None]) -> NoReturn:
    status = 1
    try:
        run()
        status = 0
    except BaseException:  # the process's own boundary
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)
