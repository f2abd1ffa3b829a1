"""The embedded broker: one nats-server child, configured, watched, restarted, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from saltern.foundation import atomic
from saltern.foundation.errors import SettingsError, Unavailable
from saltern.transport.broker_log import BrokerLog

log = logging.getLogger("saltern.broker")

_PR_SET_PDEATHSIG = 1
_PROBE_EVERY = 5.0
_PROBE_FAILURES = 3
_STARTUP = 60.0
#: Bytes free on its disk with which it should be able to store.
_ROOM = 8 * 1024 * 1024
_LOG_SIZE = 20 * 1024 * 1024


class Trust(NamedTuple):
    """What the broker believes: JWTs of the operator and the accounts, and whom it lets in with nothing."""

    operator: str
    system_key: str
    system: str
    account_key: str
    account: str
    open_user: str  # empty: nobody comes in without a credential


def _rate() -> int:
    """New connections a second for which there is processor time, with some left for other work."""
    return 200 * (os.cpu_count() or 1)


class Listen(NamedTuple):
    """Where agents dial in, and how big things may get."""

    host: str
    port: int
    certificate: Path
    key: Path
    max_storage: int  # bytes
    max_payload: int = 1024 * 1024
    rate: int = _rate()  # new connections in a second; more are turned away at once, to come again
    sync: str = "10s"  # how long stored messages may wait for the disk; "always" waits for each


def configuration(trust: Trust, listen: Listen, directory: Path, *, name: str = "") -> str:
    """Return a nats-server configuration; it serves an external server as well."""
    return f"""\
# Made by Saltern. The broker that the controller runs itself gets it anew at each start.
host: "{listen.host}"
port: {listen.port}
server_name: "{name or "saltern-" + socket.gethostname()}"
max_payload: {listen.max_payload}
max_connections: 200000
max_pending: 67108864
write_deadline: "10s"
ping_interval: "15s"
ping_max: 2
max_control_line: 4096
disable_sublist_cache: false
operator: {trust.operator}
system_account: {trust.system_key}
resolver {{
  type: full
  dir: "{directory}/accounts"
  allow_delete: false
  interval: "2m"
}}
resolver_preload {{
  {trust.system_key}: {trust.system}
  {trust.account_key}: {trust.account}
}}
{f'default_sentinel: "{trust.open_user}"' if trust.open_user else ""}
tls {{
  cert_file: "{listen.certificate}"
  key_file: "{listen.key}"
  min_version: "1.3"
  handshake_first: true
  timeout: 20
  connection_rate_limit: {listen.rate}
}}
authorization {{ timeout: 20 }}
jetstream {{
  strict: true
  store_dir: "{directory}/streams"
  max_file_store: {listen.max_storage}
  max_memory_store: 67108864
  sync_interval: {listen.sync}
}}
"""


def find_server() -> Path:
    """Return the nats-server to run: one on PATH wins, else the one installed beside this Python."""
    beside = Path(sys.executable).parent / "nats-server"
    found = shutil.which("nats-server")
    if found:
        return Path(found)
    if beside.is_file() and os.access(beside, os.X_OK):
        return beside
    raise SettingsError(
        "there is no nats-server program",
        hint="install saltern[controller], which brings one, or set fabric.urls",
    )


class Broker:
    """Runs nats-server until ``stop``; ``on_restart`` is told each time it had to be started again."""

    def __init__(
        self,
        trust: Callable[[], Trust],
        listen: Listen,
        directory: Path,
        *,
        on_restart: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._trust = trust
        self._listen = listen
        self._directory = directory
        self._on_restart = on_restart
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._log = BrokerLog(self.log_file)
        self._roomy = True

    @property
    def pid(self) -> int | None:
        """The server's process id, while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def log_file(self) -> Path:
        """Where the server writes its log."""
        return self._directory / "nats-server.log"

    async def start(self) -> None:
        """Start the server and return when it answers.

        Raises SettingsError when the port is taken, Unavailable when it does not come up.
        """
        for part in ("", "accounts", "streams"):
            atomic.private_directory(self._directory / part)
        self._check_port()
        await self._launch()
        self._watcher = asyncio.create_task(self._watch(), name="broker-watch")

    async def stop(self) -> None:
        """End the server; its streams are on disk when this returns."""
        if self._watcher:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        await self._end()

    def reload(self) -> None:
        """Make the server read its certificate again."""
        if self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGHUP)

    async def _launch(self) -> None:
        configuration_file = self._directory / "nats-server.conf"
        text = configuration(self._trust(), self._listen, self._directory)
        # Not on the command line: then the server could not read its configuration again.
        text += f'log_file: "{self.log_file}"\nlogfile_size_limit: {_LOG_SIZE}\n'
        atomic.write(configuration_file, text.encode())
        self._process = await asyncio.create_subprocess_exec(
            str(find_server()),
            "--config",
            str(configuration_file),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=_prepare_child(os.getpid()),
        )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _STARTUP
        while not await self._answers():
            if self._process.returncode is not None:
                raise Unavailable(
                    f"nats-server ended at once: {self._last_words()}", where=str(self.log_file)
                )
            if loop.time() > deadline:
                await self._end()
                raise Unavailable("nats-server does not answer", where=str(self.log_file))
            await asyncio.sleep(0.02)

    def _check_port(self) -> None:
        with socket.socket(socket.AF_INET6 if ":" in self._listen.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._listen.host, self._listen.port))
            except OSError as error:
                raise SettingsError(
                    f"cannot listen on {self._listen.host}:{self._listen.port}: {error.strerror}",
                    hint="set fabric.listen in controller.yaml to a free address and port",
                ) from error

    async def _answers(self) -> bool:
        """Tell whether the server itself speaks: when it is stopped its kernel still accepts connections.

        Being turned away, by a server that has more new connections than it may take, is an answer too.
        """
        import ssl

        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            async with asyncio.timeout(6):
                reader, writer = await asyncio.open_connection(
                    _dial(self._listen.host), self._listen.port, ssl=context
                )
                try:
                    return await reader.read(4) == b"INFO"
                finally:
                    writer.transport.abort()
        except (ssl.SSLError, ConnectionResetError):
            return True
        except (TimeoutError, OSError):
            return False

    async def _watch(self) -> None:
        assert self._process is not None
        missed = 0
        while True:
            ended = asyncio.create_task(self._process.wait())
            done, _ = await asyncio.wait({ended}, timeout=_PROBE_EVERY)
            if not done:
                ended.cancel()
                missed = 0 if await self._answers() else missed + 1
                if missed >= _PROBE_FAILURES:
                    reason = f"it did not answer {missed} times"
                    self._kill()  # it would not hear a gentle word
                elif self._stuck():
                    reason = "its disk was full; there is space again, and it stores nothing"
                else:
                    continue
            else:
                reason = f"it ended with {_status(self._process.returncode)}: {self._last_words()}"
            missed = 0
            await self._restart(reason)

    def _stuck(self) -> bool:
        """Tell that it stores nothing though there is space: after a full disk it does not try again."""
        roomy_before, self._roomy = self._roomy, self._free() >= _ROOM
        return self._log.disk_was_full() and roomy_before and self._roomy

    def _free(self) -> int:
        status = os.statvfs(self._directory / "streams")
        return status.f_bavail * status.f_frsize

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _restart(self, reason: str) -> None:
        log.error("nats-server is started again: %s", reason)
        await self._end()
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            try:
                await self._launch()
            except (Unavailable, SettingsError, OSError) as error:
                log.error("nats-server does not start: %s", error)
                pause = min(max(pause * 2, 0.5), 15)
            else:
                self._on_restart(reason)
                return

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _last_words(self) -> str:
        try:
            with self.log_file.open("rb") as stream:
                stream.seek(max(0, self.log_file.stat().st_size - 4096))
                lines = stream.read().decode(errors="replace").splitlines()
        except OSError:
            return "it left no log"
        telling = [line for line in lines if "[FTL]" in line or "[ERR]" in line] or lines
        return telling[-1].split("] ", 2)[-1] if telling else "it left no log"


def _dial(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _status(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _prepare_child(parent: int) -> Callable[[], None]:
    """Return what runs before exec: private files, no terminal signals, and an end with ours, however."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform.startswith("linux") else None

    def prepare() -> None:
        os.umask(0o077)
        os.setsid()
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it died in between
                os._exit(1)

    return prepare
