"""The life of a job: sent to exactly who was decided, followed until each target has settled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

import msgspec

from saltern.controller import rollout, steps
from saltern.controller.fabric import Fabric
from saltern.controller.fleet import Fleet
from saltern.controller.live import LiveJob, Part
from saltern.controller.orders import ORDER_LIFE, Orders
from saltern.controller.peers import JobMade, Peers
from saltern.controller.presence import Change
from saltern.controller.returners.service import Returners
from saltern.controller.rollout import Roll
from saltern.controller.sending import Sending, ago
from saltern.controller.settings import ControllerSettings
from saltern.controller.store import Store, Update
from saltern.controller.timers import Timers
from saltern.foundation import settings as reading
from saltern.foundation.clock import Clock
from saltern.foundation.errors import Conflict, SalternError, UsageError
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
#: Seconds after a crowd of returns in which nobody is called unresponsive.
_CROWDED = 1.0
#: Seconds a settled job stays in memory, for what may still be heard of it.
_LINGER = 300.0
#: Seconds between writings of statuses; a job that has returned by then needs none.
_FLUSH = 0.5
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
        returners: Returners,
        settings: ControllerSettings,
        clock: Clock,
    ) -> None:
        self._fleet = fleet
        self._peers = peers
        self._returners = returners
        self._store = store
        self._fabric = fabric
        self._orders = Orders(authority, fabric, clock, store.plans.part)
        self._settings = settings.jobs
        self._default_timeout = reading.duration(settings.jobs.timeout)
        self._clock = clock
        self._timers = Timers(clock)
        self._crowded = -_CROWDED  # when returns last came in a crowd
        self.live: dict[JobId, LiveJob] = {}
        self.on_settled: Callable[[Job, Settled], None] = lambda job, settled: None
        self._sending = Sending(
            live=self.live,
            orders=self._orders,
            fleet=fleet,
            store=store,
            settings=settings.jobs,
            clock=clock,
            timers=self._timers,
            conclude=self._conclude,
            behind=lambda: clock.steady() - self._crowded < _CROWDED,
        )

    # --- what people ask ---------------------------------------------------------------------------

    async def run(self, decision: Decision, request: RunRequest, *, jid: JobId | None = None) -> Job:
        """Record the job, then send it to the decision's targets. Raises Unavailable, UsageError."""
        decision.require(Action.JOB_RUN)
        now = self._clock.now()
        timeout = self._default_timeout if request.timeout is None else request.timeout
        if timeout <= 0:
            raise UsageError("a job's timeout is more than 0 seconds")
        connection = self._fabric.connection  # without a broker nothing is promised
        job = Job(
            jid=jid or new_job_id(now),
            fun=request.fun,
            args=request.args,
            kwargs=request.kwargs,
            target=decision.targets.expression,
            target_kind=decision.targets.kind,
            user=decision.principal.name,
            created=now,
            timeout=timeout,
            queue_until=None if request.queue is None else now + request.queue,
            rollout=request.rollout,
            returners=self._returners.chosen(request.fun, request.returners),
            plan=request.plan,
        )
        if request.rollout is not None:
            rollout.check(request.rollout, len(decision.targets.members))
            if request.rollout.rollback and not request.fun.startswith("state."):
                raise UsageError(
                    f"{request.fun} cannot be undone", hint="only states can; leave rollback away"
                )
            if request.queue is not None:
                raise UsageError("a roll-out in batches does not wait for offline agents", hint="no --queue")
        if len(_order_size(job)) > connection.max_data:
            raise UsageError(
                "the arguments are too large for one message",
                hint="put large data in a file, and give its path",
            )
        targets = [self._sending.first(job, key, name) for key, name in decision.targets.members.items()]
        if job.rollout is not None and job.rollout.in_steps:
            await self._store.rollouts.put(job.jid, rollout.begun(decision.principal, now), over=False)
        await self._store.jobs.create(job, targets)
        live = self._admit(job, targets)
        self._peers.tell(JobMade(job=job))
        self._sending.start(live)
        for key, part in live.parts.items():
            if part.status is Status.OFFLINE:
                self.on_settled(job, _settled(live, key))
        return job

    def _admit(self, job: Job, targets: list[Target]) -> LiveJob:
        now = self._clock.steady()
        parts: dict[AgentKey, Part] = {}
        for target in targets:
            part = parts[target.key] = Part(target.name, target.status, now, proven=target.proven)
            part.reason = target.reason
        live = self.live[job.jid] = LiveJob(job, parts)
        if job.rollout is not None and not job.rollout.in_steps:
            waiting = [key for key, part in parts.items() if part.status is Status.QUEUED]
            total = sum(part.status is not Status.OFFLINE for part in parts.values())
            live.roll = Roll(job.rollout, waiting, total)
        return live

    async def take_up(self, jid: JobId) -> LiveJob | None:
        """Return a job as it lives, read from the store where it does not; None when it is gone."""
        if jid not in self.live:
            job = await self._store.jobs.get(jid)
            if job is None:
                return None
            targets = await self._store.targets.of_job(jid)
            return self.live.get(jid) or self._admit(job, targets)
        return self.live[jid]

    async def send(self, live: LiveJob, keys: list[AgentKey]) -> None:
        """Send a job to some of those who wait for their turn."""
        await self._sending.send_waiting(live, keys)

    def turn_of(self, key: AgentKey) -> bool | None:
        """Tell whether an agent is there to have its turn; None when it has just left, and may be back."""
        if self._fleet.presence.online(key):
            return True
        return None if self._sending.just_left(key) else False

    def pass_over(self, live: LiveJob, keys: Iterable[AgentKey], status: Status, reason: str = "") -> None:
        """Settle those whose turn has not come; without a ``reason`` because they are not there."""
        for key in keys:
            if live.parts[key].status is Status.QUEUED:
                self._conclude(live, key, status, reason or self._sending.absence(key))

    async def cancel(self, decision: Decision, jid: JobId) -> Tally:
        """Stop the job on every target that has not settled; those it never reached are done at once."""
        decision.require(Action.JOB_CANCEL)
        await self._store.jobs.cancelled(jid, decision.principal.name)
        live = self.live.get(jid)
        if live is None:
            raise Conflict(f"job {jid} is over: there is nothing to cancel")
        live.job = msgspec.structs.replace(live.job, cancelled_by=decision.principal.name)
        self._peers.tell(JobMade(job=live.job))
        for key, part in live.unsettled():
            if part.status is Status.QUEUED:
                self._conclude(live, key, Status.CANCELLED, "cancelled before it was sent")
            else:
                await self._orders.cancel(key, live.job)
        await self.flush()
        return Tally(dict(+live.counts))

    async def ask(self, key: AgentKey) -> None:
        """Ask an agent for its Pulse; the answer comes through ``accounted``. Raises Unavailable."""
        await self._orders.probe(key)

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
        elif isinstance(frame, Progress) and frame.stream == steps.STREAM:
            if steps.take(live, part, frame.data):
                live.moved()
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
                    self._timers.spawn(self._orders.cancel(key, live.job))
            elif part.status is Status.SENT and isinstance(account, Hello):
                self._timers.spawn(self._orders.run(key, live.job))
            elif part.status in (Status.SENT, Status.RECEIVED, Status.RUNNING):
                self._expect_trace(live, key, now)

    def _expect_trace(self, live: LiveJob, key: AgentKey, since: float) -> None:
        self._timers.after(_SETTLING, lambda: self._miss(live, key, since))

    def _miss(self, live: LiveJob, key: AgentKey, since: float) -> None:
        part = live.parts[key]
        if not part.proven and part.heard <= since:
            self._conclude(live, key, Status.LOST, "the agent has no trace of it any more")

    def crowd(self) -> None:
        """Returns come faster than they are taken: who seems silent may just be waiting in line."""
        self._crowded = self._clock.steady()

    def returned(self, target: Target, update: Settled) -> None:
        """An agent's return is in the store."""
        live = self.live.get(target.jid)
        if live is None:
            return
        live.see(target.key, target.status, self._clock.steady(), proof=True, reason=target.reason)
        self._tell(live, update)
        self._release(live)

    def present(self, change: Change) -> None:
        """An agent came or went."""
        if change.online:
            self._sending.returned(change.key)
        else:
            self._expect_return(change.key)

    async def made_elsewhere(self, job: Job) -> None:
        """Another controller made or cancelled a job: follow it here too."""
        live = self.live.get(job.jid)
        if live is None:
            self._admit(job, await self._store.targets.of_job(job.jid))
        else:
            live.job = job

    def _expect_return(self, key: AgentKey) -> None:
        self._timers.after(self._settings.disconnected_grace, lambda: self._gone(key))

    def _gone(self, key: AgentKey) -> None:
        if self._fleet.presence.online(key):
            return
        for live in list(self.live.values()):
            part = live.parts.get(key)
            if part is not None and part.status in (Status.RECEIVED, Status.RUNNING):
                agent = self._fleet.get(key)
                since = agent.since if agent and agent.since else None
                away = f" {ago(self._clock.now() - since)} ago" if since else ""
                self._conclude(live, key, Status.LOST, f"the agent's connection was lost{away} while it ran")

    # --- the passing of time -----------------------------------------------------------------------

    async def run_clock(self) -> None:
        """Do what is due, until cancelled."""
        looked = flushed = self._clock.steady()
        while True:
            await asyncio.sleep(0.1)
            now = self._clock.steady()
            self._timers.run_due()
            if now - looked >= _LOOK:
                looked = now
                self._look(now)
                await self._expire_queued()
            if now - flushed >= _FLUSH:
                flushed = now
                await self.flush()

    def _look(self, now: float) -> None:
        """Ask after running jobs that have been silent; drop what has been over for long."""
        silence = self._settings.silence
        silent: set[AgentKey] = set()
        for live in list(self.live.values()):
            self._release(live)
            if live.settled:
                continue
            for key, part in live.unsettled():
                quiet = now - part.heard
                if part.status not in (Status.RECEIVED, Status.RUNNING) or quiet < silence:
                    continue
                if not self._fleet.presence.online(key):
                    continue
                if quiet >= silence + 2 * _LOOK:
                    reason = f"connected, but not heard of for {quiet:.0f} s"
                    self._conclude(live, key, Status.UNRESPONSIVE, reason)
                else:
                    silent.add(key)
        for key in silent:
            self._timers.spawn(self.ask(key))

    async def _expire_queued(self) -> None:
        now = self._clock.now()
        if not any(live.job.queue_until and live.job.queue_until < now for live in self.live.values()):
            return
        for target in await self._store.targets.expire_queued(now):
            live = self.live.get(target.jid)
            if live is not None:
                self._conclude(live, target.key, Status.OFFLINE, target.reason)

    def _release(self, live: LiveJob) -> None:
        if not live.settled or live.watchers or live.dirty:
            return
        known = all(part.proven or part.status is Status.OFFLINE for part in live.parts.values())
        if known or self._clock.now() - live.job.created > max(_LINGER, ORDER_LIFE):
            self.live.pop(live.job.jid, None)

    def _conclude(self, live: LiveJob, key: AgentKey, status: Status, reason: str) -> None:
        """The controller's own word; a return still overrules it."""
        if not live.see(key, status, self._clock.steady(), reason=reason):
            return
        self._tell(live, _settled(live, key))

    def _tell(self, live: LiveJob, update: Settled) -> None:
        self.on_settled(live.job, update)
        for watcher in live.watchers:
            watcher.settled(update)
        self._sending.place_is_free(live)

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
        for live in list(self.live.values()):
            self._sending.follow(live)
            self._sending.await_ack(
                live, [key for key, part in live.unsettled() if part.status is Status.SENT]
            )

    def unreadable(self, jid: JobId, key: AgentKey, reason: str) -> None:
        """An agent's return came, and nobody can make sense of it."""
        live = self.live.get(jid)
        if live is not None and key in live.parts:
            self._conclude(live, key, Status.LOST, f"its return was damaged: {reason}")


def _settled(live: LiveJob, key: AgentKey) -> Settled:
    part = live.parts[key]
    return Settled(jid=live.job.jid, key=key, name=part.name, status=part.status, reason=part.reason)


def _order_size(job: Job) -> bytes:
    return msgspec.msgpack.encode((job.fun, job.args, job.kwargs))
