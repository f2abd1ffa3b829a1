"""The controller as the API sees it: every part joined, every change decided and put on record."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import saltern
from saltern.controller.admission import Admission
from saltern.controller.drift import Drifts
from saltern.controller.fabric import Fabric
from saltern.controller.files.backend import Backend
from saltern.controller.files.pushed import PushedFiles
from saltern.controller.files.service import Files
from saltern.controller.files.sources import Source
from saltern.controller.fleet import Fleet
from saltern.controller.groups import Groups
from saltern.controller.happenings import Happenings
from saltern.controller.intake import GrainsWatch, Intake, Service
from saltern.controller.jobs import Jobs
from saltern.controller.mine import Mine
from saltern.controller.orders import Orders
from saltern.controller.peers import AgentChanged, JobMade, News, Peers, Returned, Welcomed
from saltern.controller.pillar.service import PillarPlaces, Pillars
from saltern.controller.plans import Plans
from saltern.controller.publish import Publishing
from saltern.controller.returners.service import Returners
from saltern.controller.returns import Returns, as_settled
from saltern.controller.rolling import Rolling
from saltern.controller.settings import ControllerSettings
from saltern.controller.store import Act, JobFilter, Store
from saltern.controller.watch import job_updates, require_job
from saltern.foundation import settings as reading
from saltern.foundation.clock import Clock
from saltern.foundation.errors import Conflict, SalternError
from saltern.identity.authorise import Action, Decision, Principal, Targets
from saltern.identity.authority import Authority
from saltern.messages.v1 import AskPillar
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job, Tally, Target
from saltern.model.mine import MineItem
from saltern.model.pillar import PillarCheck, PillarTop, ShownPillar
from saltern.model.request import RunRequest, TokenRequest
from saltern.model.returner import Retried, ReturnerStatus, Tried, Undelivered
from saltern.model.status import Status
from saltern.model.system import AuditEntry, AuditReport, ControllerStatus, Happening
from saltern.model.token import NewToken, Token
from saltern.model.update import Settled, Update
from saltern.targeting import Reason
from saltern.transport import streams
from saltern.transport.connection import Connection, Endpoint

log = logging.getLogger("saltern.controller")

#: Seconds between two entries about the same principal being refused.
_REFUSALS_EVERY = 10.0
#: Seconds a job waits at most for the fabric to be (back) there.
_TAKING_STOCK = 3.0
#: Seconds between two rounds of removing what is too old or too much.
_RETENTION = 600.0
#: Seconds between two questions to the broker who is connected.
_STOCK = 60.0


class Controller:
    """Fits ``api.facade.Controller``. ``start`` it before use, ``close`` it after."""

    def __init__(
        self,
        *,
        store: Store,
        authority: Authority,
        endpoint: Endpoint,
        dial: Endpoint,
        settings: ControllerSettings,
        groups: Groups,
        clock: Clock,
        pillar_places: PillarPlaces,
        uploads: Path,
        backends: Sequence[Backend] = (),
        pushed: PushedFiles | None = None,
    ) -> None:
        """Agents dial in at ``endpoint``, this controller at ``dial``; ``pushed`` takes files they send.

        What people send to agents comes by way of the directory ``uploads``.
        """
        self._store = store
        self._authority = authority
        self._endpoint = endpoint
        self._settings = settings
        self._clock = clock
        self._started = clock.now()
        self._tasks: list[asyncio.Task[None]] = []
        self._refused: dict[str, float] = {}
        self._consumer: asyncio.Task[None] | None = None
        self.happenings = Happenings(clock)
        me = secrets.token_hex(8)
        self._peers = Peers(me)
        self.fleet = Fleet(store, groups, clock, lambda change: self.jobs_alive.present(change))
        self.fabric = Fabric(
            authority,
            dial,
            account=lambda: self.admission.account_jwt(),
            on_open=self._on_open,
            on_lost=self._on_lost,
            space=settings.fabric.max_storage,
            replicas=settings.fabric.replicas,
        )
        self.admission = Admission(
            authority=authority,
            endpoint=endpoint,
            store=store,
            fleet=self.fleet,
            fabric=self.fabric,
            happenings=self.happenings,
            peers=self._peers,
            settings=settings,
            clock=clock,
        )
        self.returners = Returners(settings.returners, store, clock)
        self.jobs_alive = Jobs(
            fleet=self.fleet,
            store=store,
            fabric=self.fabric,
            authority=authority,
            peers=self._peers,
            returners=self.returners,
            settings=settings,
            clock=clock,
        )
        self.plans = Plans(
            store=store,
            jobs=self.jobs_alive,
            settings=settings.plans,
            clock=clock,
            on_record=self._on_record,
        )
        self._rolling = Rolling(
            store=store,
            jobs=self.jobs_alive,
            clock=clock,
            me=me,
            resolve=self.resolve,
            on_record=self._on_record,
        )
        self.drift = Drifts(
            store=store,
            jobs=self.jobs_alive,
            settings=settings.drift,
            happenings=self.happenings,
            clock=clock,
            me=me,
            resolve=self.resolve,
            on_record=self._on_record,
        )
        self.jobs_alive.on_settled = self.drift.settled
        self.mine = Mine(store=store, fleet=self.fleet, groups=groups, settings=settings, clock=clock)
        self.intake = Intake(
            authority=authority,
            endpoint=endpoint,
            fleet=self.fleet,
            jobs=self.jobs_alive,
            admission=self.admission,
            happenings=self.happenings,
            peers=self._peers,
            mine=self.mine,
            publishing=Publishing(fleet=self.fleet, work=self, settings=settings, clock=clock),
            clock=clock,
        )
        self.files = Files(
            [Source(backend, number) for number, backend in enumerate(backends)],
            lambda: self.fabric.connection,
            self.happenings,
            clock,
            keep=settings.files.keep,
            pushed=pushed,
            uploads=uploads,
            upload_bytes=settings.files.upload_bytes,
            on_record=self._on_record,
        )
        self.intake.serve_files(self.files)
        self.pillars = Pillars(fleet=self.fleet, settings=settings, places=pillar_places, clock=clock)
        self.intake.services["pillar"] = Service(AskPillar, self.pillars.answer)
        self._returns = Returns(store, self.jobs_alive, self.happenings, self._peers, self.returners, clock)
        self._grains = GrainsWatch(self.fleet, self.happenings, Orders(authority, self.fabric, clock), clock)

    async def start(self) -> None:
        """Take up what an earlier controller left, and go to work."""
        await self.fleet.load()
        await self.jobs_alive.recover()
        self._background(self.fabric.run())
        self._background(self.jobs_alive.run_clock())
        self._background(self._rolling.run())
        self._background(self.drift.run())
        self._background(self._keep_up())
        self._background(self._take_stock())
        self._background(self._keep_house())
        await self.returners.begin()
        for work in self.returners.work():
            self._background(work)
        self._background(self.files.run())
        self._background(self.pillars.keep_index())

    async def close(self) -> None:
        """Stop; what is under way is taken up by the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.files.close()
        await self.pillars.close()
        await self.jobs_alive.flush()
        await self.fleet.flush()
        await self.returners.close()

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except Exception:
                log.critical("a part of the controller failed; it ends, to be started anew", exc_info=True)
                os.kill(os.getpid(), 15)

        self._tasks.append(asyncio.create_task(guarded()))

    async def _on_open(self, connection: Connection, system: Connection) -> None:
        await self.happenings.attach(connection)
        await self._peers.attach(connection, self._on_news)
        await self.files.attach(connection)
        await self.intake.attach(connection, system)
        await streams.watch(connection, streams.GRAINS, "$KV.grains.*", self._grains.on_grains)
        self._consumer = asyncio.create_task(self._consume(connection))
        await self.jobs_alive.inquire()

    async def _on_news(self, news: News) -> None:
        """Another controller on this fabric did something."""
        match news:
            case AgentChanged(keys=keys):
                for key in keys:
                    await self.fleet.reload(key)
                if any(self.fleet.accepted(key) is None for key in keys):
                    # Both may have told the broker at once: the last word must know of both revocations.
                    await self.fabric.refresh_account()
            case Welcomed():
                await self.fleet.find(news.key)
                self.fleet.welcome(news.key, news.instance, news.version, news.at)
            case JobMade():
                await self.jobs_alive.made_elsewhere(news.job)
            case Returned():
                await self._returns.elsewhere(news.pairs)

    async def _consume(self, connection: Connection) -> None:
        try:
            await self._returns.consume(connection)
        except SalternError as error:
            log.warning("returns are not taken: %s", error)
            await connection.close()
        except Exception:
            log.exception("returns are not taken; the connection is opened anew")
            await connection.close()

    def _on_lost(self) -> None:
        if self._consumer is not None:
            self._consumer.cancel()
        self.fleet.apply(self.fleet.presence.lose(self._clock.now()))

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            await self.fleet.flush()

    async def _take_stock(self) -> None:
        while True:
            await asyncio.sleep(_STOCK)
            if self.fabric.up.is_set():
                try:
                    await self.intake.take_stock(patience=2.0)
                except SalternError as error:
                    log.warning("who is connected is not known better: %s", error)

    async def _keep_house(self) -> None:
        keep = reading.duration(self._settings.jobs.keep)
        while True:
            now = self._clock.now()
            try:
                pruned = await self._store.retention.prune(
                    before=now - keep, keep_bytes=self._settings.jobs.keep_bytes, spare_since=now - 3600
                )
                if pruned.jobs:
                    log.info("removed %d old jobs, about %d bytes", pruned.jobs, pruned.bytes)
                await self._store.plans.forget(before=now - keep)
                await self._store.rollouts.forget()
            except SalternError as error:
                log.error("old jobs are not removed: %s", error)
            await asyncio.sleep(_RETENTION)

    async def _on_record(self, decision: Decision) -> None:
        """Put on record what is about to be done; what cannot be recorded is not done."""
        names = list(decision.targets.members.values())
        await self._store.audit.append(
            Act(
                at=self._clock.now(),
                principal=f"{decision.principal.name} ({decision.principal.via})",
                action=decision.action,
                target=f"{decision.targets.expression}: {len(names)}" if names else "",
                decision="allowed",
                arguments={**decision.arguments, "targets": names[:100]},
            )
        )

    async def refused(self, principal: Principal, action: Action, reason: str) -> None:
        """Put on record that somebody was not allowed; who keeps trying fills no disk."""
        now = self._clock.steady()
        last = self._refused.get(principal.name, -_REFUSALS_EVERY)
        if now - last < _REFUSALS_EVERY:
            return
        self._refused[principal.name] = now
        await self._store.audit.append(
            Act(
                at=self._clock.now(),
                principal=f"{principal.name} ({principal.via})",
                action=action,
                target="",
                decision="refused",
                arguments={"reason": reason},
            )
        )
        self.happenings.emit("access/refused", {"who": principal.name, "action": action, "reason": reason})

    # --- the facade --------------------------------------------------------------------------------

    def resolve(self, expression: str, kind: str, delimiter: str = ":") -> Targets:
        """Return who is meant; may be empty. Raises UsageError when the expression is wrong."""
        return self.fleet.resolve(expression, kind, delimiter)

    def explain(self, expression: str, kind: str, delimiter: str = ":") -> dict[AgentKey, Reason]:
        """Return, for each agent meant, which terms mean it. Raises UsageError."""
        return self.fleet.explain(expression, kind, delimiter)

    async def run(self, decision: Decision, request: RunRequest) -> Job:
        """Send a job to the decision's targets and return it at once."""
        await self._on_record(decision)
        if not self.fabric.up.is_set():  # who is there is being found out: wait for the truth
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.fabric.up.wait(), _TAKING_STOCK)
        return await self.jobs_alive.run(decision, request)

    async def watch(self, jid: JobId, *, output: bool = False) -> AsyncIterator[Update]:
        """Yield Begun, what is known, then what comes, and Ended last. Raises NotFound."""
        job = await require_job(self._store, jid)
        async for update in job_updates(self._store, job, self.jobs_alive.live.get(jid), output=output):
            yield update

    async def cancel(self, decision: Decision, jid: JobId) -> Tally:
        """Stop the job wherever it has not ended."""
        await require_job(self._store, jid)
        await self._on_record(decision)
        return await self.jobs_alive.cancel(decision, jid)

    async def job(self, jid: JobId) -> Job:
        """Return a job. Raises NotFound."""
        return await require_job(self._store, jid)

    async def targets(self, jid: JobId, statuses: Collection[Status] | None = None) -> list[Target]:
        """Return the job's targets by name, those in ``statuses`` or all. Raises NotFound."""
        await require_job(self._store, jid)
        return await self._store.targets.of_job(jid, statuses)

    async def jobs(self, **filter: Any) -> list[Job]:
        """Return jobs, newest first; see JobFilter."""
        return await self._store.jobs.list(JobFilter(**filter))

    async def returns(self, jid: JobId, names: str | None) -> AsyncIterator[Settled]:
        """Yield every settled target of the job whose name matches the glob ``names`` (None: all)."""
        async for returned in self._store.returns.stream(jid, names):
            yield as_settled(returned.target, returned.data, returned.error, returned.snapshot)

    def data(self, jid: JobId, key: AgentKey) -> AsyncIterator[bytes]:
        """Yield one return's JSON in pieces, whatever its size. Raises NotFound when there is none."""
        return self._store.returns.data(jid, key)

    async def agents(self) -> list[Agent]:
        """Return all agents, whatever the state of their key."""
        return self.fleet.all()

    async def change_keys(self, decision: Decision, verb: str) -> list[Agent]:
        """Do ``verb`` to the keys that are the decision's targets; return those changed."""
        await self._on_record(decision)
        return await self.admission.change_keys(decision, verb)

    async def create_token(self, decision: Decision, request: TokenRequest) -> NewToken:
        """Make a join token."""
        await self._on_record(decision)
        return await self.admission.create_token(decision, request)

    async def tokens(self) -> list[Token]:
        """Return all tokens, newest first."""
        return await self._store.tokens.list()

    async def revoke_token(self, decision: Decision, token: str) -> Token:
        """End a token by its id. Raises NotFound."""
        await self._on_record(decision)
        return await self.admission.revoke_token(decision, token)

    async def show_pillar(self, decision: Decision, *, pillarenv: str, unmask: bool) -> ShownPillar:
        """Return an agent's pillar; that secrets were shown is put on record. Raises Conflict."""
        if unmask:
            await self._on_record(decision)
        return await self.pillars.show(decision, pillarenv=pillarenv, unmask=unmask)

    async def pillar_top(self, decision: Decision, *, pillarenv: str) -> PillarTop:
        """Return which SLS make an agent's pillar. Raises Conflict."""
        return await self.pillars.top(decision, pillarenv=pillarenv)

    def check_pillars(self, members: Mapping[AgentKey, str]) -> AsyncIterator[PillarCheck]:
        """Render the pillars of these agents and yield how each went."""
        return self.pillars.check(list(members))

    async def mine_items(self, members: Mapping[AgentKey, str]) -> list[MineItem]:
        """Return what these agents have in the mine, by name, without the data."""
        return await self.mine.list(members)

    async def mine_data(self, members: Mapping[AgentKey, str], functions: Collection[str]) -> dict[str, Any]:
        """Return ``{function: {agent: data}}`` of these agents' entries in the mine."""
        return await self.mine.read(members, functions)

    async def delete_mine(self, decision: Decision, functions: Collection[str] | None) -> int:
        """Delete what the decision's targets have in the mine."""
        await self._on_record(decision)
        return await self.mine.delete(decision, functions)

    def events(self, pattern: str) -> AsyncIterator[Happening]:
        """Yield what happens from now on, of agents and controller, with a tag like the glob."""
        return self.happenings.listen(pattern)

    async def status(self) -> ControllerStatus:
        """Return how the controller is."""
        problems = () if self.fabric.up.is_set() else ("the broker is not reached",)
        agents = self.fleet.each()
        return ControllerStatus(
            version=saltern.__version__,
            started=self._started,
            pid=os.getpid(),
            fabric=", ".join(self._endpoint.urls),
            database=self._store.address,
            agents=sum(agent.state is KeyState.ACCEPTED for agent in agents),
            online=sum(agent.online for agent in agents),
            pending=sum(agent.state is KeyState.PENDING for agent in agents),
            jobs=sum(not live.settled for live in self.jobs_alive.live.values()),
            problems=problems,
        )

    async def returners_status(self) -> list[ReturnerStatus]:
        """Return how every returner is."""
        return await self.returners.status()

    async def refused_returns(self, name: str, *, limit: int) -> list[Undelivered]:
        """Return what a returner has refused, oldest first. Raises NotFound."""
        return await self.returners.refused(name, limit=limit)

    async def retry_returner(self, decision: Decision, name: str) -> Retried:
        """Deliver again what a returner has refused. Raises NotFound."""
        decision.require(Action.SYSTEM_CHANGE)
        await self._on_record(decision)
        return await self.returners.retry(name)

    async def test_returner(self, decision: Decision, name: str) -> Tried:
        """Deliver a return that nobody made. Raises NotFound."""
        decision.require(Action.SYSTEM_CHANGE)
        await self._on_record(decision)
        return await self.returners.test(name, decision.principal.name)

    async def audit(self, *, after: int, limit: int) -> list[AuditEntry]:
        """Return up to ``limit`` entries of the audit log that follow entry ``after``, oldest first."""
        return await self._store.audit.entries(after=after, limit=limit)

    async def accept_audit_loss(self, decision: Decision) -> AuditEntry:
        """Go on after entries of the audit log were lost. Raises Conflict when none were."""
        decision.require(Action.AUDIT_CHANGE)
        if (await self._store.audit.verify()).whole:
            raise Conflict("the audit log is whole: nothing was lost")
        return await self._store.audit.accept_loss(
            principal=f"{decision.principal.name} ({decision.principal.via})", at=self._clock.now()
        )

    async def verify_audit(self) -> AuditReport:
        """Read the whole audit log and tell whether it is whole."""
        return await self._store.audit.verify()
