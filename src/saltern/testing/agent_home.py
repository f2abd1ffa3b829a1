"""A real supervisor, loop, keepers and workers in processes of their own, without a network.

A test starts one, gives it orders, kills what it likes at points it names, and looks at what is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saltern.agent import executor, faults, processes
from saltern.agent.executor import Executor
from saltern.agent.journal import Memory
from saltern.agent.journal import _decoder as journal_decoder
from saltern.agent.log import parse
from saltern.agent.settings import JobSettings
from saltern.agent.spool import Spool
from saltern.agent.supervisor import Supervisor
from saltern.engine.outcome import Outcome
from saltern.foundation.errors import SalternError, Unavailable
from saltern.messages.v1 import Order, Progress, Return
from saltern.model.ids import AgentKey, JobId, new_job_id
from saltern.testing.conditions import eventually

if TYPE_CHECKING:
    from saltern.sdk import AgentControl
    from saltern.sdk.host import Emit

KEY = AgentKey("U" + "A" * 55)


class AgentHome:
    """One agent's directory, and its supervisor while that runs."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        """Use ``directory``; ``settings`` are those of JobSettings, and ``beyond``, the executor's BEYOND."""
        self.directory = directory
        self.spool = Spool(directory / "spool")
        self.settings = settings
        self.supervisor: subprocess.Popen[bytes] | None = None
        (directory / "faults").mkdir(parents=True, exist_ok=True)
        self._name = f"saltern-test-{secrets.token_hex(8)}"

    def start(self) -> None:
        """Start the supervisor, and wait until its loop takes orders."""
        command = [sys.executable, "-m", __name__, str(self.directory), self._name, json.dumps(self.settings)]
        self.supervisor = subprocess.Popen(command)
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Return when a loop answers."""
        eventually(lambda: self._try({"do": "ping"}) is not None, what="the agent's loop answers")

    @property
    def loop(self) -> int:
        """Return the loop's process id."""
        return int(self.ask({"do": "ping"})["pid"])

    def kill_supervisor(self) -> None:
        """Kill it (SIGKILL), and wait until it is gone."""
        assert self.supervisor
        self.supervisor.kill()
        self.supervisor.wait()

    def stop(self) -> int:
        """End it as a service manager would; return its code."""
        assert self.supervisor
        self.supervisor.terminate()
        return self.supervisor.wait(30)

    def clean_up(self) -> None:
        """Leave nothing running."""
        if self.supervisor is not None:
            self.supervisor.kill()
            self.supervisor.wait()
        for entry in self.memory().entries.values():
            if entry.kept and processes.born(entry.kept.keeper) == entry.kept.born:
                os.kill(entry.kept.keeper, signal.SIGSTOP)  # or it would write how its job ended
                processes.kill_tree(entry.kept.keeper)
                os.kill(entry.kept.keeper, signal.SIGKILL)

    def memory(self) -> Memory:
        """Return what the journal says now."""
        memory = Memory()
        with contextlib.suppress(FileNotFoundError):
            for payload in parse((self.directory / "journal").read_bytes()).payloads:
                memory.apply(journal_decoder.decode(payload))
        return memory

    def fault(self, point: str, deed: str = "kill self") -> None:
        """At the next time that ``point`` is reached: kill or stop self, loop or supervisor."""
        (self.directory / "faults" / point).write_text(deed)

    def fault_pending(self, point: str) -> bool:
        """Tell that the point has not been reached yet."""
        return (self.directory / "faults" / point).exists()

    def order(self, fun: str, *args: Any, timeout: float = 0.0, lives: float = 3600.0, **more: Any) -> Order:
        """Return a fresh order."""
        now = time.time()
        values: dict[str, Any] = {
            "jid": new_job_id(now),
            "to": KEY,
            "issued": now,
            "expires": now + lives,
            "nonce": secrets.token_bytes(16),
            "user": "alice",
        }
        return Order(fun=fun, args=args, timeout=timeout, **(values | more))

    def submit(self, order: Order) -> str:
        """Give the order; return an empty string, or why it was refused. Raises ConnectionError."""
        import msgspec

        return str(self.ask({"do": "submit", "order": msgspec.msgpack.encode(order).hex()})["error"])

    def run(self, fun: str, *args: Any, **more: Any) -> Return:
        """Run a function to its end."""
        order = self.order(fun, *args, **more)
        refusal = self.submit(order)
        assert not refusal, refusal
        return self.result(order.jid)

    def cancel(self, jid: JobId, user: str = "bob") -> bool:
        """Cancel a job."""
        return bool(self.ask({"do": "cancel", "jid": jid, "user": user})["done"])

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs not finished."""
        return list(self.ask({"do": "jobs"})["jobs"])

    def hand_over(self, jid: JobId) -> None:
        """Play the stream that has the return."""
        self.ask({"do": "handed_over", "jid": jid})

    def result(self, jid: JobId, within: float = 30.0) -> Return:
        """Wait for a job's return."""
        eventually(lambda: self.spool.has(jid), within=within, what=f"a return of {jid}")
        return self.spool.read(jid)

    def output(self, jid: JobId) -> list[dict[str, Any]]:
        """Return the events told of a job so far, in order."""
        path = self.directory / "events"
        lines = path.read_text().splitlines() if path.exists() else []
        return [event for event in map(json.loads, lines) if event["jid"] == jid]

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask the loop. Raises ConnectionError when it dies over it."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect("\0" + self._name)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile() as answers:
                line = answers.readline()
        if not line:
            raise ConnectionResetError("the loop died over it")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _try(self, request: dict[str, Any]) -> dict[str, Any] | None:
        assert self.supervisor
        assert self.supervisor.poll() is None, f"the supervisor ended with {self.supervisor.returncode}"
        with contextlib.suppress(ConnectionError):
            return self.ask(request)
        return None


# --- inside ---------------------------------------------------------------------------------------------


class NoErrands:
    """No controller is there to be asked."""

    async def ask(self, service: str, data: bytes) -> bytes:
        """Raise Unavailable."""
        raise Unavailable("no controller here")

    async def fetch(self, blobs: Sequence[tuple[str, int]]) -> Path:
        """Raise Unavailable."""
        raise Unavailable("no controller here")

    async def push(self, source: str, path: str) -> None:
        """Raise Unavailable."""
        raise Unavailable("no controller here")


class _Loop:
    """The loop's process: an executor, and a socket for the test."""

    def __init__(self, directory: Path, name: str, settings: dict[str, Any]) -> None:
        self.errands = NoErrands()
        self._directory = directory
        self._name = name
        self._settings = settings
        self._events = os.open(directory / "events", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __call__(self, control: socket.socket) -> int:
        executor.BEYOND = self._settings.pop("beyond", executor.BEYOND)
        (self._directory / "loop").write_text(str(os.getpid()))
        return asyncio.run(self._serve(control))

    async def _serve(self, control: socket.socket) -> int:
        self._executor = Executor(self._directory, control, self, settings=JobSettings(**self._settings))
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await self._executor.start()
        server = await asyncio.start_unix_server(self._talk, "\0" + self._name, limit=1 << 23)
        await stop.wait()
        server.close()
        await self._executor.close()
        return 0

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = await self._answer(json.loads(await reader.readline()))
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        import msgspec

        match request["do"]:
            case "submit":
                order = msgspec.msgpack.decode(bytes.fromhex(request["order"]), type=Order)
                try:
                    await self._executor.submit(order)
                except SalternError as error:
                    return {"error": str(error)}
                return {"error": ""}
            case "cancel":
                return {"done": await self._executor.cancel(request["jid"], request["user"])}
            case "jobs":
                jobs = self._executor.jobs()
                return {"jobs": [{"jid": job.jid, "pid": job.pid, "started": job.started} for job in jobs]}
            case "handed_over":
                self._executor.handed_over(request["jid"])
        return {"pid": os.getpid()}

    def _tell(self, **event: Any) -> None:
        os.write(self._events, json.dumps(event).encode() + b"\n")

    def running(self, jid: JobId, started: float) -> None:
        self._tell(jid=jid, what="running", started=started)

    async def progress(self, jid: JobId, progress: Progress) -> None:
        data = progress.data.decode(errors="replace")
        self._tell(jid=jid, what="progress", sequence=progress.sequence, stream=progress.stream, data=data)

    def finished(self, jid: JobId) -> None:
        self._tell(jid=jid, what="finished")

    async def refresh_grains(self) -> None:
        raise Unavailable("no grains here")

    async def happened(self, tag: str, data: dict[str, Any]) -> None:
        raise Unavailable("no broker here")


def _strike(directory: Path) -> Callable[[str], None]:
    """Return the hook that does the deeds of ``AgentHome.fault``, each once."""

    def hook(point: str) -> None:
        path = directory / "faults" / point
        try:
            deed, victim = path.read_text().split()
            path.unlink()
        except FileNotFoundError:
            return
        number = signal.SIGKILL if deed == "kill" else signal.SIGSTOP
        whose = {"supervisor": "lock", "loop": "loop"}
        os.kill(int((directory / whose[victim]).read_text()) if victim in whose else os.getpid(), number)

    return hook


def act(order: Order, emit: Emit, agent: AgentControl) -> Outcome:
    """Do what the tests' orders say; other functions are the library's."""
    deed = _DEEDS.get(order.fun)
    if deed is None:
        from saltern.agent.worker import perform

        return perform(order, emit, agent)
    value = deed(emit, agent, *order.args)
    return Outcome(ok=True, retcode=0, data=json.dumps(value).encode())


def _append(emit: Emit, agent: AgentControl, path: str, then_wait_for: str = "") -> int:
    with open(path, "ab", buffering=0) as file:
        file.write(b"ran\n")
    if then_wait_for:
        eventually(lambda: os.path.exists(then_wait_for), within=60)
    return os.getpid()


def _speak(emit: Emit, agent: AgentControl, text: str, times: int = 1) -> int:
    for _ in range(times):
        emit("stdout", text.encode())
    return times


def _hang(emit: Emit, agent: AgentControl, text: str = "", ready: str = "") -> None:
    emit("stdout", text.encode())
    if ready:
        Path(ready).write_text(str(os.getpid()))
    threading.Event().wait()


def _stubborn(emit: Emit, agent: AgentControl, ready: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _hang(emit, agent, ready=ready)


def _escape(emit: Emit, agent: AgentControl, ready: str) -> None:
    """Leave a chain of orphans, each in a session of its own, which ignore SIGTERM; then hang."""
    for number in range(3):
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if os.fork() == 0:
                os.setsid()
                Path(f"{ready}.{number}").write_text(str(os.getpid()))
                threading.Event().wait()
            os._exit(0)
    _hang(emit, agent, ready=ready)


def _comets(emit: Emit, agent: AgentControl, ready: str) -> None:
    """Start processes that never stay the same: each forks and dies, in a new session, for 20 s."""
    until = time.monotonic() + 20
    for _ in range(20):
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while time.monotonic() < until:
                os.setsid()
                if os.fork():
                    time.sleep(0.002)
                    os._exit(0)
            os._exit(0)
    _stubborn(emit, agent, ready)


def _leave_daemon(emit: Emit, agent: AgentControl, ready: str) -> None:
    """Leave one orphan behind, as a service's start script does."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            Path(ready).write_text(str(os.getpid()))
            threading.Event().wait()
        os._exit(0)
    os.wait()
    eventually(lambda: os.path.exists(ready) and Path(ready).read_text())


_DEEDS: dict[str, Callable[..., Any]] = {
    "append": _append,
    "speak": _speak,
    "hang": _hang,
    "stubborn": _stubborn,
    "escape": _escape,
    "comets": _comets,
    "leave_daemon": _leave_daemon,
    "large": lambda emit, agent, size: "x" * size,
    "vanish": lambda emit, agent: os._exit(0),
    "die": lambda emit, agent, number=signal.SIGKILL: os.kill(os.getpid(), number),
    "raise": lambda emit, agent: 1 / 0,
    "jobs": lambda emit, agent: [[job.jid, job.fun, job.pid] for job in agent.running_jobs()],
    "signal": lambda emit, agent, jid, number: agent.signal_job(jid, number),
    "refresh": lambda emit, agent: agent.refresh_grains(),
    "who": lambda emit, agent: [os.getpid(), os.getsid(0), os.getpgid(0), os.getppid()],
}


def main(directory: Path, name: str, settings: dict[str, Any]) -> int:
    """Be the supervisor."""
    faults.watch(_strike(directory))
    loop = _Loop(directory, name, settings)
    return Supervisor(directory, loop, run=act, load=lambda: None).run()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])))
