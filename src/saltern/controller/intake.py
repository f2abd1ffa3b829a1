"""What comes in from the fabric, and who answers it: one table, and nothing outside it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from saltern.controller.admission import Admission
from saltern.controller.answers import Answers
from saltern.controller.files.service import Files
from saltern.controller.fleet import Fleet
from saltern.controller.floods import LIMIT
from saltern.controller.happenings import Happenings
from saltern.controller.jobs import Jobs
from saltern.controller.mine import Mine
from saltern.controller.orders import Orders
from saltern.controller.peers import Peers, Welcomed
from saltern.controller.presence import Link, LinkId
from saltern.controller.publish import Publishing
from saltern.foundation.clock import Clock
from saltern.foundation.errors import BadMessage, SalternError, Unavailable, UsageError
from saltern.identity import permissions
from saltern.identity.authority import Authority
from saltern.messages.v1 import (
    Ack,
    AskAuthority,
    AskFiles,
    Beat,
    Denied,
    Enrol,
    Frame,
    Grains,
    Hello,
    MineDrop,
    MineGet,
    MinePut,
    Missing,
    More,
    Progress,
    Publish,
    Pulse,
    Push,
    Question,
    Renew,
    Welcome,
    decode,
    encode,
)
from saltern.messages.v1 import (
    Authority as AuthorityIs,
)
from saltern.model.ids import AgentKey, JobId, is_agent_key
from saltern.transport import server
from saltern.transport.connection import Connection, Endpoint, Message

log = logging.getLogger("saltern.intake")

#: Requests of one agent, or one token, that are answered at the same time; more are denied.
_AT_ONCE = 4
#: Seconds an agent has to show that it lives, when another process claims its key.
_PROOF_OF_LIFE = 1.5
#: Seconds in which a process that is not welcome may leave by itself.
_TURNED_AWAY = 1.0
#: Seconds between two requests for one agent's grains.
_ASK_AGAIN = 5.0


class Service(NamedTuple):
    """A question an agent may ask: what it looks like, and who answers.

    It comes in a Question and its answer, of up to 64 MiB, is signed, unless it is ``bare``.
    """

    frame: type[Frame]
    answer: Callable[[AgentKey, Any], Awaitable[Frame]]
    bare: bool = False


class Intake:
    """Subscribes to everything that agents and machines without identity may send."""

    def __init__(
        self,
        *,
        authority: Authority,
        endpoint: Endpoint,
        fleet: Fleet,
        jobs: Jobs,
        admission: Admission,
        happenings: Happenings,
        peers: Peers,
        mine: Mine,
        publishing: Publishing,
        clock: Clock,
    ) -> None:
        self._authority = authority
        self._peers = peers
        self._mine = mine
        self._publishing = publishing
        self._endpoint = endpoint
        self._fleet = fleet
        self._jobs = jobs
        self._admission = admission
        self._happenings = happenings
        self._clock = clock
        self._connection: Connection | None = None
        self._system: Connection | None = None
        self._answers = Answers(authority.orders, clock)
        self._stock = asyncio.Lock()
        self._busy: Counter[str] = Counter()
        self._pulses: dict[AgentKey, set[asyncio.Future[str]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.services: dict[str, Service] = {
            "hello": Service(Hello, self._hello, bare=True),
            "renew": Service(Renew, self._renew, bare=True),
            "mine_put": Service(MinePut, lambda key, question: self._mine.put(key, question)),
            "mine_get": Service(MineGet, lambda key, question: self._mine.get(key, question)),
            "mine_drop": Service(MineDrop, lambda key, question: self._mine.drop(key, question)),
            "publish": Service(Publish, lambda key, question: self._publishing.publish(key, question)),
        }
        #: Services that answer by themselves, where the message says; it is the asker's inbox.
        self.senders: dict[str, Callable[[AgentKey, Message], Awaitable[None]]] = {}

    def serve_files(self, files: Files) -> None:
        """Let agents ask for files."""
        self.services |= {
            "files": Service(AskFiles, files.describe),
            "missing": Service(Missing, files.restore),
            "push": Service(Push, files.push),
        }
        self.senders["pieces"] = files.send

    async def attach(self, connection: Connection, system: Connection) -> None:
        """Hear everything on these connections, and find out who is there."""
        self._connection, self._system = connection, system
        self._happenings.floods.on_flood = self._on_flood
        account = self._authority.account.public
        await system.subscribe(server.connect_subject(account), self._on_connect)
        await system.subscribe(server.disconnect_subject(account), self._on_disconnect)
        await system.flush()
        await connection.subscribe("live.*.*", self._on_live)
        await self.take_stock()
        await connection.subscribe("rpc.*.*", self._on_rpc, queue="controllers")
        await connection.subscribe("rpc.*.more", self._on_more)
        await connection.subscribe("enrol.*", self._on_enrol, queue="controllers")
        await connection.flush()

    # --- presence ----------------------------------------------------------------------------------

    async def take_stock(self, patience: float = 0.25) -> None:
        """Ask the broker for all connections, since a server that dies does not report those it had.

        ``patience`` is how many seconds each of several servers has to answer after the first. Raises
        Unavailable.
        """
        async with self._stock:
            assert self._system is not None
            self._fleet.presence.ask()
            clients = await server.clients(self._system, self._authority.account.public, patience)
            links = [link for client in clients if (link := _link(client))]
            self._fleet.apply(self._fleet.presence.replace(links, self._clock.now()))
            for key in self._fleet.presence.strangers():
                if self._fleet.accepted(key) is not None:
                    await self._jobs.ask(key)

    async def _on_connect(self, message: Message) -> None:
        link = _link(server.reported(message))
        if link is not None:
            self._fleet.apply(self._fleet.presence.connected(link))
            if self._happenings.floods.kept_out(link.key):
                self._kick_soon([link])

    async def _on_disconnect(self, message: Message) -> None:
        client = server.reported(message)
        gone = LinkId(client.server, client.number)
        self._fleet.apply(self._fleet.presence.disconnected(gone, self._clock.now()))

    # --- signs of life -----------------------------------------------------------------------------

    async def _on_live(self, message: Message) -> None:
        _, key_text, jid = message.subject.split(".")
        key = AgentKey(key_text)
        if not self._happenings.floods.passes(key):
            return
        try:
            frame = decode(message.data, Ack, Progress, Beat, Pulse)
        except BadMessage as error:
            self._happenings.emit("live/malformed", {"reason": error.message}, key)
            return
        if isinstance(frame, Pulse):
            for waiting in self._pulses.pop(key, ()):
                if not waiting.done():
                    waiting.set_result(frame.instance)
            self._vouch(key, frame.instance)
            self._jobs.accounted(key, frame)
        else:
            self._jobs.heard(key, JobId(jid), frame)

    def _vouch(self, key: AgentKey, instance: str) -> None:
        """Take a process for the agent that says it was welcomed, when there is no other.

        The welcome may have been an earlier controller's, which died before it was recorded. A process that
        is not welcome does not answer.
        """
        presence = self._fleet.presence
        connected = any(link.instance == instance for link in presence.links(key))
        if connected and not presence.online(key) and self._fleet.accepted(key) is not None:
            self._fleet.apply(presence.welcome(key, instance, self._clock.now()))

    def _on_flood(self, key: AgentKey) -> None:
        """Disconnect an agent that says more than anybody could."""
        self._happenings.emit("agent/flood", {"messages_in_a_second": LIMIT}, key)
        self._kick_soon(self._fleet.presence.links(key))

    def _kick_soon(self, links: list[Link]) -> None:
        task = asyncio.create_task(self._kick(links))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- questions ---------------------------------------------------------------------------------

    async def _on_rpc(self, message: Message) -> None:
        _, key, service = message.subject.split(".")
        if service == "more" or not self._happenings.floods.passes(AgentKey(key)):
            return
        found = self.services.get(service)
        inbox = permissions.agent_inbox(AgentKey(key))
        if service in self.senders:
            await self._have_sent(AgentKey(key), message, inbox, self.senders[service])
            return
        if found is None:
            await self._reply(
                message, inbox, Denied(code="no_such_service", message=f"no service {service!r}")
            )
            return

        async def answer() -> Frame:
            if found.bare:
                return await found.answer(AgentKey(key), decode(message.data, found.frame))
            question = decode(message.data, Question)
            given = await found.answer(AgentKey(key), decode(question.body, found.frame))
            return self._answers.seal(AgentKey(key), question, given)

        await self._answer(message, inbox, key, answer)

    async def _on_more(self, message: Message) -> None:
        """An agent wants a part of an answer that some controller announced: perhaps this one."""
        key = AgentKey(message.subject.split(".")[1])
        if not self._happenings.floods.passes(key):
            return
        try:
            part = self._answers.part(key, decode(message.data, More))
        except BadMessage as error:
            self._happenings.emit("request/malformed", {"reason": error.message}, key)
            return
        if part is not None:
            await self._reply(message, permissions.agent_inbox(key), part)

    async def _have_sent(
        self,
        key: AgentKey,
        message: Message,
        inbox: str,
        send: Callable[[AgentKey, Message], Awaitable[None]],
    ) -> None:
        if not self._is_own(message, inbox):
            return
        try:
            await send(key, message)
        except SalternError as error:
            await self._reply(message, inbox, Denied(code=error.code, message=error.message, hint=error.hint))

    async def _on_enrol(self, message: Message) -> None:
        token = message.subject.split(".", 1)[1]
        inbox = permissions.OPEN_INBOX if token == "open" else permissions.token_inbox(token)  # noqa: S105

        async def answer() -> Frame:
            frame = decode(message.data, Enrol, AskAuthority)
            if isinstance(frame, AskAuthority):
                return AuthorityIs(ca=self._endpoint.ca)
            return await self._admission.enrol(message.subject, frame)

        await self._answer(message, inbox, token, answer, at_once=256)

    async def _answer(
        self,
        message: Message,
        inbox: str,
        asker: str,
        answer: Callable[[], Awaitable[Frame]],
        at_once: int = _AT_ONCE,
    ) -> None:
        """Answer in the background. One asker cannot take up all of us."""
        if self._busy[asker] >= at_once:
            await self._reply(message, inbox, Denied(code="busy", message="too many requests at once"))
            return
        self._busy[asker] += 1

        async def work() -> None:
            try:
                reply = await answer()
            except SalternError as error:
                reply = Denied(code=error.code, message=error.message, hint=error.hint)
            except Exception:
                log.exception("a request on %s failed", message.subject)
                reply = Denied(code="internal", message="the controller failed to answer; see its log")
            finally:
                self._busy[asker] -= 1
                if not self._busy[asker]:
                    del self._busy[asker]
            await self._reply(message, inbox, reply)

        task = asyncio.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, message: Message, inbox: str, frame: Frame) -> None:
        """Answer only where the asker itself can hear: we may write everywhere, so we mind where."""
        if not self._is_own(message, inbox) or self._connection is None:
            return
        try:
            await self._connection.publish(message.reply, encode(frame))
        except Unavailable as error:
            log.info("an answer was not sent: %s", error)

    def _is_own(self, message: Message, inbox: str) -> bool:
        """Tell whether an answer would go to the asker; if not, it is an event."""
        if message.reply.startswith(inbox + "."):
            return True
        asker = message.subject.split(".")[1]
        self._happenings.emit("request/misdirected", {"reply": message.reply[:100]}, AgentKey(asker))
        return False

    async def _renew(self, key: AgentKey, _: Renew) -> Frame:
        return self._admission.renew(key)

    async def _hello(self, key: AgentKey, hello: Hello) -> Frame:
        agent = await self._fleet.find(key)
        if agent is None:
            return Denied(
                code="unknown", message="this key is not accepted here", hint="join again", final=True
            )
        rivals = self._fleet.presence.others(key, hello.instance)
        if rivals:
            if await self._lives(key):
                self._turn_away(key, hello.instance)
                data = {"name": agent.name, "rival": hello.name, "machine": hello.host}
                self._happenings.emit("agent/clone", data | {"address": rivals[0].address}, key)
                return Denied(
                    code="clone",
                    message=f"another agent with this key is connected, from {rivals[0].address}",
                    hint="a cloned disk? remove the agent's state on one of them and join anew",
                )
            await self._kick(rivals)
        now = self._clock.now()
        self._fleet.welcome(key, hello.instance, hello.version[:64], now)
        self._peers.tell(Welcomed(key=key, instance=hello.instance, at=now, version=hello.version[:64]))
        self._jobs.accounted(key, hello)
        return Welcome(
            now=now,
            name=agent.name,
            grains=agent.grains,
            tell_grains=not self._fleet.has_grains(key),
        )

    async def _lives(self, key: AgentKey) -> bool:
        """Tell whether the process that we welcomed answers; a newcomer keeps still until it is."""
        waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._pulses.setdefault(key, set()).add(waiting)
        try:
            await self._jobs.ask(key)
            await asyncio.wait_for(waiting, _PROOF_OF_LIFE)
        except (TimeoutError, Unavailable):
            return False
        finally:
            self._pulses.get(key, set()).discard(waiting)
        return True

    def _turn_away(self, key: AgentKey, instance: str) -> None:
        """Close the connections of a process that is not welcome, once it could hear why."""

        async def close() -> None:
            await asyncio.sleep(_TURNED_AWAY)
            await self._kick([link for link in self._fleet.presence.links(key) if link.instance == instance])

        task = asyncio.create_task(close())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _kick(self, links: list[Link]) -> None:
        if self._system is None:
            return
        for link in links:
            try:
                await server.kick(self._system, *link.id)
            except SalternError as error:
                log.info("connection %s is gone already: %s", link.id, error)


class GrainsWatch:
    """Keeps the fleet's index at what the agents' grains are."""

    def __init__(self, fleet: Fleet, happenings: Happenings, orders: Orders, clock: Clock) -> None:
        self._fleet = fleet
        self._happenings = happenings
        self._orders = orders
        self._clock = clock
        self._asked: dict[AgentKey, float] = {}

    async def on_grains(self, message: Message) -> None:
        """Take in one agent's grains. What is none has overwritten them, so they are asked for anew."""
        key = AgentKey(message.subject.rsplit(".", 1)[1])
        try:
            grains = json.loads(decode(message.data, Grains).data)
            if not isinstance(grains, dict):
                raise ValueError("not an object")
        except (BadMessage, ValueError, RecursionError) as error:
            self._happenings.emit("grains/malformed", {"reason": str(error)[:200]}, key)
            await self._ask(key)
            return
        try:
            self._fleet.set_grains(key, grains)
        except UsageError as error:  # nested too deep: asking again brings the same
            self._happenings.emit("grains/refused", {"reason": error.message}, key)

    async def _ask(self, key: AgentKey) -> None:
        now = self._clock.steady()
        if self._fleet.accepted(key) is None or now - self._asked.get(key, -_ASK_AGAIN) < _ASK_AGAIN:
            return
        self._asked[key] = now
        try:
            await self._orders.probe(key, grains=True)
        except Unavailable as error:
            log.warning("the grains of %s are not asked for: %s", self._fleet.name(key), error)


def _link(client: server.Client) -> Link | None:
    if not is_agent_key(client.user):
        return None
    kind, _, instance = client.name.partition("/")
    return Link(
        LinkId(client.server, client.number),
        AgentKey(client.user),
        instance if kind == "agent" else "",  # with an agent's key, but no process of ours
        client.address,
        client.started,
    )
