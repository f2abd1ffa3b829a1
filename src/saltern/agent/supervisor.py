"""The agent's first process: it has everything loaded, and does nothing but fork and look after its own.

It forks the loop (asyncio, NATS) and starts it anew when it dies, and at the loop's word forks a keeper
for a job. It has one thread and no event loop, so a fork is safe at any moment, and what it has loaded is
shared by all. Two supervisors on one state directory are impossible: the lock is held by supervisor and
loop together, and the loop dies with its supervisor.
"""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from saltern.agent import link, processes
from saltern.agent.keeper import fork, keep
from saltern.agent.worker import perform
from saltern.foundation import atomic
from saltern.foundation.errors import Conflict

if TYPE_CHECKING:
    from saltern.agent.worker import Perform

RunLoop = Callable[[socket.socket], int]

#: The loop ends with this code to be started anew. So it is after a crash (1, or a signal); with any other
#: code the agent ends, with that code.
AGAIN = 75
#: A loop that lived this many seconds had no trouble at its start.
STEADY_AFTER = 60.0
FIRST_DELAY = 0.1
LONGEST_DELAY = 30.0
#: Seconds the loop has to end when told to.
STOP_WITHIN = 20.0
#: Seconds for which the lock of a supervisor just killed may still be held by its loop.
LOCK_WITHIN = 5.0

_logger = logging.getLogger("saltern.agent")
_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)


def lock(directory: Path) -> int:
    """Return a descriptor that holds the agent's state directory. Raises Conflict, naming who has it."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + LOCK_WITHIN
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            if time.monotonic() > deadline or (holder.isdigit() and processes.born(int(holder))):
                os.close(descriptor)
                raise Conflict(
                    f"an agent runs on {directory} already (process {holder})",
                    hint="stop it first, or give this one a root of its own (--root)",
                ) from None
            time.sleep(0.01)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
            return descriptor


def preload() -> None:
    """Load the whole function library, so that no job waits for an import."""
    import saltern.engine.call
    import saltern.engine.legacy.keeping
    import saltern.engine.legacy.registry
    import saltern.sdk.local  # noqa: F401
    from saltern.sdk.registry import LIBRARY

    for error in LIBRARY.preload():
        _logger.warning("%s", error)


class Supervisor:
    """The warm parent."""

    def __init__(
        self,
        directory: Path,
        run_loop: RunLoop,
        *,
        run: Perform = perform,
        load: Callable[[], None] = preload,
    ) -> None:
        """Keep state in ``directory``; ``run_loop(control)`` is the loop, ``run`` does a job's work."""
        self._directory = atomic.private_directory(directory)
        self._run_loop = run_loop
        self._run = run
        self._load = load
        self._loop = 0  # its process id; 0 while there is none
        self._control: socket.socket | None = None
        self._born = 0.0
        self._delay = 0.0
        self._next_start = 0.0
        self._kill_at: float | None = None
        self._code: int | None = None  # ours, once it is known that we end

    def run(self) -> int:
        """Supervise until told to end (SIGTERM, SIGINT) or the loop ends for good; return the exit code.

        Raises Conflict when another agent has the directory, Unavailable on a system that is not Linux.
        """
        processes.require_linux()
        lock(self._directory)
        processes.shield(-500)
        self._load()
        processes.warm_up()
        gc.collect()
        gc.freeze()
        self._wake, waker = socket.socketpair()
        for end in (self._wake, waker):
            end.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        try:
            while self._code is None:
                self._turn()
        finally:
            signal.set_wakeup_fd(-1)
        return self._code

    def _turn(self) -> None:
        if not self._loop and time.monotonic() >= self._next_start:
            self._start_loop()
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        if self._control is not None:
            poll.register(self._control, select.POLLIN)
        for descriptor, _ in poll.poll(self._timeout()):
            if descriptor == self._wake.fileno():
                self._take_signals()
            elif self._control is not None:
                self._take_request(self._control)
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._signal_loop(signal.SIGKILL)

    def _timeout(self) -> float | None:
        """Return how long to sleep, in milliseconds."""
        until = self._kill_at if self._loop else self._next_start
        return None if until is None else max(0.0, (until - time.monotonic()) * 1000)

    # --- the loop ------------------------------------------------------------------------------------

    def _start_loop(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own = os.getpid()
        self._loop = self._fork(lambda: self._become_loop(own, ours, theirs))
        theirs.close()
        self._control = ours
        self._born = time.monotonic()

    def _become_loop(self, parent: int, ours: socket.socket, theirs: socket.socket) -> None:
        processes.die_with_parent(parent)
        ours.close()
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's goes to all; the supervisor takes it
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os._exit(self._run_loop(theirs))

    def _loop_ended(self, status: int) -> None:
        self._loop = 0
        if self._control is not None:
            self._control.close()
            self._control = None
        code = os.waitstatus_to_exitcode(status)
        if self._kill_at is not None or (code not in (1, AGAIN) and code >= 0):
            self._code = max(0, code)
            return
        if time.monotonic() - self._born >= STEADY_AFTER:
            self._delay = 0.0
        self._next_start = time.monotonic() + self._delay
        _logger.warning("the agent's loop %s; next start in %.1f s", processes.describe(status), self._delay)
        self._delay = min(LONGEST_DELAY, max(FIRST_DELAY, 2 * self._delay))

    # --- signals -------------------------------------------------------------------------------------

    def _take_signals(self) -> None:
        received = set(self._wake.recv(4096))
        if received & {signal.SIGTERM, signal.SIGINT}:
            self._stop()
        for pid, status in processes.reap().items():
            if pid == self._loop:
                self._loop_ended(status)

    def _stop(self) -> None:
        """Tell the loop to end; the second time, make it."""
        if not self._loop:
            self._code = 0
        elif self._kill_at is None:
            self._kill_at = time.monotonic() + STOP_WITHIN
            self._signal_loop(signal.SIGTERM)
        else:
            self._signal_loop(signal.SIGKILL)

    def _signal_loop(self, number: int) -> None:
        if self._loop:
            os.kill(self._loop, number)

    # --- keepers -------------------------------------------------------------------------------------

    def _take_request(self, control: socket.socket) -> None:
        """Fork a keeper for the socket that came with the request."""
        try:
            message, descriptors, _, _ = socket.recv_fds(control, 16, 1)
        except ConnectionError:
            message, descriptors = b"", []
        if not message:  # the loop is gone or going; its end is told by a signal
            control.close()
            self._control = None
            return
        for descriptor in descriptors:
            with socket.socket(fileno=descriptor) as connection:
                self._start_keeper(connection)

    def _start_keeper(self, connection: socket.socket) -> None:
        try:
            self._fork(lambda: self._become_keeper(connection))
        except OSError as error:
            reason = f"no process could be made for the job: {error.strerror}"
            connection.send(link.frame(link.Failure(reason)), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    def _become_keeper(self, connection: socket.socket) -> None:
        processes.close_all_but(connection.fileno())
        keep(connection, self._directory / "spool", self._run)

    def _fork(self, run: Callable[[], None]) -> int:
        """Fork with our signals held back, so that the child is never woken in our stead."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            return fork(run)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
