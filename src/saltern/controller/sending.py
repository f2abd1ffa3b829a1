"""Sending a job to its targets: at once, when they return, or when their turn comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from saltern.controller.fleet import Fleet
from saltern.controller.live import LiveJob
from saltern.controller.orders import Orders
from saltern.controller.settings import Jobs as JobSettings
from saltern.controller.store import Store, Update
from saltern.controller.timers import Timers
from saltern.foundation.clock import Clock
from saltern.foundation.errors import SalternError, Unavailable
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job, Target
from saltern.model.status import Status

log = logging.getLogger("saltern.jobs")

#: Targets sent to before other work gets its turn.
_BURST = 200
#: Seconds until another try, when the store did not take what must be in it before something is sent.
_AGAIN = 5.0
#: Seconds until another look whether an agent that has just left is back.
_RETURNING = 0.5
_AT_WORK = (Status.SENT, Status.RECEIVED, Status.RUNNING)
#: What counts against a roll-out.
FAILURES = (Status.FAILED, Status.REFUSED, Status.TIMED_OUT, Status.LOST, Status.UNRESPONSIVE)

Conclude = Callable[[LiveJob, AgentKey, Status, str], None]


class Sending:
    """Gets orders out. ``conclude`` is told what the controller concludes of a target by itself."""

    def __init__(
        self,
        *,
        live: Mapping[JobId, LiveJob],
        orders: Orders,
        fleet: Fleet,
        store: Store,
        settings: JobSettings,
        clock: Clock,
        timers: Timers,
        conclude: Conclude,
        behind: Callable[[], bool],
    ) -> None:
        """``behind`` tells that returns wait to be taken: an answer may be among them."""
        self._live = live
        self._orders = orders
        self._fleet = fleet
        self._store = store
        self._acknowledge = settings.acknowledge
        self._grace = settings.disconnected_grace
        self._clock = clock
        self._timers = timers
        self._conclude = conclude
        self._behind = behind
        self._absent: set[AgentKey] = set()  # some queued job waits for these

    def first(self, job: Job, key: AgentKey, name: str) -> Target:
        """Return a new job's target with the status it begins with."""
        if self._fleet.presence.online(key):
            waits = job.rollout is not None
            status, reason = (Status.QUEUED, "its turn has not come") if waits else (Status.SENT, "")
        elif job.queue_until is not None:
            status, reason = Status.QUEUED, "not connected; it gets the job when it returns"
        else:
            status, reason = Status.OFFLINE, self.absence(key)
        return Target(jid=job.jid, key=key, name=name, status=status, updated=job.created, reason=reason)

    def absence(self, key: AgentKey) -> str:
        """Return why an agent gets nothing."""
        agent = self._fleet.get(key)
        if agent is None or agent.last_seen is None:
            return "never connected"
        return f"not connected, last seen {ago(self._clock.now() - agent.last_seen)} ago"

    def start(self, live: LiveJob) -> None:
        """Send a job to everybody who is to have it now."""
        self._timers.spawn(
            self._send(live, [key for key, part in live.parts.items() if part.status is Status.SENT])
        )
        self.follow(live)

    def follow(self, live: LiveJob) -> None:
        """See that those who wait get their turn, of a job just made or taken up."""
        if live.roll is not None:
            self._roll_on(live)
        if live.job.rollout is not None:
            return
        waiting = [key for key, part in live.parts.items() if part.status is Status.QUEUED]
        self._absent.update(waiting)
        for key in waiting:
            if self._fleet.presence.online(key):
                self.returned(key)

    async def _send(self, live: LiveJob, keys: list[AgentKey]) -> None:
        for number, key in enumerate(keys):
            try:
                await self._orders.run(key, live.job)
            except Unavailable as error:
                for unsent in keys[number:]:
                    self._conclude(live, unsent, Status.OFFLINE, f"not sent: {error.message}")
                break
            live.parts[key].heard = self._clock.steady()
            if number % _BURST == _BURST - 1:
                await asyncio.sleep(0)
        self.await_ack(live, keys)

    def await_ack(self, live: LiveJob, keys: list[AgentKey]) -> None:
        """Call those unresponsive who do not acknowledge in time."""
        if keys:
            self._timers.after(self._acknowledge, lambda: self._expect_ack(live, keys))

    def _expect_ack(self, live: LiveJob, keys: list[AgentKey]) -> None:
        now = self._clock.steady()
        late = False
        for key in keys:
            if live.parts[key].status is not Status.SENT:
                continue
            if self._behind() or now - live.parts[key].heard < self._acknowledge:
                late = True
                continue
            reason = f"connected, but did not acknowledge within {self._acknowledge:g} s"
            if not self._fleet.presence.online(key):
                reason = "its connection was lost before it acknowledged"
            self._conclude(live, key, Status.UNRESPONSIVE, reason)
        if late:
            self._timers.after(0.5, lambda: self._expect_ack(live, keys))

    # --- those who wait ------------------------------------------------------------------------------

    def returned(self, key: AgentKey) -> None:
        """An agent is connected: it gets what was queued for it."""
        if key in self._absent:
            self._absent.discard(key)
            for live in self._live.values():
                part = live.parts.get(key)
                if part is not None and part.status is Status.QUEUED and live.job.rollout is None:
                    self._timers.spawn(self.send_waiting(live, [key]))

    async def send_waiting(self, live: LiveJob, keys: list[AgentKey]) -> None:
        """Send to those who waited, unless another controller was first: the store decides."""
        at = self._clock.now()
        updates = [Update(jid=live.job.jid, key=key, status=Status.SENT, at=at) for key in keys]
        try:
            recorded = await self._store.targets.record(updates)
        except SalternError as error:
            log.error("job %s waits on: %s", live.job.jid, error)
            self._timers.after(_AGAIN, lambda: self._timers.spawn(self.send_waiting(live, keys)))
            return
        for key in keys:
            live.see(key, Status.SENT, self._clock.steady())
        if live.roll is not None:
            live.roll.held -= len(keys)
        await self._send(live, [target.key for target in recorded.changed])

    # --- roll-outs -----------------------------------------------------------------------------------

    def _roll_on(self, live: LiveJob) -> None:
        """Give those a turn whose turn it is; or stop, when too many have failed."""
        roll = live.roll
        if roll is None:
            return
        for key in roll.stop(sum(live.counts[status] for status in FAILURES)):
            reason = f"not run: more than {roll.rollout.max_failures} failed"
            self._conclude(live, key, Status.CANCELLED, reason)
        here: list[AgentKey] = []
        for key in roll.take(at_work=sum(live.counts[status] for status in _AT_WORK)):
            if live.parts[key].status is not Status.QUEUED:
                self.place_is_free(live)
            elif self._fleet.presence.online(key):
                here.append(key)
            elif self.just_left(key):
                roll.waiting.append(key)  # it may be on its way back, as all are when the broker restarts
                self._timers.after(_RETURNING, lambda: self._roll_on(live))
            else:
                self._conclude(live, key, Status.OFFLINE, self.absence(key))
        if here:
            roll.held += len(here)  # until they count as being at work
            self._timers.spawn(self.send_waiting(live, here))

    def just_left(self, key: AgentKey) -> bool:
        """Tell that an agent has been gone for so short a time that it may be on its way back."""
        agent = self._fleet.get(key)
        since = agent.since if agent else None
        return since is not None and self._clock.now() - since < self._grace

    def place_is_free(self, live: LiveJob) -> None:
        """A target has settled: the next may have its turn, after the rest that was asked for."""
        roll = live.roll
        if roll is None or not roll.waiting:
            return
        if not roll.rollout.wait:
            asyncio.get_running_loop().call_soon(self._roll_on, live)
            return
        roll.held += 1

        def rested() -> None:
            roll.held -= 1
            self._roll_on(live)

        self._timers.after(roll.rollout.wait, rested)


def ago(seconds: float) -> str:
    """Return a time span as people say it."""
    whole = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"
