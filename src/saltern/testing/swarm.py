"""A swarm: thousands of agents that are true to the protocol, in a few processes.

    saltern token create --uses 1000 | python -m saltern.testing.swarm --count 1000

loads a controller of your own as a fleet would: every agent has its own key, credential and connection,
checks its orders' signatures, answers ``test.ping``, ``test.echo`` and ``test.arg``, and connects again
when the connection is lost. Tests and benchmarks make the identities themselves and use ``Swarm``.
"""

from __future__ import annotations

import argparse
import os
import resource
import select
import struct
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from types import TracebackType

import msgspec

from saltern.identity import tokens
from saltern.identity.authority import Authority
from saltern.identity.keys import KeyPair, Kind
from saltern.model.ids import AgentKey
from saltern.testing.conditions import eventually
from saltern.testing.swarm_agent import Enrolment, Identity, SwarmAgent, World
from saltern.testing.swarm_link import Door
from saltern.transport.connection import Endpoint

#: Enrolments under way at the same time, in one process.
_ENROLLING = 32
#: Seconds a credential made here is good for.
_LIFETIME = 86_400.0
#: How long the plan is, before it.
_LENGTH = struct.Struct("!Q")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of a swarm shall be. With ``token`` the names in ``enrol`` join by it."""

    url: str
    ca: str
    host: str
    signer: str = ""
    identities: tuple[Identity, ...] = ()
    token: str = ""
    enrol: tuple[str, ...] = ()
    grains: bool = False
    bare: bool = False


def identities(authority: Authority, count: int, prefix: str = "swarm") -> list[Identity]:
    """Make agents' identities with the controller's own keys; the store must be told of them too."""
    return [_identity(authority, f"{prefix}-{number:05d}") for number in range(count)]


def _identity(authority: Authority, name: str) -> Identity:
    pair = KeyPair.new(Kind.USER)
    jwt, _, _ = authority.agent_jwt(AgentKey(pair.public), name, _LIFETIME)
    return Identity(name=name, seed=pair.reveal(), jwt=jwt)


class Swarm:
    """Agents in processes of their own; they work from entering to leaving."""

    def __init__(
        self,
        endpoint: Endpoint,
        signer: str = "",
        members: Sequence[Identity] = (),
        *,
        token: str = "",
        enrol: Sequence[str] = (),
        processes: int = 2,
        grains: bool = False,
        bare: bool = False,
    ) -> None:
        """``members`` have their identity, the names in ``enrol`` get it with ``token``.

        ``signer`` is who signs orders. ``bare`` agents only send back what begins with ``BARE``.
        """
        self._plans = [
            Plan(
                url=endpoint.urls[0],
                ca=endpoint.ca,
                host=endpoint.host,
                signer=signer,
                identities=tuple(members[number::processes]),
                token=token,
                enrol=tuple(enrol[number::processes]),
                grains=grains,
                bare=bare,
            )
            for number in range(processes)
        ]
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> list[int]:
        """The processes."""
        return [process.pid for process in self._processes]

    def __enter__(self) -> Swarm:
        command = [sys.executable, "-c", "from saltern.testing import swarm; swarm.serve()"]
        for plan in self._plans:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._processes.append(process)
            body = msgspec.msgpack.encode(plan)
            self._tell(process, _LENGTH.pack(len(body)) + body)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.communicate()

    def counts(self) -> Counter[str]:
        """Return what has happened so far: ``open`` and ``ready`` are how many are so now, others add up."""
        found: Counter[str] = Counter()
        for process in self._processes:
            self._tell(process, b"counts\n")
            assert process.stdout is not None
            found.update(msgspec.json.decode(process.stdout.readline(), type=dict[str, int]))
        return found

    def greet(self) -> None:
        """Turn bare agents into whole ones, on the connections they have."""
        for process in self._processes:
            self._tell(process, b"greet\n")

    def drop(self) -> None:
        """Make all agents lose their connection."""
        for process in self._processes:
            self._tell(process, b"drop\n")

    def wait(self, what: str, count: int, *, within: float = 60.0) -> None:
        """Return when ``what`` is ``count``; AssertionError, with all counts, when it does not come to it."""
        try:
            eventually(lambda: self.counts()[what] >= count, within=within)
        except AssertionError:
            raise AssertionError(f"not {count} {what} in {within:g} s: {dict(self.counts())}") from None

    def _tell(self, process: subprocess.Popen[bytes], data: bytes) -> None:
        assert process.stdin is not None
        process.stdin.write(data)
        process.stdin.flush()


# --- inside such a process -------------------------------------------------------------------------------


def serve() -> None:
    """Be one process of a swarm: a plan on stdin, then questions; ends when stdin does."""
    plan = msgspec.msgpack.decode(_exactly(*_LENGTH.unpack(_exactly(_LENGTH.size))), type=Plan)
    herd = _Herd(plan)
    lines = _Lines(herd)
    herd.world.reactor.watch(0, select.EPOLLIN, lambda _: lines.read())
    herd.start()
    herd.world.reactor.run(lambda: lines.ended)


def _exactly(count: int) -> bytes:
    """Read so much from stdin, and no byte more: what follows is for others."""
    data = bytearray()
    while len(data) < count:
        piece = os.read(0, count - len(data))
        if not piece:
            raise EOFError("the plan breaks off")
        data += piece
    return bytes(data)


class _Herd:
    """The agents of one process."""

    def __init__(self, plan: Plan) -> None:
        _open_files()
        self.world = World(
            Door.of(plan.url, plan.ca, plan.host), plan.signer, grains=plan.grains, bare=plan.bare
        )
        self._agents = [SwarmAgent(self.world, identity) for identity in plan.identities]
        self._token = tokens.read(plan.token) if plan.token else None
        self._names = deque(plan.enrol)

    def start(self) -> None:
        """Let all connect."""
        for agent in self._agents:
            agent.start()
        for _ in range(min(_ENROLLING, len(self._names))):
            self._enrol_next()

    def _enrol_next(self) -> None:
        if self._names and self._token:
            Enrolment(self.world, self._token, self._names.popleft(), self._enrolled).start()

    def _enrolled(self, identity: Identity) -> None:
        agent = SwarmAgent(self.world, identity)
        self._agents.append(agent)
        agent.start()
        self._enrol_next()

    def greet(self) -> None:
        """Let all say hello."""
        self.world.bare = False
        for agent in self._agents:
            agent.greet()

    def drop(self) -> None:
        """Make all lose their connection."""
        for agent in self._agents:
            agent.drop()


class _Lines:
    """Questions on stdin, answers on stdout."""

    def __init__(self, herd: _Herd) -> None:
        self._answers: dict[bytes, Callable[[], None]] = {
            b"counts": self._counts,
            b"greet": herd.greet,
            b"drop": herd.drop,
        }
        self._world = herd.world
        self.ended = False

    def read(self) -> None:
        """Answer what has been asked. Raises KeyError for a question nobody knows."""
        data = os.read(0, 65536)
        self.ended = not data
        for line in data.split():
            self._answers[line]()

    def _counts(self) -> None:
        os.write(1, msgspec.json.encode(self._world.counts) + b"\n")


def _open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(words: Sequence[str] | None = None) -> int:
    """Run a swarm that joins by the token on stdin, until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m saltern.testing.swarm", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="how many agents")
    parser.add_argument("--prefix", default="swarm", help="what their names begin with")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(words)
    text = sys.stdin.readline().strip()
    token = tokens.read(text)
    names = [f"{options.prefix}-{number:05d}" for number in range(options.count)]
    endpoint = Endpoint(token.urls, token.ca, token.host)
    with Swarm(endpoint, token=text, enrol=names, processes=options.processes) as swarm:
        try:
            while True:
                print(dict(swarm.counts()), flush=True)
                time.sleep(1)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
