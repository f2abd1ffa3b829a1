"""A fleet: ``test.ping`` to all of it, all of it coming back, and machines coming in.

The agents are a swarm, on this machine too: it has its share of the processor time, which is told. The
floor is what the fabric alone takes: one publication to each connection, and one back from each.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence

import msgspec
from benchmarks.measure import Row, best, cpu_seconds, timed, until
from benchmarks.site import Site, site

from saltern.api.replies import JobTargets
from saltern.identity.keys import KeyPair
from saltern.model.status import Status
from saltern.testing.conditions import eventually
from saltern.testing.swarm import Swarm, identities
from saltern.testing.swarm_agent import BARE
from saltern.testing.swarm_link import Door, Link, Reactor

_ROUNDS = 4
#: Bytes of an order of test.ping.
_ORDER = BARE + bytes(380)


def run(quick: bool) -> Iterator[Row]:
    """Measure fleets of two sizes."""
    yield from _enrolment(100 if quick else 1000)
    for count in (200,) if quick else (1000, 10_000):
        yield from _fleet(count)


def _fleet(count: int) -> Iterator[Row]:
    with site() as here:
        members = identities(here.authority, count)
        here.know(members)
        with Swarm(here.endpoint, here.authority.orders.public, members, bare=True) as swarm:
            began = time.perf_counter()
            until(lambda: swarm.counts()["ready"] >= count, within=240, what="all are connected")
            connecting = time.perf_counter() - began
            keys = [KeyPair(member.seed).public for member in members]
            floor = best(_ROUNDS, Floor(here, keys).exchange)
            here.start_controller()
            swarm.greet()
            _wait_online(here, count)
            yield _ping(here, swarm, count, floor)
            yield from _comebacks(here, swarm, count, connecting)


def _wait_online(here: Site, count: int) -> float:
    return until(lambda: here.status().online >= count, within=240, what=f"{count} agents are online")


def _ping(here: Site, swarm: Swarm, count: int, floor: float) -> Row:
    parts = {"controller": [here.controller_pid], "broker": [here.broker_pid], "agents": swarm.pids}
    before = {name: cpu_seconds(pids) for name, pids in parts.items()}
    whole = [timed(lambda: ping(here, count)) for _ in range(_ROUNDS)]
    used = {name: (cpu_seconds(pids) - before[name]) / _ROUNDS for name, pids in parts.items()}
    return Row(
        what=f"test.ping to {count:,}",
        value=min(whole),
        unit="s",
        reference=floor,
        of="the bare fabric",
        goal="2 s" if count == 10_000 else "",
        salt="30 s" if count == 1000 else "",
        note="CPU s: " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in used.items()),
    )


def ping(here: Site, count: int) -> None:
    """Ping everybody, from the request to the last return. AssertionError when one is missing.

    On a machine with too much to do some are called unresponsive, and answer later: they are waited for.
    """
    body = {"target": "*", "fun": "test.ping"}
    lines = here.client.lines("POST", "/v1/jobs", query={"stream": True}, body=body)
    end = msgspec.json.decode(deque(lines, maxlen=1).pop())
    if end["counts"] != {"ok": count}:
        eventually(lambda: _answered(here, end["jid"]) == count, within=60, what="all have answered")


def _answered(here: Site, jid: str) -> int:
    return here.client.get(f"/v1/jobs/{jid}/targets", JobTargets, status="ok").counts.get(Status.OK, 0)


def _comebacks(here: Site, swarm: Swarm, count: int, connecting: float) -> Iterator[Row]:
    welcomed = swarm.counts()["welcomed"]
    os.kill(here.broker_pid, signal.SIGKILL)
    broker = until(lambda: swarm.counts()["welcomed"] >= welcomed + count, within=240, what="all came back")
    broker += _wait_online(here, count)
    here.stop_controller(signal.SIGKILL)
    began = time.perf_counter()
    here.start_controller()
    _wait_online(here, count)
    controller = time.perf_counter() - began
    ping(here, count)
    goal = "30 s" if count == 10_000 else ""
    yield from (
        Row(
            what=f"{count:,} back after kill -9 of the broker",
            value=broker,
            unit="s",
            reference=connecting,
            of="bare connections",
            goal=goal,
        ),
        Row(what=f"{count:,} back after kill -9 of the controller", value=controller, unit="s", goal=goal),
    )


def _enrolment(count: int) -> Iterator[Row]:
    with site() as here:
        here.start_controller()
        names = [f"new-{number:05d}" for number in range(count)]
        with Swarm(here.endpoint, token=here.token(count), enrol=names) as swarm:
            seconds = until(lambda: swarm.counts()["welcomed"] >= count, within=240, what="all are in")
    yield Row(what="machines that join by token", value=count / seconds, unit="/s", salt="7 /s")


class Floor:
    """The same connections without a controller: one message to each, one back from each."""

    def __init__(self, here: Site, keys: Sequence[str]) -> None:
        self._reactor = Reactor()
        self._subjects = [f"job.{key}" for key in keys]
        self._missing = len(keys)
        self._open = False
        endpoint, authority = here.endpoint, here.authority
        self._link = Link(
            self._reactor,
            Door.of(endpoint.urls[0], endpoint.ca, endpoint.host),
            self,
            jwt=authority.controller_jwt(),
            pair=authority.user,
            name="floor",
        )
        self._link.open()
        self._reactor.run(lambda: self._open)
        self._link.subscribe("live.*.bare", 1)

    def exchange(self) -> None:
        """Send to all, and wait for all."""
        self._missing = len(self._subjects)
        for start in range(0, len(self._subjects), 200):
            some = self._subjects[start : start + 200]
            self._link.send(b"".join(_publication(subject) for subject in some))
        self._reactor.run(lambda: not self._missing)

    def opened(self) -> None:
        """The broker has let us in."""
        self._open = True

    def received(self, number: int, subject: str, data: bytes) -> None:
        """Somebody has answered."""
        self._missing -= 1

    def closed(self, reason: str) -> None:
        """Cannot go on. Raises RuntimeError."""
        raise RuntimeError(f"the floor's connection was lost: {reason}")


def _publication(subject: str) -> bytes:
    return b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(_ORDER), _ORDER)
