"""An agent that is true to the protocol and does next to nothing: for thousands in one process.

It keeps what the controller can see: its own key and connection, the hello, the check of every order, the
acknowledgements, the return that is sent until the stream has it, the pauses before it connects again.
What the controller cannot see it leaves out: there is no disk, no worker, and few functions.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import msgspec

import saltern
from saltern.agent.agent import ACKNOWLEDGE, CONNECT, FIRST_PAUSE, LAST_PAUSE, UNWELCOME_PAUSE
from saltern.foundation.errors import Refused
from saltern.identity import enrolment, permissions, tokens
from saltern.identity.keys import KeyPair, Kind, PublicKey
from saltern.messages.v1 import (
    Ack,
    Denied,
    Enrol,
    Enrolled,
    Error,
    Grains,
    Hello,
    Order,
    Probe,
    Pulse,
    Return,
    Welcome,
    decode,
    encode,
)
from saltern.messages.v1.orders import verify
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status
from saltern.testing.swarm_link import Door, Link, Reactor, Timer

#: Subscriptions.
_ORDERS, _ANSWERS = 1, 2
#: What the answer to a hello is called; the others have a job's id.
_HELLO = "hello"
#: Seconds to wait for an answer, and for the stream.
_ANSWER, _STORE = 10.0, 5.0
#: Seconds between two hellos: at first, and at most.
_HELLO_FIRST, _HELLO_LAST = 0.5, 10.0
#: Jobs an agent remembers, so that none runs twice.
_REMEMBERED = 64
#: What a bare message begins with: it is sent back as it is, to measure the fabric alone.
BARE = b"bare"

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "test.ping": lambda: True,
    "test.echo": lambda text: text,
    "test.arg": lambda *args, **kwargs: {"args": args, "kwargs": kwargs},
}


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a swarm agent is. Without ``jwt`` it must enrol first."""

    name: str
    seed: str
    jwt: str = ""


class World:
    """What all agents of a process share. ``counts`` is what has happened to them, by name."""

    def __init__(self, door: Door, signer: str = "", *, grains: bool = False, bare: bool = False) -> None:
        """``signer`` signs the orders (enrolling tells it too); ``bare`` agents only echo."""
        self.reactor = Reactor()
        self.door = door
        self.signer = PublicKey(signer) if signer else None
        self.grains = grains
        self.bare = bare
        self.counts: Counter[str] = Counter()


class SwarmAgent:
    """One agent. ``start`` it, and it connects, and again for ever."""

    __slots__ = (
        "_began",
        "_done",
        "_hello_pause",
        "_identity",
        "_inbox",
        "_instance",
        "_link",
        "_offset",
        "_open",
        "_pair",
        "_pause",
        "_ready",
        "_timer",
        "_unstored",
        "_world",
        "key",
    )

    def __init__(self, world: World, identity: Identity) -> None:
        self._world = world
        self._identity = identity
        self._pair = KeyPair(identity.seed)
        self.key = AgentKey(self._pair.public)
        self._instance = secrets.token_hex(8)
        self._inbox = permissions.agent_inbox(self.key)
        self._link: Link | None = None
        self._timer: Timer | None = None
        self._done: deque[JobId] = deque(maxlen=_REMEMBERED)
        self._unstored: dict[JobId, bytes] = {}
        self._offset = self._began = 0.0
        self._pause, self._hello_pause = FIRST_PAUSE, _HELLO_FIRST
        self._open = self._ready = False

    def start(self) -> None:
        """Connect."""
        self._began = time.monotonic()
        self._wait(CONNECT, self._give_up)
        self._link = Link(
            self._world.reactor,
            self._world.door,
            self,
            jwt=self._identity.jwt,
            pair=self._pair,
            name=f"agent/{self._instance}",
        )
        self._link.open()

    def greet(self) -> None:
        """Say hello, if there is a connection."""
        if self._open:
            self._world.counts["ready"] -= self._ready
            self._ready = False
            self._hello()

    def drop(self) -> None:
        """Lose the connection, as if the network had gone."""
        if self._link is not None:
            self._link.close("dropped")

    def _wait(self, seconds: float, call: Callable[[], None]) -> None:
        """Have ``call`` called, unless something else is waited for before."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._world.reactor.later(seconds, call)

    def _give_up(self) -> None:
        self._world.counts["connections that took too long"] += 1
        self.drop()

    # --- the link ----------------------------------------------------------------------------------

    def opened(self) -> None:
        """The broker has let us in."""
        self._open = True
        self._world.counts["open"] += 1
        assert self._link is not None
        self._link.subscribe(f"job.{self.key}", _ORDERS, self._instance)
        self._link.subscribe(f"{self._inbox}.*", _ANSWERS)
        if self._world.bare:
            self._be_ready()
        else:
            self._hello()

    def closed(self, reason: str) -> None:
        """The connection is over: pause, and begin again."""
        counts = self._world.counts
        counts["open"] -= self._open
        counts["ready"] -= self._ready
        counts[f"closed: {reason}"] += 1
        took = min(time.monotonic() - self._began, CONNECT)
        pause = FIRST_PAUSE if self._ready else max(min(self._pause * 2, LAST_PAUSE), took)
        self._pause, self._link = pause, None
        self._open = self._ready = False
        self._wait(pause * random.uniform(0.5, 1.5), self.start)  # noqa: S311

    def received(self, number: int, subject: str, data: bytes) -> None:
        """Something came."""
        if number == _ANSWERS:
            self._on_answer(subject.rsplit(".", 1)[1], data)
        elif data.startswith(BARE):
            self._publish(f"live.{self.key}.bare", data)
        elif self._ready:
            self._on_order(data)

    def _publish(self, subject: str, data: bytes, reply: str = "") -> None:
        if self._link is not None:
            self._link.publish(subject, data, f"{self._inbox}.{reply}" if reply else "")

    # --- the hello ---------------------------------------------------------------------------------

    def _hello(self) -> None:
        hello = Hello(
            instance=self._instance,
            version=saltern.__version__,
            name=self._identity.name,
            spooled=tuple(self._unstored),
        )
        self._publish(f"rpc.{self.key}.hello", encode(hello), _HELLO)
        self._wait(_ANSWER, self._hello_again)

    def _hello_again(self) -> None:
        self._wait(self._hello_pause * random.uniform(0.5, 1.5), self._hello)  # noqa: S311
        self._hello_pause = min(self._hello_pause * 2, _HELLO_LAST)

    def _on_welcome(self, data: bytes) -> None:
        if self._ready:
            return  # we had asked twice
        answer = decode(data, Welcome, Denied) if data else None  # nothing: no controller is there
        if isinstance(answer, Welcome):
            self._offset = answer.now - time.time()
            self._be_ready()
            if answer.tell_grains or self._world.grains:
                self._publish(f"$KV.grains.{self.key}", encode(Grains(data=self._facts())))
        elif answer is None or answer.code == "busy":
            self._hello_again()
        else:
            self._world.counts[f"denied: {answer.code}"] += 1
            self._pause = UNWELCOME_PAUSE
            self.drop()

    def _be_ready(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._hello_pause, self._ready = _HELLO_FIRST, True
        self._world.counts.update(("ready", "welcomed"))
        for jid in self._unstored:
            self._hand_over(jid)

    def _facts(self) -> bytes:
        """Return grains such as many machines have."""
        name = self._identity.name
        facts = {"id": name, "host": name, "os": "Debian", "os_family": "Debian", "kernel": "Linux"}
        return msgspec.json.encode(facts | {"num_cpus": 4, "mem_total": 8192, "ipv4": ["127.0.0.1"]})

    # --- orders ------------------------------------------------------------------------------------

    def _on_order(self, data: bytes) -> None:
        assert self._world.signer is not None
        try:
            order = verify(data, self._world.signer, self.key, self._now())
        except Refused:
            self._world.counts["orders refused"] += 1
            return
        if isinstance(order, Probe):
            pulse = Pulse(instance=self._instance, spooled=tuple(self._unstored))
            self._publish(f"live.{self.key}.pulse", encode(pulse))
        elif isinstance(order, Order):
            self._work(order)

    def _work(self, order: Order) -> None:
        if order.jid in self._done:
            self._world.counts["orders repeated"] += 1
            return
        self._done.append(order.jid)
        self._world.counts["jobs"] += 1
        now = self._now()
        self._world.reactor.later(ACKNOWLEDGE, lambda: self._acknowledge(order.jid, now))
        self._unstored[order.jid] = encode(_result(order, now, self._now()))
        self._hand_over(order.jid)

    def _acknowledge(self, jid: JobId, started: float) -> None:
        if jid in self._unstored:
            self._publish(f"live.{self.key}.{jid}", encode(Ack(at=started, running=True)))

    def _now(self) -> float:
        return time.time() + self._offset

    def _hand_over(self, jid: JobId) -> None:
        """Publish a return, again and again until the stream has it."""
        if self._ready and jid in self._unstored:
            self._publish(f"ret.{self.key}.{jid}", self._unstored[jid], jid)
            self._world.reactor.later(_STORE, lambda: self._hand_over(jid))

    def _on_answer(self, what: str, data: bytes) -> None:
        if what == _HELLO:
            self._on_welcome(data)
        elif data and not msgspec.json.decode(data, type=_Stored).error:
            self._unstored.pop(JobId(what), None)
            self._world.counts["returns"] += 1
        else:
            self._world.counts["returns not taken"] += 1


class _Stored(msgspec.Struct):
    error: dict[str, Any] | None = None


def _result(order: Order, started: float, finished: float) -> Return:
    function = FUNCTIONS.get(order.fun)
    try:
        if function is None:
            raise ValueError(f"a swarm agent has no function {order.fun!r}")
        value = function(*order.args, **order.kwargs)
    except (TypeError, ValueError) as error:
        verdict, retcode, data, failure = Status.FAILED, 1, b"", Error(kind="swarm", message=str(error))
        return Return(verdict=verdict, retcode=retcode, error=failure, started=started, finished=finished)
    data = msgspec.json.encode(value)
    return Return(verdict=Status.OK, data=data, started=started, finished=finished)


class Enrolment:
    """One agent's way in, with a join token: then ``done`` gets its identity."""

    def __init__(
        self, world: World, token: tokens.JoinToken, name: str, done: Callable[[Identity], None]
    ) -> None:
        self._world = world
        self._token = KeyPair(token.seed)
        self._jwt = token.jwt
        self._name = name
        self._done = done
        self._pair = KeyPair.new(Kind.USER)
        self._link: Link | None = None

    def start(self) -> None:
        """Ask to be taken in."""
        self._link = Link(
            self._world.reactor, self._world.door, self, jwt=self._jwt, pair=self._token, name="join"
        )
        self._link.open()

    def opened(self) -> None:
        """The broker has let us in."""
        assert self._link is not None
        subject, nonce = f"enrol.{self._token.public}", os.urandom(32)
        inbox = f"{permissions.token_inbox(self._token.public)}.{secrets.token_hex(8)}"
        request = Enrol(
            key=AgentKey(self._pair.public),
            name=self._name,
            nonce=nonce,
            proof=enrolment.prove(self._pair, subject, self._name, nonce),
            version=saltern.__version__,
        )
        self._link.subscribe(inbox, _ANSWERS)
        self._link.publish(subject, encode(request), inbox)

    def received(self, number: int, subject: str, data: bytes) -> None:
        """The answer came."""
        assert self._link is not None
        answer = decode(data, Enrolled, Denied) if data else None
        if isinstance(answer, Enrolled):
            link, self._link = self._link, None
            link.close("enrolled")
            self._world.signer = PublicKey(answer.signer)
            self._world.counts["enrolled"] += 1
            self._done(Identity(name=self._name, seed=self._pair.reveal(), jwt=answer.jwt))
        else:
            self._world.counts[f"enrolment: {answer.code if answer else 'no controller'}"] += 1
            self._link.close("not enrolled")

    def closed(self, reason: str) -> None:
        """Without an answer: try again."""
        if self._link is not None:
            self._world.reactor.later(random.uniform(0.5, 1.5), self.start)  # noqa: S311
