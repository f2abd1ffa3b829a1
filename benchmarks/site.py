"""A controller, its broker and its agents, on loopback, in a private directory: what is measured."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from saltern.cli.client import Client
from saltern.controller.running import trust
from saltern.controller.settings import ControllerSettings
from saltern.controller.store import Store
from saltern.foundation.clock import SystemClock
from saltern.foundation.errors import SalternError
from saltern.foundation.layout import Layout
from saltern.identity import certificates
from saltern.identity.authority import Authority
from saltern.identity.keys import KeyPair
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey, fingerprint
from saltern.model.system import ControllerStatus
from saltern.model.token import NewToken
from saltern.testing.conditions import eventually
from saltern.testing.swarm_agent import Identity
from saltern.transport.broker import Broker, Listen
from saltern.transport.connection import Endpoint

SALTERN = str(Path(sys.executable).with_name("saltern"))


class Site:
    """One installation. The broker runs beside the controller, so that either can be ended alone."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        home = self.layout.controller
        self.authority = Authority(home / "keys", SystemClock())
        certificate, key, ca = certificates.ensure(home / "tls", SystemClock().now())
        port = free_port()
        self.endpoint = Endpoint((f"tls://127.0.0.1:{port}",), ca, certificates.BROKER_NAME)
        account = self.authority.account_jwt({})
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._broker = Broker(
            lambda: trust(self.authority, account, ControllerSettings()),
            Listen("127.0.0.1", port, certificate, key, ControllerSettings().fabric.max_storage),
            home / "broker",
        )
        self._controller: subprocess.Popen[bytes] | None = None
        self._agents: list[subprocess.Popen[bytes]] = []
        self._log = (root / "log").open("ab")
        settings = {"fabric": {"urls": list(self.endpoint.urls)}, "log_level": "warning"}
        self.layout.settings.mkdir(parents=True)
        (self.layout.settings / "controller.yaml").write_bytes(msgspec.json.encode(settings))

    # --- parts -------------------------------------------------------------------------------------

    @property
    def broker_pid(self) -> int:
        """The broker's process."""
        pid = self._broker.pid
        assert pid is not None, "the broker does not run"
        return pid

    @property
    def controller_pid(self) -> int:
        """The controller's process."""
        assert self._controller is not None
        return self._controller.pid

    @property
    def client(self) -> Client:
        """Asks the controller."""
        return Client(self.layout.socket)

    def start_broker(self) -> None:
        """Start the broker; it is started again when it is killed."""
        asyncio.run_coroutine_threadsafe(self._broker.start(), self._loop).result(60)

    def start_controller(self) -> None:
        """Start the controller and wait until it has the broker."""
        self._controller = self._start("controller")
        eventually(self._healthy, within=60, what=f"the controller is well; see {self._log.name}")

    def stop_controller(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the controller."""
        assert self._controller is not None
        self._controller.send_signal(how)
        self._controller.wait(60)

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [SALTERN, "--root", str(self.layout.root), *words]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)

    def _healthy(self) -> bool:
        try:
            return not self.status().problems
        except SalternError:
            return False

    def status(self) -> ControllerStatus:
        """Ask how the controller is."""
        return self.client.get("/v1/status", ControllerStatus)

    # --- agents ------------------------------------------------------------------------------------

    def know(self, members: Sequence[Identity]) -> None:
        """Write agents into the store, as if they had enrolled. The controller must not run."""
        asyncio.run(self._know(members))

    async def _know(self, members: Sequence[Identity]) -> None:
        home = self.layout.controller
        async with await Store.open(f"sqlite:///{home / 'store.db'}", anchor=home / "audit.anchor") as store:
            await asyncio.gather(*(store.agents.add(_agent(member)) for member in members))

    def token(self, uses: int) -> str:
        """Return a join token."""
        body = {"ttl": 3600.0, "uses": uses}
        return self.client.ask("POST", "/v1/tokens", NewToken, body=body).text

    def start_agent(self, program: str = SALTERN) -> int:
        """Let a real agent join and start; return its supervisor's process once it is online."""
        command = [program, "--root", str(self.layout.root), "agent"]
        before = self.status().online
        joining = [*command, "join", self.token(1), "--name", "real"]
        subprocess.run(joining, check=True, stdout=self._log, stderr=self._log)
        agent = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self._agents.append(agent)
        eventually(lambda: self.status().online > before, within=60, what="the agent is online")
        return agent.pid

    def close(self) -> None:
        """End everything."""
        for agent in self._agents:
            agent.terminate()
            agent.wait(30)
        if self._controller is not None and self._controller.poll() is None:
            self.stop_controller()
        asyncio.run_coroutine_threadsafe(self._broker.stop(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._log.close()


@contextlib.contextmanager
def site() -> Iterator[Site]:
    """A site with a broker and nothing else yet; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="saltern-bench-") as directory:
        made = Site(Path(directory))
        try:
            made.start_broker()
            yield made
        except BaseException:
            print(Path(directory, "log").read_text()[-4000:], file=sys.stderr)
            raise
        finally:
            made.close()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _agent(member: Identity) -> Agent:
    key = AgentKey(KeyPair(member.seed).public)
    return Agent(
        key=key,
        name=member.name,
        state=KeyState.ACCEPTED,
        fingerprint=fingerprint(key),
        created=SystemClock().now(),
    )
