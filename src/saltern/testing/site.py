"""A whole installation in processes of its own: a controller with its broker, and agents, on this machine.

Everything is real and private: own roots under one directory, own ports on the loopback, own processes. Tests
kill, stop and start what they like; ``close`` leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import msgspec
import psutil

from saltern.agent.credential import Identity
from saltern.api.replies import JobTargets
from saltern.cli.client import Client
from saltern.foundation.errors import SalternError, Unavailable
from saltern.foundation.layout import Layout
from saltern.model.agent import Agent
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job, Target
from saltern.model.status import SETTLED, Status
from saltern.model.system import ControllerStatus, Happening
from saltern.model.token import NewToken
from saltern.model.update import Output, Settled, Update
from saltern.testing.conditions import eventually
from saltern.testing.program import loop_of

T = TypeVar("T")

#: Seconds anything may take on a machine that does much else.
PATIENCE = 60.0
_COMMAND = Path(sys.executable).with_name("saltern")
#: Tests that are killed leave nothing running.
_DIE_WITH_TESTS = ("setpriv", "--pdeathsig=KILL") if shutil.which("setpriv") else ()
_line = msgspec.json.Decoder(Update)
_happening = msgspec.json.Decoder(Happening)


class Outcome(NamedTuple):
    """A job as its watcher saw it: the last line of each target by name, and all output in order."""

    jid: JobId
    settled: dict[str, Settled]
    output: list[Output]

    def statuses(self) -> dict[str, Status]:
        """Return each target's status."""
        return {name: line.status for name, line in self.settled.items()}

    def value(self, name: str) -> Any:
        """Return what a target returned."""
        data = self.settled[name].data
        return None if isinstance(data, msgspec.UnsetType) else msgspec.json.decode(data)


class Program:
    """One ``saltern`` process with a root of its own."""

    def __init__(self, root: Path, mark: str, words: tuple[str, ...], *, inside: bool) -> None:
        """``mark`` is in the environment of all its processes; ``inside`` adds faults and clock."""
        self.layout = Layout(root)
        self.log_file = root / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self._mark = mark
        self.words = words
        self._inside = inside
        self.prefix: tuple[str, ...] = ()  # a command that runs it: `ip netns exec …`
        self.layout.settings.mkdir(parents=True, exist_ok=True)
        (root / "faults").mkdir(exist_ok=True)

    def settings(self, file: str, content: Mapping[str, Any]) -> None:
        """Write a settings file: JSON is YAML."""
        (self.layout.settings / file).write_bytes(msgspec.json.encode(content))

    def start(self) -> None:
        """Start it; what it needs to be useful is for others to wait for."""
        environment = os.environ | {"SALTERN_ROOT": str(self.layout.root), "SALTERN_SITE": self._mark}
        command = [str(_COMMAND)]
        if self._inside:
            environment |= {"SALTERN_FAULTS": str(self.layout.root / "faults")}
            command = [sys.executable, "-m", "saltern.testing.program"]
            if self.clock_file.exists():
                environment |= {"SALTERN_CLOCK": str(self.clock_file)}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*_DIE_WITH_TESTS, *self.prefix, *command, *self.words],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The first process's id; only while it runs."""
        assert self.process is not None
        assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log()}"
        return self.process.pid

    @property
    def clock_file(self) -> Path:
        """The seconds by which its wall clock shall be wrong from its next start on."""
        return self.layout.root / "clock"

    def fault(self, point: str, deed: str = "kill self") -> None:
        """At the next time ``point`` is reached: kill or stop self, loop or supervisor."""
        (self.layout.root / "faults" / point).write_text(deed)

    def fault_pending(self, point: str) -> bool:
        """Tell that the point has not been reached yet."""
        return (self.layout.root / "faults" / point).exists()

    def kill(self) -> None:
        """Kill the first process (SIGKILL) and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def stop(self) -> int:
        """End it as a service manager would; return its code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def log(self, lines: int = 60) -> str:
        """Return the end of its log."""
        if not self.log_file.exists():
            return ""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    def memory(self, pid: int) -> int:
        """Return a process's resident bytes."""
        return int(psutil.Process(pid).memory_info().rss)


class SiteAgent(Program):
    """One agent."""

    def __init__(self, root: Path, name: str, mark: str) -> None:
        super().__init__(root, mark, ("agent",), inside=True)
        self.name = name
        self.identity = Identity(self.layout.agent)
        self.settings("agent.yaml", {"jobs": {"grace": 0.5, "concurrent": 4}, "mine_enabled": False})

    @property
    def key(self) -> AgentKey:
        """Its public key."""
        return self.identity.key()

    @property
    def loop(self) -> int:
        """The process id of its loop."""
        return eventually(lambda: loop_of(self.pid), what=f"{self.name} has a loop")


class Site:
    """A controller and its agents. ``with Site(directory) as site: …`` starts the controller."""

    def __init__(self, directory: Path, *, address: str = "127.0.0.1", **settings: Mapping[str, Any] | str):
        """``settings`` are parts of ``controller.yaml``; ``address`` is where the broker listens."""
        self.directory = directory
        self.mark = secrets.token_hex(8)  # in the environment of all its processes
        self._host = address
        self.port = free_port(address)
        self.controller = Program(directory / "controller", self.mark, ("controller",), inside=False)
        fabric: dict[str, Any] = {"listen": f"{address}:{self.port}"}
        whole = {name: value for name, value in settings.items() if name != "fabric"}
        fabric |= dict(settings.get("fabric", {}))  # type: ignore[arg-type]
        self.controller.settings("controller.yaml", {**whole, "fabric": fabric})
        self.agents: dict[str, SiteAgent] = {}
        self.api = Client(self.controller.layout.socket)
        self.events: list[Happening] = []
        self._listening = True
        self._heard = threading.Event()
        self._closing = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        try:
            self.controller.start()
            self.wait_until_up()
            self._listener.start()
            self.wait_for(self._heard.is_set, "the API streams events")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process of the site."""
        self._listening = False
        self._closing.set()
        for program in (*self.agents.values(), self.controller):
            if program.process is not None and program.process.poll() is None:
                program.process.kill()
        eventually(lambda: not self._kill_rest(), what="all processes of the site are gone", within=PATIENCE)
        for program in (*self.agents.values(), self.controller):
            if program.process is not None:
                program.process.wait()
        if self._listener.is_alive():
            self._listener.join(PATIENCE)

    def _kill_rest(self) -> list[int]:
        left = self.processes()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    def processes(self, program: str = "") -> list[int]:
        """Return the ids of all live processes started by this site, those called ``program`` or all."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                ours = process.environ().get("SALTERN_SITE") == self.mark
                if ours and process.status() != psutil.STATUS_ZOMBIE and process.name().startswith(program):
                    found.append(process.pid)
        return found

    # --- starting ------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """Where agents dial in."""
        return f"{self._host}:{self.port}"

    @property
    def broker(self) -> int:
        """The broker's process id."""
        return self.wait_for(lambda: next(iter(self.processes("nats-server")), 0), "a broker runs")

    def wait_until_up(self) -> None:
        """Return when the controller answers and has its broker."""
        self.wait_for(self._up, "the controller and its broker are up")

    def _up(self) -> bool:
        assert self.controller.process is not None
        assert self.controller.process.poll() is None, f"no controller:\n{self.controller.log()}"
        with contextlib.suppress(Unavailable):
            return not self.status().problems
        return False

    def restart_controller(self) -> None:
        """Start a controller where one was killed, and wait until it is of use."""
        self.controller.start()
        self.wait_until_up()

    def token(self, **request: Any) -> NewToken:
        """Make a join token."""
        return self.api.ask("POST", "/v1/tokens", NewToken, body=request)

    def new_agent(self, name: str) -> SiteAgent:
        """Return an agent that has not joined."""
        agent = self.agents[name] = SiteAgent(self.directory / name, name, self.mark)
        return agent

    def join(self, agent: SiteAgent, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``saltern agent join`` there with ``words``; return how it went."""
        return self.saltern("agent", "join", *words, "--name", agent.name, root=agent.layout.root)

    def add(self, *names: str) -> list[SiteAgent]:
        """Have agents join and started, and wait until all are online."""
        text = self.token(uses=len(names)).text
        agents = [self.new_agent(name) for name in names]
        with ThreadPoolExecutor(4) as pool:
            for done in pool.map(lambda agent: self.join(agent, text), agents):
                assert done.returncode == 0, done.stderr
        for agent in agents:
            agent.start()
        self.wait_online(*names)
        return agents

    def saltern(
        self, *words: str, root: Path | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the ``saltern`` command to its end; ``root`` is the controller's unless given."""
        root = root or self.controller.layout.root
        return subprocess.run(
            [str(_COMMAND), "--root", str(root), *words],
            env=os.environ | {"SALTERN_SITE": self.mark},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    # --- waiting -------------------------------------------------------------------------------------

    def wait_for(self, condition: Callable[[], T | None], what: str, within: float = PATIENCE) -> T:
        """Return the first true value of ``condition``; else fail, showing everybody's log."""
        try:
            found = eventually(condition, what=what, within=within)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from None
        assert found is not None
        return found

    def logs(self) -> str:
        """Return the ends of all logs."""
        programs = {"controller": self.controller, **self.agents}
        return "\n".join(f"--- {name}\n{program.log()}" for name, program in programs.items())

    def wait_online(self, *names: str, within: float = PATIENCE) -> None:
        """Wait until these agents are present, and were heard (a job can be sent)."""
        self.wait_for(lambda: set(names) <= self.online(), f"{', '.join(names)} online", within)

    def online(self) -> set[str]:
        """Return the names of the agents that are present."""
        return {agent.name for agent in self.api.get("/v1/agents", list[Agent], online=True)}

    def known(self) -> dict[str, Agent]:
        """Return all agents by name, whatever their state."""
        return {agent.name: agent for agent in self.api.get("/v1/keys", list[Agent])}

    def change_keys(self, verb: str, name: str) -> list[Agent]:
        """Accept, reject, revoke or delete by name."""
        return self.api.ask("POST", f"/v1/keys/{verb}", list[Agent], body={"match": name})

    def status(self) -> ControllerStatus:
        """Return how the controller is."""
        return self.api.get("/v1/status", ControllerStatus)

    # --- jobs ----------------------------------------------------------------------------------------

    def start_job(self, target: str, fun: str, *args: Any, **more: Any) -> JobId:
        """Start a job and return its id; ``timeout`` and ``queue`` are the job's, the rest the function's."""
        return self.api.ask("POST", "/v1/jobs", Job, body=_new_job(target, fun, args, more)).jid

    def run(self, target: str, fun: str, *args: Any, **more: Any) -> Outcome:
        """Run a job and watch it to its end."""
        return self._watch("POST", "/v1/jobs", _new_job(target, fun, args, more))

    def watch(self, jid: JobId) -> Outcome:
        """Watch a job from its beginning to its end."""
        return self._watch("GET", f"/v1/jobs/{jid}/events", None)

    def rerun(self, jid: JobId, *, failed: bool = False) -> Outcome:
        """Run a job again and watch that."""
        return self._watch("POST", f"/v1/jobs/{jid}/rerun", {"failed": failed})

    def _watch(self, method: str, path: str, body: Any) -> Outcome:
        query = {"output": True} if method == "GET" else {"stream": True, "output": True}
        return outcome(map(_line.decode, self.api.lines(method, path, query=query, body=body)))

    def cancel(self, jid: JobId) -> None:
        """Cancel a job."""
        self.api.ask("POST", f"/v1/jobs/{jid}/cancel", msgspec.Raw)

    def targets(self, jid: JobId) -> dict[str, Target]:
        """Return what the store says of the job's targets, by name."""
        found = self.api.get(f"/v1/jobs/{jid}/targets", JobTargets)
        return {target.name: target for target in found.targets}

    def wait_target(self, jid: JobId, name: str, *statuses: Status, within: float = PATIENCE) -> Target:
        """Wait until the store says one of ``statuses`` of a target; any settled one when none is given."""
        wanted = statuses or tuple(SETTLED)

        def arrived() -> Target | None:
            target = self.targets(jid)[name]
            return target if target.status in wanted else None

        return self.wait_for(arrived, f"{name} in {jid} is {'/'.join(statuses) or 'settled'}", within)

    def wait_return(self, jid: JobId, name: str, within: float = PATIENCE) -> Target:
        """Wait until the target's own return is in the store."""

        def proven() -> Target | None:
            target = self.targets(jid)[name]
            return target if target.proven else None

        return self.wait_for(proven, f"the return of {name} in {jid} is recorded", within)

    # --- events --------------------------------------------------------------------------------------

    def wait_event(self, tag: str, within: float = PATIENCE, since: int = 0, **data: Any) -> Happening:
        """Wait for an event with ``tag`` that says ``data``, among those heard after the first ``since``."""

        def found() -> Happening | None:
            for event in itertools.islice(self.events, since, None):
                if event.tag == tag and data.items() <= event.data.items():
                    return event
            return None

        return self.wait_for(found, f"an event {tag} {data}", within)

    def _listen(self) -> None:
        """Collect events for as long as the site lives, through restarts of the controller."""
        while self._listening:
            with contextlib.suppress(SalternError, _StopListeningError):
                for line in self.api.lines("GET", "/v1/events", idle=self._idle):
                    self._heard.set()
                    with contextlib.suppress(msgspec.ValidationError):
                        self.events.append(_happening.decode(line))
            if self._listening:  # the controller is away; it may be back soon
                self._closing.wait(0.05)

    def _idle(self) -> None:
        self._heard.set()
        if not self._listening:
            raise _StopListeningError


class _StopListeningError(Exception):
    """The site is being closed."""


def _new_job(target: str, fun: str, args: tuple[Any, ...], more: dict[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {name: more.pop(name) for name in ("timeout", "queue", "kind") if name in more}
    return {"target": target, "fun": fun, "args": args, "kwargs": more, **own}


def outcome(lines: Iterator[Any]) -> Outcome:
    """Read a job's updates to the end."""
    jid, settled, output = JobId(""), {}, []
    for line in lines:
        if isinstance(line, Settled):
            settled[line.name] = line
        elif isinstance(line, Output):
            output.append(line)
        jid = getattr(line, "jid", jid)
    return Outcome(jid, settled, output)


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port nobody has, outside the range from which the kernel takes ports for clients."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((address if address != "0.0.0.0" else "", port))  # noqa: S104
            return port
