"""The life of a job: sent to exactly who was decided, followed until each target has settled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from saltern.controller.fabric import Fabric
from saltern.controller.fleet import Fleet
from saltern.controller.live import LiveJob, Part
from saltern.controller.orders import ORDER_LIFE, Orders
from saltern.controller.peers import JobMade, Peers
from saltern.controller.presence import Change
from saltern.controller.settings import ControllerSettings
from saltern.controller.store import Store, Update
from saltern.foundation import settings as reading
from saltern.foundation.clock import Clock
from saltern.foundation.errors import Conflict, SalternError, Unavailable, UsageError
from saltern.identity.authorise import Action, Decision
from saltern.identity.authority import Authority
from saltern.messages.v1 import Ack, Beat, Hello, Progress, Pulse
from saltern.model.ids import AgentKey, JobId, new_job_id
from saltern.model.job import Job, Tally, Target
from saltern.model.request import RunRequest
from saltern.model.status import Status
from saltern.model.update import Output, Settled

log = logging.getLogger("saltern.jobs")

#: Seconds after which a job that the returning agent does not know of is lost; its return may be on the way.
_SETTLING = 10.0
#: Seconds a settled job stays in memory, for what may still be heard of it.
_LINGER = 300.0
#: Targets sent to before other work gets its turn.
_BURST = 200
#: Seconds between looks at who has been silent.
_LOOK = 5.0


class Jobs:
    """All jobs that are not over. What matters is in the store before anything is sent."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        fabric: Fabric,
        authority: Authority,
        peers: Peers,
        settings: ControllerSettings,
        clock: Clock,
    ) -> None:
        self._fleet = fleet
        self._peers = peers
        self._store = store
        self._fabric = fabric
        self._orders = Orders(authority, fabric, clock)
        self._settings = settings.jobs
        self._default_timeout = reading.duration(settings.jobs.timeout)
        self._clock = clock
        self._queued: set[AgentKey] = set()
        self._checks: list[tuple[float, Callable[[], None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.live: dict[JobId, LiveJob] = {}

    # --- what people ask ---------------------------------------------------------------------------

    async def run(self, decision: Decision, request: RunRequest) -> Job:
        """Record the job, then send it to the decision's targets. Raises Unavailable, UsageError."""
        decision.require(Action.JOB_RUN)
        now = self._clock.now()
        timeout = self._default_timeout if request.timeout is None else request.timeout
        if timeout <= 0:
            raise UsageError("a job's timeout is more than 0 seconds")
        connection = self._fabric.connection  # without a broker nothing is promised
        job = Job(
            jid=new_job_id(now),
            fun=request.fun,
            args=request.args,
            kwargs=request.kwargs,
            target=decision.targets.expression,
            target_kind=decision.targets.kind,
            user=decision.principal.name,
            created=now,
            timeout=timeout,
            queue_until=None if request.queue is None else now + request.queue,
        )
        if len(_order_size(job)) > connection.max_data:
            raise UsageError(
                "the arguments are too large for one message",
                hint="put large data in a file, and give its path",
            )
        targets = [self._target(job, key, name) for key, name in decision.targets.members.items()]
        await self._store.jobs.create(job, targets)
        live = self._admit(job, targets)
        self._peers.tell(JobMade(job=job))
        self._spawn(self._send(live, [t.key for t in targets if t.status is Status.SENT]))
        for target in targets:
            if target.status is Status.QUEUED and self._fleet.presence.online(target.key):
                self._release_queue(target.key)  # it came while the job was being recorded
        return job

    def _target(self, job: Job, key: AgentKey, name: str) -> Target:
        if self._fleet.presence.online(key):
            status, reason = Status.SENT, ""
        elif job.queue_until is not None:
            status, reason = Status.QUEUED, "not connected; it gets the job when it returns"
        else:
            status, reason = Status.OFFLINE, self._absence(key)
        return Target(jid=job.jid, key=key, name=name, status=status, updated=job.created, reason=reason)

    def _absence(self, key: AgentKey) -> str:
        agent = self._fleet.get(key)
        if agent is None or agent.last_seen is None:
            return "never connected"
        ago = max(0, int(self._clock.now() - agent.last_seen))
        return f"not connected, last seen {_ago(ago)} ago"

    def _admit(self, job: Job, targets: list[Target]) -> LiveJob:
        now = self._clock.steady()
        parts: dict[AgentKey, Part] = {}
        for target in targets:
            part = parts[target.key] = Part(target.name, target.status, now, proven=target.proven)
            part.reason = target.reason
            if target.status is Status.QUEUED:
                self._queued.add(target.key)
        live = self.live[job.jid] = LiveJob(job, parts)
        return live

    async def cancel(self, decision: Decision, jid: JobId) -> Tally:
        """Stop the job on every target that has not settled; those it never reached are done at once."""
        decision.require(Action.JOB_CANCEL)
        await self._store.jobs.cancelled(jid, decision.principal.name)
        live = self.live.get(jid)
        if live is None:
            raise Conflict(f"job {jid} is over: there is nothing to cancel")
        live.job = msgspec.structs.replace(live.job, cancelled_by=decision.principal.name)
        self._peers.tell(JobMade(job=live.job))
        now = self._clock.steady()
        for key, part in live.unsettled():
            if part.status is Status.QUEUED:
                self._conclude(live, key, Status.CANCELLED, now, "cancelled before it was sent")
            else:
                await self._orders.cancel(key, live.job)
        await self.flush()
        return Tally(dict(+live.counts))

    # --- sending -----------------------------------------------------------------------------------

    async def _send(self, live: LiveJob, keys: list[AgentKey]) -> None:
        for number, key in enumerate(keys):
            try:
                await self._orders.run(key, live.job)
            except Unavailable as error:
                now = self._clock.steady()
                for unsent in keys[number:]:
                    self._conclude(live, unsent, Status.OFFLINE, now, f"not sent: {error.message}")
                break
            live.parts[key].heard = self._clock.steady()
            if number % _BURST == _BURST - 1:
                await asyncio.sleep(0)
        self._await_ack(live, keys)

    def _await_ack(self, live: LiveJob, keys: list[AgentKey]) -> None:
        if keys:
            self._after(self._settings.acknowledge, lambda: self._expect_ack(live, keys))

    async def ask(self, key: AgentKey) -> None:
        """Ask an agent for its Pulse; the answer comes through ``accounted``. Raises Unavailable."""
        await self._orders.probe(key)

    def _expect_ack(self, live: LiveJob, keys: list[AgentKey]) -> None:
        now = self._clock.steady()
        limit = self._settings.acknowledge
        late = False
        for key in keys:
            if live.parts[key].status is not Status.SENT:
                continue
            if now - live.parts[key].heard < limit:
                late = True
                continue
            reason = f"connected, but did not acknowledge within {limit:g} s"
            if not self._fleet.presence.online(key):
                reason = "its connection was lost before it acknowledged"
            self._conclude(live, key, Status.UNRESPONSIVE, now, reason)
        if late:
            self._after(0.5, lambda: self._expect_ack(live, keys))

    # --- what agents say ---------------------------------------------------------------------------

    def heard(self, key: AgentKey, jid: JobId, frame: Ack | Beat | Progress) -> None:
        """Take in a sign of life of a job."""
        live = self.live.get(jid)
        if live is None or key not in live.parts:
            return
        now = self._clock.steady()
        running = not isinstance(frame, Ack) or frame.running
        live.see(key, Status.RUNNING if running else Status.RECEIVED, now)
        part = live.parts[key]
        if isinstance(frame, Beat):
            part.started = frame.started
        elif isinstance(frame, Progress):
            text = frame.data.decode(errors="replace")
            for watcher in live.watchers:
                if watcher.output:
                    watcher.progressed(
                        Output(jid=jid, key=key, name=part.name, stream=frame.stream, data=text)
                    )

    def accounted(self, key: AgentKey, account: Hello | Pulse) -> None:
        """An agent told which jobs it has. What it does not know of is sent again, or lost after a while."""
        has = {*account.jobs, *account.spooled}
        now = self._clock.steady()
        for live in list(self.live.values()):
            part = live.parts.get(key)
            if part is None or part.proven:
                continue
            if live.job.jid in has:
                live.see(key, Status.RECEIVED, now)
                if live.job.cancelled_by:
                    self._spawn(self._orders.cancel(key, live.job))
            elif part.status is Status.SENT and isinstance(account, Hello):
                self._spawn(self._orders.run(key, live.job))
            elif part.status in (Status.SENT, Status.RECEIVED, Status.RUNNING):
                self._expect_trace(live, key, now)

    def _expect_trace(self, live: LiveJob, key: AgentKey, since: float) -> None:
        self._after(_SETTLING, lambda: self._miss(live, key, since))

    def _miss(self, live: LiveJob, key: AgentKey, since: float) -> None:
        part = live.parts[key]
        if not part.proven and part.heard <= since:
            self._conclude(live, key, Status.LOST, since, "the agent has no trace of it any more")

    def returned(self, target: Target, update: Settled) -> None:
        """An agent's return is in the store."""
        live = self.live.get(target.jid)
        if live is None:
            return
        live.see(target.key, target.status, self._clock.steady(), proof=True, reason=target.reason)
        for watcher in live.watchers:
            watcher.settled(update)
        self._release(live)

    def present(self, change: Change) -> None:
        """An agent came or went."""
        if change.online:
            self._release_queue(change.key)
        if not change.online:
            self._expect_return(change.key)

    def _release_queue(self, key: AgentKey) -> None:
        if key in self._queued:
            self._queued.discard(key)
            self._spawn(self._send_queued(key))

    async def _send_queued(self, key: AgentKey) -> None:
        for live in list(self.live.values()):
            part = live.parts.get(key)
            if part is None or part.status is not Status.QUEUED:
                continue
            update = Update(jid=live.job.jid, key=key, status=Status.SENT, at=self._clock.now())
            try:
                recorded = await self._store.targets.record([update])
            except SalternError as error:
                log.error("job %s stays queued for now: %s", live.job.jid, error)
                self._after(_LOOK, lambda: self._spawn(self._send_queued(key)))
                return
            live.see(key, Status.SENT, self._clock.steady())
            if recorded.changed:  # else another controller was first
                await self._send(live, [key])

    async def made_elsewhere(self, job: Job) -> None:
        """Another controller made or cancelled a job: follow it here too."""
        live = self.live.get(job.jid)
        if live is None:
            self._admit(job, await self._store.targets.of_job(job.jid))
        else:
            live.job = job

    def _expect_return(self, key: AgentKey) -> None:
        self._after(self._settings.disconnected_grace, lambda: self._gone(key))

    def _gone(self, key: AgentKey) -> None:
        if self._fleet.presence.online(key):
            return
        now = self._clock.steady()
        for live in list(self.live.values()):
            part = live.parts.get(key)
            if part is not None and part.status in (Status.RECEIVED, Status.RUNNING):
                agent = self._fleet.get(key)
                since = agent.since if agent and agent.since else None
                away = f" {_ago(int(self._clock.now() - since))} ago" if since else ""
                self._conclude(
                    live, key, Status.LOST, now, f"the agent's connection was lost{away} while it ran"
                )

    # --- the passing of time -----------------------------------------------------------------------

    async def run_clock(self) -> None:
        """Do what is due, until cancelled."""
        looked = self._clock.steady()
        while True:
            await asyncio.sleep(0.1)
            now = self._clock.steady()
            due = [check for at, check in self._checks if at <= now]
            self._checks = [(at, check) for at, check in self._checks if at > now]
            for check in due:
                check()
            if now - looked >= _LOOK:
                looked = now
                self._look(now)
                await self._expire_queued()
            await self.flush()

    def _look(self, now: float) -> None:
        """Ask after running jobs that have been silent; drop what has been over for long."""
        silence = self._settings.silence
        silent: set[AgentKey] = set()
        for live in list(self.live.values()):
            self._release(live)
            for key, part in live.unsettled():
                quiet = now - part.heard
                if part.status not in (Status.RECEIVED, Status.RUNNING) or quiet < silence:
                    continue
                if not self._fleet.presence.online(key):
                    continue
                if quiet >= silence + 2 * _LOOK:
                    reason = f"connected, but not heard of for {quiet:.0f} s"
                    self._conclude(live, key, Status.UNRESPONSIVE, now, reason)
                else:
                    silent.add(key)
        for key in silent:
            self._spawn(self.ask(key))

    async def _expire_queued(self) -> None:
        now = self._clock.now()
        if not any(live.job.queue_until and live.job.queue_until < now for live in self.live.values()):
            return
        for target in await self._store.targets.expire_queued(now):
            live = self.live.get(target.jid)
            if live is not None:
                self._conclude(live, target.key, Status.OFFLINE, self._clock.steady(), target.reason)

    def _release(self, live: LiveJob) -> None:
        if not live.settled or live.watchers or live.dirty:
            return
        known = all(part.proven or part.status is Status.OFFLINE for part in live.parts.values())
        if known or self._clock.now() - live.job.created > max(_LINGER, ORDER_LIFE):
            self.live.pop(live.job.jid, None)

    def _conclude(self, live: LiveJob, key: AgentKey, status: Status, now: float, reason: str) -> None:
        """The controller's own word; a return still overrules it."""
        if not live.see(key, status, now, reason=reason):
            return
        update = Settled(jid=live.job.jid, key=key, name=live.parts[key].name, status=status, reason=reason)
        for watcher in live.watchers:
            watcher.settled(update)

    async def flush(self) -> None:
        """Write statuses that have changed to the store; what cannot be written is tried again."""
        updates: list[Update] = []
        now = self._clock.now()
        for live in self.live.values():
            for key in live.dirty:
                part = live.parts[key]
                if not part.proven:
                    updates.append(
                        Update(
                            jid=live.job.jid,
                            key=key,
                            status=part.status,
                            at=now,
                            reason=part.reason,
                            started=part.started,
                        )
                    )
            live.dirty.clear()
        if not updates:
            return
        try:
            await self._store.targets.record(updates)
        except SalternError as error:
            log.error("statuses are not recorded: %s", error)
            for update in updates:
                live = self.live.get(update.jid)  # type: ignore[assignment]
                if live is not None:
                    live.dirty.add(update.key)

    async def recover(self) -> None:
        """After a start: take up every job that has not settled."""
        jids = {target.jid for target in await self._store.targets.unsettled()}
        for jid in sorted(jids):
            job = await self._store.jobs.get(jid)
            if job is not None:
                self._admit(job, await self._store.targets.of_job(jid))

    async def inquire(self) -> None:
        """After the broker is (back) there: ask every present agent that owes us something."""
        owing = {key for live in self.live.values() for key, part in live.unsettled()}
        for key in owing:
            if not self._fleet.presence.online(key):
                self._expect_return(key)
                continue
            await self.ask(key)
            self._release_queue(key)
        for live in self.live.values():
            self._await_ack(live, [key for key, part in live.unsettled() if part.status is Status.SENT])

    def unreadable(self, jid: JobId, key: AgentKey, reason: str) -> None:
        """An agent's return came, and nobody can make sense of it."""
        live = self.live.get(jid)
        if live is not None and key in live.parts:
            self._conclude(live, key, Status.LOST, self._clock.steady(), f"its return was damaged: {reason}")

    def _after(self, seconds: float, check: Callable[[], None]) -> None:
        self._checks.append((self._clock.steady() + seconds, check))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except Unavailable as error:
                log.warning("not sent: %s", error)

        task = asyncio.ensure_future(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _order_size(job: Job) -> bytes:
    return msgspec.msgpack.encode((job.fun, job.args, job.kwargs))


def _ago(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
