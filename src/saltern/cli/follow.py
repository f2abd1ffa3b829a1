"""Follow a job to its end, through Ctrl-C and through restarts of the controller."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from saltern.api.replies import Broken, JobTargets
from saltern.cli.client import ApiError, Client
from saltern.cli.exit_codes import ExitCode, of_statuses
from saltern.cli.interrupts import Interrupts
from saltern.cli.output.results import standing
from saltern.cli.views import View
from saltern.foundation.errors import Unavailable
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import SETTLED, Status
from saltern.model.update import Begun, Counted, Ended, Noted, Output, Settled, Stepped, Unknown
from saltern.targeting import fold

#: Seconds to wait for a controller that went away, and between two tries.
PATIENCE = 120.0
_BETWEEN = 0.5

_decoder = msgspec.json.Decoder(
    Unknown | Begun | Counted | Stepped | Noted | Output | Settled | Ended | Broken
)


class Follower:
    """Hands a job's updates to a view, each result once."""

    def __init__(
        self, client: Client, view: View, *, output: bool = False, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._view = view
        self._output = output
        self._sleep = sleep
        self._jid: JobId | None = None
        self._seen: dict[AgentKey, tuple[Status, float | None]] = {}
        self._slowest: tuple[float, str] | None = None
        self._tally: Mapping[Status, int] = {}
        self._began = time.monotonic()
        self._over = False
        self._interrupts = Interrupts(lambda: self._jid is not None)
        self._leaves_queued = False
        self._farewell = ""
        self._notes: set[float] = set()
        self._failed = False  # a roll-out was stopped

    def start(self, target: str, body: Mapping[str, Any]) -> ExitCode:
        """POST a job and follow it. Raises ApiError, Unavailable, KeyboardInterrupt."""
        self._leaves_queued = True
        query = {"stream": True, "output": self._output}
        return self._follow(
            lambda: self._client.lines("POST", target, query=query, body=body, idle=self._idle)
        )

    def watch(self, jid: JobId) -> ExitCode:
        """Follow a job that is there. Raises ApiError, Unavailable, KeyboardInterrupt."""
        return self._follow(lambda: self._lines(jid))

    def targets(self) -> list[AgentKey]:
        """Return the agents that have settled."""
        return list(self._seen)

    def _lines(self, jid: JobId) -> Iterator[bytes]:
        query = {"output": self._output}
        return self._client.lines("GET", f"/v1/jobs/{jid}/events", query=query, idle=self._idle)

    def _idle(self) -> None:
        if self._interrupts.take():
            self._tell_how_to_come_back()
        self._view.idle()

    def _follow(self, opened: Callable[[], Iterator[bytes]]) -> ExitCode:
        with self._interrupts:
            while not self._over:
                try:
                    self._take(opened())
                except Unavailable as error:
                    opened = self._again(error)
                except KeyboardInterrupt:
                    self._finish()
                    raise
        code = of_statuses(self._finish())
        return ExitCode.FAILED if self._failed else code

    def _finish(self) -> Counter[Status]:
        """Show what there is, also when only a part of it has come."""
        statuses = Counter(status for status, _ in self._seen.values())
        counts = statuses if self._over else self._tally
        self._view.finish(dict(counts), self._slowest, time.monotonic() - self._began)
        if self._farewell:
            self._view.note(self._farewell)
        return statuses

    def _take(self, lines: Iterator[bytes]) -> None:
        for line in lines:
            update = _decoder.decode(line)
            if isinstance(update, Settled):
                self._settled(update)
            elif isinstance(update, Counted):
                self._tally = update.counts
                self._view.tally(update.counts)
                if self._leaves_queued and self._only_queue_is_left(update.counts):
                    self._leave_queued(update.jid)
                    return
            elif isinstance(update, Output):
                self._view.output(update)
            elif isinstance(update, Stepped):
                self._view.stepped(update)
            elif isinstance(update, Noted):
                self._noted(update)
            elif isinstance(update, Begun):
                self._jid = update.job.jid
                self._leaves_queued &= update.job.queue_until is not None  # a roll-out's turns do come
            elif isinstance(update, Ended):
                self._over = True
            elif isinstance(update, Unknown):
                self._view.note(f"no such agent: {fold(update.names)}")
            else:
                raise _meant(update)
            self._idle()

    def _noted(self, update: Noted) -> None:
        if update.at not in self._notes:  # else told again, after the controller was away
            self._notes.add(update.at)
            self._failed |= update.failed
            self._view.noted(update)

    def _only_queue_is_left(self, counts: Mapping[Status, int]) -> bool:
        waiting = sum(count for status, count in counts.items() if status not in SETTLED)
        told = sum(status in SETTLED for status, _ in self._seen.values())
        return 0 < waiting == counts.get(Status.QUEUED) and told >= sum(counts.values()) - waiting

    def _leave_queued(self, jid: JobId) -> None:
        """Show who gets the job later; nobody sits and waits for that."""
        path = f"/v1/jobs/{jid}/targets"
        queued = self._client.get(path, JobTargets, status=Status.QUEUED).targets
        for target in queued:
            self._settled(standing(target))
        self._over = True
        self._farewell = f"who is queued gets it later: saltern job watch {jid}"

    def _settled(self, update: Settled) -> None:
        state = (update.status, update.finished)
        if self._seen.get(update.key) == state:
            return  # told again, after the controller was away
        self._seen[update.key] = state
        if update.started is not None and update.finished is not None:
            took = (update.finished - update.started, update.name)
            self._slowest = max(self._slowest or took, took)
        self._view.settled(update)

    def _again(self, error: Unavailable) -> Callable[[], Iterator[bytes]]:
        """Wait for the controller; return how to go on watching. Raises Unavailable when it stays away."""
        if self._jid is None:
            raise error
        jid = self._jid
        self._view.note(f"{error.message}; waiting for it to come back (job {jid} goes on)")
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            self._sleep(_BETWEEN)
            self._idle()
            try:
                self._client.get(f"/v1/jobs/{jid}", msgspec.Raw)
            except Unavailable:
                continue
            return lambda: self._lines(jid)
        raise Unavailable(error.message, hint=f"the job goes on: saltern job watch {jid}")

    def _tell_how_to_come_back(self) -> None:
        jid = self._jid
        self._view.note(
            f"\njob {jid} goes on; this only watches it. Ctrl-C again leaves.\n"
            f"  come back: saltern job watch {jid}\n"
            f"  stop it:   saltern job cancel {jid}"
        )


def _meant(broken: Broken) -> Exception:
    what = broken.error
    if what.code == Unavailable.code:
        return Unavailable(what.message, hint=what.hint, where=what.where)
    return ApiError(what)
