"""A private PostgreSQL server for tests: own directory, own socket, nothing on the network."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from saltern.foundation.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds a server has to start or stop.
PATIENCE = 60.0


def binaries() -> Path | None:
    """Return the directory of PostgreSQL's server programs, newest version first; None when not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class PostgreSQL:
    """One server. ``address()`` makes an empty database and returns its address for ``Store.open``.

    It refuses to run as root, so under root it runs as ``postgres`` or ``nobody``. It dies with this
    process. ``stop`` keeps the data for another ``start``; ``remove`` ends it for good.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = _unprivileged() if os.geteuid() == 0 else None
        # Short, since a Unix socket's path may have 107 bytes.
        self._home = Path(tempfile.mkdtemp(prefix="saltern-pg-", dir="/tmp"))
        if self._user:
            os.chown(self._home, self._user.pw_uid, self._user.pw_gid)
        self._server: subprocess.Popen[bytes] | None = None
        self._names = count(1)

    def __enter__(self) -> Self:
        try:
            self._run(
                "initdb",
                "--pgdata=data",
                "--username=saltern",
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
            )
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def start(self) -> None:
        """Start the server and wait until it answers. Raises Unavailable with what it wrote."""
        command = self._command("postgres", "-D", "data", "-k", str(self._home), "-c", "listen_addresses=")
        with (self._home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [*command, "-c", "fsync=off"],
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + PATIENCE
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > end:
                raise Unavailable("PostgreSQL does not start", hint=(self._home / "log").read_text()[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server at once, as a crash would; nothing happens when it does not run."""
        if self._server is not None:
            self._server.kill() if self._server.poll() is None else None
            self._server.wait(PATIENCE)
            self._server = None
            self._end_children()

    def _end_children(self) -> None:
        """Wait until the dead server's processes have noticed, so that another can start on its data."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and any(
            _works_in(process, self._home) for process in Path("/proc").glob("[0-9]*")
        ):
            time.sleep(0.05)
        (self._home / "data/postmaster.pid").unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop the server and remove its files."""
        self.stop()
        shutil.rmtree(self._home)

    def address(self) -> str:
        """Make an empty database and return its address."""
        name = f"test{next(self._names)}"
        self._sql(f"CREATE DATABASE {name}")
        return f"postgresql://saltern@/{name}?host={self._home}"

    def _sql(self, statement: str) -> None:
        self._run("psql", "-h", str(self._home), "-U", "saltern", "-d", "postgres", "-qXc", statement)

    def _answers(self) -> bool:
        command = self._command("pg_isready", "-q", "-h", str(self._home), "-d", "postgres", "-U", "saltern")
        return subprocess.run(command, cwd=self._home, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            self._command(program, *arguments), cwd=self._home, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Unavailable(f"{program} failed", hint=done.stderr.strip())

    def _command(self, program: str, *arguments: str) -> list[str]:
        path = str(self._programs / program)
        switch = ["setpriv", "--pdeathsig=KILL"]
        if self._user:
            switch += [f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups"]
        return [*switch, path, *arguments]


def _works_in(process: Path, home: Path) -> bool:
    try:
        return Path(os.readlink(process / "cwd")).is_relative_to(home)
    except OSError:  # it has ended
        return False


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Unavailable("no user to run PostgreSQL as", hint="add a user named postgres")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Run a server for all tests of a session; import it into a ``conftest.py`` to use it."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    with PostgreSQL(programs) as server:
        yield server
