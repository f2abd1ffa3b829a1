"""The process that runs one function: it may crash, leak, hang or be killed, and harms nobody."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from saltern.agent import link
from saltern.agent.faults import reach
from saltern.agent.link import Answer, Ask, Done, Go, Working
from saltern.agent.tail import Tail
from saltern.foundation.clock import SystemClock
from saltern.foundation.errors import (
    BadMessage,
    Conflict,
    NotAllowed,
    NotFound,
    Refused,
    SalternError,
    Unavailable,
    UsageError,
)
from saltern.messages.v1 import Error, Event, Order, Progress, Return, encode
from saltern.model.status import Status
from saltern.sdk import AgentControl, RunningJob

if TYPE_CHECKING:
    from saltern.agent.spool import Spool
    from saltern.engine.outcome import Failure, Outcome
    from saltern.sdk.host import Emit

    Perform = Callable[[Order, Emit, AgentControl], Outcome]

#: Bytes of one progress message.
PIECE = 32 * 1024
#: Bytes of progress that wait for a slow loop; more is dropped, and the gap shows in the sequence.
BACKLOG = 256 * 1024
#: Seconds a function may be held up by a loop that has become slow.
PATIENCE = 0.1
#: Seconds to wait for the loop's answer to a question.
ANSWER_WITHIN = 30.0
#: Seconds to wait for that when the controllers have to answer first.
CONTROLLERS_WITHIN = 200.0
#: Files that are fetched with one question.
BLOBS_AT_ONCE = 10_000

_ERRORS: Mapping[str, type[SalternError]] = {
    kind.code: kind for kind in (BadMessage, Conflict, NotAllowed, NotFound, Refused, Unavailable, UsageError)
}


def perform(order: Order, emit: Emit, agent: AgentControl) -> Outcome:
    """Run the order's function on this machine."""
    from saltern.engine.call import call
    from saltern.sdk.local import LocalHost

    return call(LocalHost(emit=emit, agent=agent), order.fun, order.args, order.kwargs)


class Reporter:
    """What a worker says to the loop, as far as the loop listens."""

    def __init__(self, connection: socket.socket, tail: Tail) -> None:
        """Speak on ``connection``; keep the end of the output in ``tail`` in any case."""
        self._connection = connection
        self._tail = tail
        self._pending = bytearray()
        self._sequence = 0
        self._slow = False
        self._deaf = False
        self._lock = threading.Lock()

    def emit(self, stream: str, data: bytes) -> None:
        """Send output on; what a slow loop can't take in time is dropped."""
        with self._lock:
            self._tail.write(data)
            for start in range(0, len(data), PIECE):
                piece = Progress(sequence=self._sequence, stream=stream, data=data[start : start + PIECE])
                self._sequence += 1
                self._add(link.frame(piece))

    def ask(self, question: Ask, within: float | None = ANSWER_WITHIN) -> Answer:
        """Ask the loop and wait, ``within`` seconds or for ever. Raises Unavailable when no loop answers."""
        with self._lock:
            answer = None if self._deaf else self._converse(question, within)
            self._deaf = answer is None  # a late answer would be taken for that to another question
        if answer is None:
            raise Unavailable("the agent does not answer", hint="it is restarting; try again")
        return answer

    def _converse(self, question: Ask, within: float | None) -> Answer | None:
        self._pending += link.frame(question)
        self._push(wait=ANSWER_WITHIN)
        self._connection.settimeout(within)
        try:
            return None if self._pending else link.receive_answer(self._connection)
        except TimeoutError:
            return None
        finally:
            self._connection.settimeout(None)  # the keeper has the same socket, and waits on it

    def say(self, message: Working | Done) -> None:
        """Tell the loop, and give it a moment to take all that was said."""
        with self._lock:
            self._pending += link.frame(message)
            self._push(wait=1.0)

    def _add(self, record: bytes) -> None:
        if len(self._pending) + len(record) > BACKLOG:
            self._push(wait=0.0 if self._slow else PATIENCE)
            self._slow = len(self._pending) + len(record) > BACKLOG
        if not self._slow:
            self._pending += record
            self._push(wait=0.0)

    def _push(self, wait: float) -> None:
        """Send what is pending; wait at most that long each time the loop doesn't take it."""
        poll = select.poll()
        poll.register(self._connection, select.POLLOUT)
        while self._pending:
            try:
                sent = self._connection.send(self._pending, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
                del self._pending[:sent]
            except BlockingIOError:
                if not wait or not poll.poll(wait * 1000):
                    return
            except OSError:  # no loop: it died, or restarts; the return goes through the spool anyway
                self._pending.clear()


class Agent(AgentControl):
    """The agent, as a function sees it: questions to the loop."""

    def __init__(self, jid: str, reporter: Reporter) -> None:
        """Speak for the job ``jid``."""
        self._jid = jid
        self._reporter = reporter

    @property
    def jid(self) -> str:
        """The id of the job that the caller is part of."""
        return self._jid

    def running_jobs(self) -> list[RunningJob]:
        """Return the jobs at work now, the caller's own included."""
        return list(self._ask(Ask(what="running_jobs")).jobs)

    def signal_job(self, jid: str, signal: int) -> bool:
        """Send a signal to a job's processes; False when no such job runs."""
        return self._ask(Ask(what="signal_job", jid=jid, signal=signal)).count > 0

    def refresh_grains(self) -> None:
        """Collect the grains anew and publish them; returns when they are out."""
        self._ask(Ask(what="refresh_grains"))

    def clear_job_cache(self, hours: float) -> int:
        """Forget finished jobs older than ``hours``; return how many."""
        return self._ask(Ask(what="clear_job_cache", hours=hours)).count

    def ask(self, service: str, frame: bytes) -> bytes:
        """Ask the controllers and return the answer's bytes."""
        return self._ask(Ask(what="ask", service=service, data=frame), CONTROLLERS_WITHIN).data

    def consult(self, service: str, question: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the controllers with plain data."""
        from saltern.agent.consult import consult

        return consult(self.ask, service, question)

    def emit(self, tag: str, data: Mapping[str, Any]) -> None:
        """Have an event published."""
        try:
            packed = encode(Event(at=0.0, data=dict(data)))
        except (TypeError, OverflowError, RecursionError) as error:
            raise UsageError(f"the data of the event {tag!r} can't be sent: {error}") from None
        self._ask(Ask(what="emit", service=tag, data=packed))

    def fetch(self, blobs: Sequence[tuple[str, int]]) -> list[str]:
        """Have files brought into the agent's cache; the loop gives up when nothing comes any more."""
        from saltern.agent.cache import Cache

        where: list[str] = []
        for start in range(0, len(blobs), BLOBS_AT_ONCE):
            some = tuple(blobs[start : start + BLOBS_AT_ONCE])
            cache = Cache(Path(os.fsdecode(self._ask(Ask(what="fetch", blobs=some), None).data)))
            where += [str(cache.path(name)) for name, _ in some]
        return where

    def push(self, source: str, path: str) -> None:
        """Have the loop send a file to the controllers."""
        self._ask(Ask(what="push", source=source, path=path), None)

    def _ask(self, question: Ask, within: float | None = ANSWER_WITHIN) -> Answer:
        answer = self._reporter.ask(question, within)
        if answer.error:
            raise _ERRORS.get(answer.code, Unavailable)(answer.error, hint=answer.hint)
        return answer


def work(connection: socket.socket, go: Go, tail: Tail, spool: Spool, run: Perform) -> None:
    """Run the function and leave its return in the spool. Raises OSError when the disk won't have it."""
    reporter = Reporter(connection, tail)
    reporter.say(Working(os.getpid()))
    reach("worker.called")
    result, data = _run(go, reporter, run)
    reach("worker.done")
    spool.write(go.order.jid, result, data)
    reach("worker.written")
    reporter.say(Done())


def _run(go: Go, reporter: Reporter, run: Perform) -> tuple[Return, bytes]:
    try:
        outcome = run(go.order, reporter.emit, Agent(go.order.jid, reporter))
    except BaseException as error:  # nothing a function does may keep its return from being written
        message = f"the function was left by {type(error).__name__}: {error}"
        return returned(go, Status.FAILED, 1, Error(kind=type(error).__name__, message=message)), b""
    verdict = Status.OK if outcome.ok else Status.FAILED
    result = returned(go, verdict, outcome.retcode, _error(outcome.error))
    return msgspec.structs.replace(result, snapshot=outcome.snapshot), outcome.data


def returned(go: Go, verdict: Status, retcode: int, error: Error | None = None, reason: str = "") -> Return:
    """Return a job's return, ended now; the times are the controller's."""
    finished = go.started + SystemClock().steady() - go.since
    return Return(
        verdict=verdict, retcode=retcode, error=error, reason=reason, started=go.started, finished=finished
    )


def settle_in() -> None:
    """Make this process what a function may expect: a session of its own, ordinary signals and umask."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o022)


def _error(failure: Failure | None) -> Error | None:
    """Return the wire's form of a failure, short enough for one message."""
    if failure is None:
        return None
    return Error(
        kind=failure.kind[:200],
        message=_shorten(failure.message),
        detail=_shorten(failure.detail),
        hint=_shorten(failure.hint),
    )


def _shorten(text: Any, limit: int = 32 * 1024) -> str:
    half = limit // 2
    return text if len(text) <= limit else f"{text[:half]}\n… {len(text) - limit} more …\n{text[-half:]}"
