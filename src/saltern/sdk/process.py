"""Running a program on this machine: its whole process group ends when its time is over."""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from typing import IO, Any

from saltern.sdk.command import TIMED_OUT, Finished
from saltern.sdk.errors import OutputTooLarge

#: Seconds between asking a process group to end and killing it.
GRACE = 2.0
#: Seconds of silence after which a pipe, kept open by something the program left behind, is given up.
LINGER = 0.25
#: Seconds for which what was left behind may go on talking into them.
LINGER_AT_MOST = 1.0
#: Seconds between two looks at a program, on kernels that don't report its end (before 5.3).
_POLL = 0.05
_LONGEST_WAIT = 3600.0
_CHUNK = 64 * 1024

Sink = Callable[[str, bytes], None]


def run(
    options: dict[str, Any], stdin: bytes, timeout: float | None, limit: int, sink: Sink | None
) -> Finished:
    """Run ``subprocess.Popen(**options)`` to its end; feed it ``stdin``, hand what it writes to ``sink``.

    A program that puts something into the background and ends is not waited for beyond its own end.
    Raises OSError from the start, OutputTooLarge; whatever is raised, no process of its group is left.
    """
    process = subprocess.Popen(
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        **_own_group(),
        **options,
    )
    with contextlib.closing(_Conversation(process, stdin, limit, sink)) as conversation:
        try:
            timed_out = not conversation.hold(timeout)
            if timed_out:
                conversation.end()
        except BaseException:
            conversation.end(grace=0.0)
            raise
        output = conversation.output
    return Finished(
        pid=process.pid,
        retcode=TIMED_OUT if timed_out else process.wait(),
        stdout=bytes(output["stdout"]),
        stderr=bytes(output["stderr"]),
        timed_out=timed_out,
    )


def spawn(options: dict[str, Any], stdin: bytes) -> int:
    """Start ``subprocess.Popen(**options)`` in a session of its own, output thrown away; return its pid.

    The one process in between ends at once, so that nobody has to wait for the program.
    """
    options = {**options, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as told:
        between = os.fork()
        if between == 0:
            os.close(reader)
            _spawn_and_leave(options, stdin, writer)
        os.close(writer)
        answer = told.read()
    os.waitpid(between, 0)
    kind, _, rest = answer.partition(b" ")
    if kind == b"pid":
        return int(rest)
    number, _, subject = rest.partition(b" ")
    raise OSError(int(number), os.strerror(int(number)), subject.decode(errors="replace"))


def signal_session(session: int, number: int) -> int:
    """Send a signal to every process of a session, whatever its group; return how many there were.

    This is how a job is ended: its worker leads a session, and each program it runs leads a group there.
    """
    reached: set[int] = set()
    while found := set(session_members(session)) - reached:  # again, for those born meanwhile
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        reached |= found
    return len(reached)


def session_members(session: int) -> list[int]:
    """Return the processes of a session, its leader included."""
    members = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.getsid(int(name)) == session:
                    members.append(int(name))
    return members


def _own_group() -> dict[str, Any]:
    """Choose how the program gets its own process group.

    On a terminal it also gets its own session, or it would be stopped when it speaks to the terminal.
    """
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY))
    except OSError:
        return {"process_group": 0}
    return {"start_new_session": True}


def _spawn_and_leave(options: dict[str, Any], stdin: bytes, writer: int) -> None:
    status = 1
    try:
        process = subprocess.Popen(stdin=_preloaded(stdin), start_new_session=True, **options)
        os.write(writer, b"pid %d" % process.pid)
        status = 0
    except OSError as error:
        os.write(writer, b"error %d %s" % (error.errno or 0, str(error.filename or "").encode()))
    finally:
        os._exit(status)


def _preloaded(data: bytes) -> int:
    """Return a descriptor from which ``data`` can be read, though nobody stays to write it."""
    if not data:
        return os.open(os.devnull, os.O_RDONLY)
    descriptor = os.memfd_create("stdin")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _exit_descriptor(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


class _Conversation:
    """The pipes between us and a running program."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, limit: int, sink: Sink | None) -> None:
        self.output = {"stdout": bytearray(), "stderr": bytearray()}
        self._process = process
        self._pending = memoryview(stdin)
        self._limit = limit
        self._sink = sink
        self._selector = selectors.DefaultSelector()
        self._exit = _exit_descriptor(process.pid)
        if self._exit is not None:
            self._selector.register(self._exit, selectors.EVENT_READ, "exit")
        self._ended = False
        self._open(process.stdin, selectors.EVENT_WRITE, "stdin")
        self._open(process.stdout, selectors.EVENT_READ, "stdout")
        self._open(process.stderr, selectors.EVENT_READ, "stderr")

    def hold(self, timeout: float | None) -> bool:
        """Talk until the program has ended and said all; False when ``timeout`` seconds are over before."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while not self._ended:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._serve(min(left, _LONGEST_WAIT if self._exit is not None else _POLL))
            self._ended = self._ended or (self._exit is None and _has_ended(self._process.pid))
        self._hear_the_rest()
        return True

    def end(self, grace: float = GRACE) -> None:
        """End the program's whole group: ask, and after ``grace`` seconds kill; keep what it still says."""
        self._signal(signal.SIGTERM if grace else signal.SIGKILL)
        if grace:
            with contextlib.suppress(OutputTooLarge):
                self.hold(grace)
            self._signal(signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Let go of the pipes."""
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
        self._selector.close()
        if self._exit is not None:
            os.close(self._exit)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _hear_the_rest(self) -> None:
        deadline = time.monotonic() + LINGER_AT_MOST
        while self._selector.get_map() and time.monotonic() < deadline and self._serve(LINGER):
            pass

    def _open(self, pipe: IO[bytes] | None, events: int, name: str) -> None:
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, events, name)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _serve(self, wait: float) -> bool:
        """Take part in what happens within ``wait`` seconds; False when nothing did."""
        happened = self._selector.select(wait)
        for key, _ in happened:
            if key.data == "exit":
                self._ended = True
                self._selector.unregister(key.fileobj)
            elif key.data == "stdin":
                self._feed(key.fd, key.fileobj)
            else:
                self._take(key.fd, key.fileobj, key.data)
        return bool(happened)

    def _feed(self, descriptor: int, pipe: Any) -> None:
        try:
            self._pending = self._pending[os.write(descriptor, self._pending[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._pending = memoryview(b"")
        if not self._pending:
            self._selector.unregister(pipe)
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _take(self, descriptor: int, pipe: Any, name: str) -> None:
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._selector.unregister(pipe)
            return
        self.output[name] += data
        if self._sink is not None:
            self._sink(name, data)
        if sum(map(len, self.output.values())) > self._limit:
            raise OutputTooLarge(
                f"{self._process.args!r} wrote more than {self._limit} bytes and was killed",
                hint="write to a file and fetch the part you need",
            )
