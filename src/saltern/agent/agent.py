"""The agent's loop: keeps a connection, takes orders, hands over returns."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import secrets
import signal
import socket
from pathlib import Path
from typing import Any

import msgspec

import saltern
from saltern.agent import steps
from saltern.agent.cache import Cache
from saltern.agent.credential import Identity
from saltern.agent.errands import Errands
from saltern.agent.executor import Executor
from saltern.agent.facts import Facts
from saltern.agent.mine import Rounds, is_own
from saltern.agent.outbox import Outbox
from saltern.agent.settings import AgentSettings
from saltern.agent.supervisor import AGAIN
from saltern.agent.time import ControllerClock
from saltern.foundation.errors import (
    BadMessage,
    NotAllowed,
    Refused,
    SalternError,
    SettingsError,
    Unavailable,
    UsageError,
)
from saltern.foundation.layout import Layout
from saltern.identity import permissions
from saltern.identity.keys import PublicKey
from saltern.messages.v1 import (
    Ack,
    Beat,
    Cancel,
    Denied,
    Event,
    Frame,
    Grains,
    Hello,
    Order,
    Probe,
    Progress,
    Pulse,
    Renew,
    Renewed,
    Return,
    Welcome,
    decode,
    encode,
)
from saltern.messages.v1.orders import Expired, verify
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status
from saltern.transport.connection import Connection, Message, connect

log = logging.getLogger("saltern.agent")

#: Seconds until a job is acknowledged that has not ended by then; the controller waits for 3.
ACKNOWLEDGE = 0.5
#: Seconds between heartbeats of a running job.
BEAT = 10.0
#: Seconds to pause before another try to connect: at first, and at most.
FIRST_PAUSE, LAST_PAUSE = 0.2, 5.0
#: Seconds to wait for a connection: when a whole fleet comes at once it takes its time.
CONNECT = 30.0
#: Seconds to pause when the controller does not want us.
UNWELCOME_PAUSE = 30.0
#: Progress messages of one job in a second.
PROGRESS_RATE = 50
#: Seconds between two words on how far a run of states is.
STEPS_EVERY = 0.3
#: Seconds between two questions of what time it is, when orders seem to come too late.
RESYNC = 5.0
#: Refused orders reported between two beats.
REFUSALS = 10

#: The tags that functions may give their events.
_TAG = re.compile(r"(?=.{1,200}\Z)[\w-]+(?:[./][\w-]+)*", re.ASCII)


class Agent:
    """One agent's process that talks. It is the executor's listener."""

    def __init__(self, layout: Layout, settings: AgentSettings, control: socket.socket) -> None:
        """``control`` leads to the supervisor."""
        self._facts = Facts(layout, settings)
        self._identity = Identity(layout.agent)
        self._pair = self._identity.pair()
        self.key = AgentKey(self._pair.public)
        self.instance = secrets.token_hex(8)
        self._credential = self._identity.credential()
        self._signer = PublicKey(self._credential.signer)
        self.clock = ControllerClock()
        self.executor = Executor(layout.agent, control, self, settings=settings.jobs, clock=self.clock)
        cache, room = Cache(layout.agent / "files"), settings.files.cache
        self.errands = Errands(self.key, self._signer, cache, self.clock, room=room, emit=self.emit)
        self._news: dict[JobId, Ack] = {}
        self._steps: dict[JobId, steps.Steps] = {}
        self._outbox = Outbox(self.executor, self.key, stored=self._stored)
        self._connection: Connection | None = None
        self._welcome = asyncio.Event()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._grains_sent = b""
        self._struggle = 0.0  # seconds that the last connection took to fail
        self._refusals = 0
        self._asked_time = -RESYNC
        self._broken = False
        self._rounds = Rounds(self.executor, self.key, settings, self.clock, self._welcome)

    async def run(self) -> int:
        """Work until told to stop; return the exit code."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        await self.executor.start()
        parts = (self._beat(), self._renew_in_time(), self._rounds.run())
        background = [asyncio.create_task(part) for part in parts]
        for task in background:
            task.add_done_callback(self._ended)
        try:
            await self._keep_connected()
        finally:
            for task in [*background, *self._tasks]:
                task.cancel()
            await asyncio.gather(*background, *self._tasks, return_exceptions=True)
            await self._outbox.close()
            await self.executor.close()
        return AGAIN if self._broken else 0

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A part of the loop ended that never should: end, to be started anew by the supervisor."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("a part of the agent failed; it is started anew", exc_info=error)
            self._broken = True
            self._stop.set()

    # --- the connection ------------------------------------------------------------------------------

    async def _keep_connected(self) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            try:
                await self._session(await self._connect())
                pause = FIRST_PAUSE
            except NotAllowed as error:
                log.error("%s%s", error, f" ({error.hint})" if error.hint else "")
                pause = UNWELCOME_PAUSE
            except (Unavailable, BadMessage) as error:
                log.warning("%s", error)
                pause = max(min(pause * 2, LAST_PAUSE), self._struggle)
            # Everybody waits a different time, so that a fleet does not come back all at once.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause * random.uniform(0.5, 1.5))  # noqa: S311

    async def _connect(self) -> Connection:
        """Raises NotAllowed, Unavailable. A broker that was long in failing is left alone for as long."""
        began, self._struggle = self.clock.steady(), 0.0
        try:
            return await connect(
                self._credential.endpoint(),
                self._identity.login(self._credential),
                name=f"agent/{self.instance}",
                inbox=permissions.agent_inbox(self.key),
                timeout=CONNECT,
            )
        except Unavailable:
            self._struggle = self.clock.steady() - began
            raise

    async def _session(self, connection: Connection) -> None:
        """One connection, from open to close. Raises NotAllowed, Unavailable."""
        tasks: list[asyncio.Task[Any]] = []
        admitted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def on_order(message: Message) -> None:
            # What comes before the welcome waits for it: the controller may find that we are a copy.
            if await asyncio.shield(admitted):
                await self._on_order(message)

        try:
            await connection.subscribe(f"job.{self.key}", on_order, queue=self.instance)
            welcome = await self._hello(connection)
            self.clock.set(welcome.now)
            log.info("connected to %s as %s", connection.server, welcome.name)
            self._connection = connection
            admitted.set_result(True)
            self._welcome.set()
            self._outbox.attach(connection)
            await self.errands.attach(connection)
            tasks.append(asyncio.create_task(self._tell_grains(force=welcome.tell_grains)))
            stopped = asyncio.create_task(self._stop.wait())
            lost = asyncio.create_task(connection.closed.wait())
            tasks += [stopped, lost]
            await asyncio.wait({stopped, lost}, return_when=asyncio.FIRST_COMPLETED)
            if not self._stop.is_set():
                log.warning("the connection to the broker was lost")
        finally:
            if not admitted.done():
                admitted.set_result(False)
            self._welcome.clear()
            self._connection = None
            self._outbox.detach()
            self.errands.detach()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await connection.close()

    async def _hello(self, connection: Connection) -> Welcome:
        """Introduce ourselves until we are answered. Raises NotAllowed, Unavailable when it is closed."""
        pause = 0.5
        while not connection.closed.is_set():
            hello = Hello(
                instance=self.instance,
                version=saltern.__version__,
                name=self._credential.name,
                host=_machine_id(),
                jobs=tuple(job.jid for job in self.executor.jobs()),
                spooled=tuple(self.executor.finished()),
            )
            try:
                answer = decode(
                    await connection.request(f"rpc.{self.key}.hello", encode(hello), 10), Welcome, Denied
                )
            except Unavailable as error:
                log.info("no controller answers yet: %s", error)
            else:
                if isinstance(answer, Welcome):
                    return answer
                if answer.code != "busy":
                    raise NotAllowed(answer.message, hint=answer.hint)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(connection.closed.wait(), pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(pause * 2, 10.0)
        raise Unavailable("the connection was lost before a controller answered")

    async def _renew_in_time(self) -> None:
        """Get a new credential at half life, and use it from then on."""
        while True:
            await self._welcome.wait()
            connection = self._connection
            if connection is not None and self.clock.now() >= self._credential.half_life():
                try:
                    await self._renew(connection)
                except SalternError as error:
                    log.warning("the credential is not renewed yet: %s", error)
            life = self._credential.expires - self._credential.issued
            await asyncio.sleep(min(60.0, max(0.2, life / 20)))

    async def _renew(self, connection: Connection) -> None:
        answer = decode(await connection.request(f"rpc.{self.key}.renew", encode(Renew())), Renewed, Denied)
        if isinstance(answer, Denied):
            raise NotAllowed(answer.message, hint=answer.hint)
        self._credential = self._credential.renewed(answer)
        await asyncio.to_thread(self._identity.save, self._credential)
        log.info("the credential is renewed")

    # --- orders --------------------------------------------------------------------------------------

    async def _on_order(self, message: Message) -> None:
        try:
            order = await self._verified(message.data)
        except Expired as error:
            self._report_refusal(error)
            if isinstance(error.order, Order) and not self.executor.remembers(error.order):
                await self._refuse(error.order.jid, error)
            return
        except Refused as error:
            self._report_refusal(error)
            return
        match order:
            case Order():
                self._spawn(self._take(order))
            case Cancel():
                self._spawn(self._cancel(order))
            case Probe():
                await self._say("pulse", self._pulse())
                if order.grains:
                    self._spawn(self._tell_grains(force=True))

    async def _verified(self, data: bytes) -> Order | Cancel | Probe:
        """Return the order if it is to be obeyed. Raises Refused, Expired."""
        try:
            return verify(data, self._signer, self.key, self.clock.now())
        except Expired:
            # Somebody may have set the controller's clock back: ask what time it is there, and look again.
            connection, now = self._connection, self.clock.steady()
            if connection is None or now - self._asked_time < RESYNC:
                raise
            self._asked_time = now
            try:
                self.clock.set((await self._hello(connection)).now)
            except SalternError as error:
                log.warning("the controller does not say what time it is: %s", error)
            return verify(data, self._signer, self.key, self.clock.now())

    async def _take(self, order: Order) -> None:
        known = self.executor.remembers(order)
        try:
            await self.executor.submit(order)
        except Refused as error:
            self._report_refusal(error, order.jid)
            if not known:
                await self._refuse(order.jid, error)
            return
        if order.jid not in self._news:  # else it is running already
            self._acknowledge(order.jid, Ack(at=self.clock.now()))

    async def _cancel(self, order: Cancel) -> None:
        if not await self.executor.cancel(order.jid, order.user):
            log.info("job %s is not here to be cancelled", order.jid)

    async def _refuse(self, jid: JobId, error: Refused) -> None:
        """Say so in a return. There is nothing to lose: the job did not run."""
        result = Return(verdict=Status.REFUSED, retcode=1, reason=error.message, finished=self.clock.now())
        if self._connection is not None:
            try:
                await self._connection.store(f"ret.{self.key}.{jid}", encode(result))
            except Unavailable as failure:
                log.warning("a refusal was not handed over: %s", failure)

    def _report_refusal(self, error: Refused, jid: str = "") -> None:
        self._refusals += 1
        if self._refusals <= REFUSALS:  # no more: whoever sends them must not fill our disk, or the stream
            log.warning("an order was refused: %s", error)
            self._spawn(self.emit("order/refused", {"reason": error.message, "jid": jid}))

    def _pulse(self) -> Pulse:
        return Pulse(
            instance=self.instance,
            jobs=tuple(job.jid for job in self.executor.jobs()),
            spooled=tuple(self.executor.finished()),
        )

    # --- what the executor tells -----------------------------------------------------------------------

    def running(self, jid: JobId, started: float) -> None:
        """A job has started."""
        self._acknowledge(jid, Ack(at=started, running=True))

    def _acknowledge(self, jid: JobId, ack: Ack) -> None:
        """Say so in a moment, if there is nothing newer by then. The return of a short job says it all."""
        if is_own(jid):
            return
        if jid not in self._news:
            asyncio.get_running_loop().call_later(ACKNOWLEDGE, self._tell_news, jid)
        self._news[jid] = ack

    def _tell_news(self, jid: JobId) -> None:
        ack = self._news.pop(jid, None)
        if ack is not None:
            self._spawn(self._say(jid, ack))

    def _stored(self, jid: JobId) -> None:
        self._news.pop(jid, None)

    async def progress(self, jid: JobId, progress: Progress) -> None:
        """A job has said something."""
        if is_own(jid):
            return
        if progress.stream == steps.STREAM:
            await self._progress_of_states(jid, progress.data)
            return
        await self._say(jid, progress)
        await asyncio.sleep(1 / PROGRESS_RATE)

    async def _progress_of_states(self, jid: JobId, data: bytes) -> None:
        """Fire the events of states, and say now and then how far their run is."""
        if jid not in self._steps:
            self._steps[jid] = steps.Steps()
            asyncio.get_running_loop().call_later(STEPS_EVERY, self._tell_steps, jid, 0)
        for tag, told in self._steps[jid].take(data):
            await self.emit(tag, {"jid": jid, **told})

    def _tell_steps(self, jid: JobId, sequence: int) -> None:
        if jid not in self._steps or all(job.jid != jid for job in self.executor.jobs()):
            self._steps.pop(jid, None)
            return
        news = self._steps[jid].news()
        if news is not None:
            data = msgspec.json.encode(news)
            self._spawn(self._say(jid, Progress(sequence=sequence, stream=steps.STREAM, data=data)))
        asyncio.get_running_loop().call_later(STEPS_EVERY, self._tell_steps, jid, sequence + 1)

    def finished(self, jid: JobId) -> None:
        """A job's return lies in the spool."""
        self._steps.pop(jid, None)
        if is_own(jid):
            self._rounds.finished(jid)
        else:
            self._outbox.add(jid)

    async def refresh_grains(self) -> None:
        """Collect the grains anew and publish them. Raises Unavailable."""
        if self._connection is None:
            raise Unavailable("not connected")
        await self._tell_grains(force=True)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self._refusals = 0
            now = self.clock.now()
            for job in self.executor.jobs():
                if job.started is not None and not is_own(job.jid):
                    await self._say(job.jid, Beat(at=now, started=job.started))

    # --- what we say -----------------------------------------------------------------------------------

    async def _say(self, what: str, frame: Frame) -> None:
        """Send a sign of life, heard or not."""
        if self._connection is None:
            return
        try:
            await self._connection.publish(f"live.{self.key}.{what}", encode(frame))
        except Unavailable as error:
            log.debug("not said: %s", error)

    async def emit(self, tag: str, data: dict[str, Any]) -> None:
        """Publish an event, if we are connected."""
        if self._connection is None:
            return
        subject = f"event.{self.key}.{tag.replace('/', '.')}"
        try:
            await self._connection.publish(subject, encode(Event(at=self.clock.now(), data=data)))
        except Unavailable as error:
            log.warning("the event %s was not published: %s", tag, error)

    async def happened(self, tag: str, data: dict[str, Any]) -> None:
        """Publish an event of a function's, until it is stored. Raises UsageError, Unavailable."""
        if not _TAG.fullmatch(tag):
            raise UsageError(
                f"{tag[:100]!r} can't be the tag of an event",
                hint="words of letters, digits and _-. with / between them, 200 characters at most",
            )
        if self._connection is None:
            raise Unavailable("not connected")
        subject = f"event.{self.key}.{tag.replace('/', '.')}"
        await self._connection.store(subject, encode(Event(at=self.clock.now(), data=data)))

    async def _tell_grains(self, *, force: bool) -> None:
        """Collect the grains and publish them when they have changed, until they are stored."""
        grains = await asyncio.to_thread(self._facts.collect)
        encoded = encode(Grains(data=msgspec.json.encode(grains)))
        if encoded == self._grains_sent and not force:
            return
        pause = 1.0
        while self._connection is not None:
            try:
                await self._connection.store(f"$KV.grains.{self.key}", encoded)
            except Unavailable as error:
                log.warning("grains are not published yet: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 60.0)
            else:
                self._grains_sent = encoded
                return

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the agent failed at something: %s", error, exc_info=error)


def _machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text().strip()[:64]
    except OSError:
        return ""


def run_loop(layout: Layout, settings: AgentSettings, control: socket.socket) -> int:
    """Run the agent's loop in this process; for the supervisor."""
    try:
        return asyncio.run(_run(layout, settings, control))
    except SettingsError as error:
        log.error("%s", error)
        return 2


async def _run(layout: Layout, settings: AgentSettings, control: socket.socket) -> int:
    return await Agent(layout, settings, control).run()
