"""A lab host: its own systemd, users, files and network, and Saltern at work in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import psutil

import saltern
from saltern.foundation.errors import Unavailable
from saltern.testing.conditions import eventually

#: What programs in a host start from.
ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "DEBIAN_FRONTEND": "noninteractive",
}
#: Where Saltern's code, and what it needs, is in a host. Read-only.
CODE = "/opt/saltern"
#: What changes by itself, or is a record of what was done: no part of a snapshot.
VOLATILE = (
    "root/.cache",
    "srv/salt",
    "var/log",
    "var/cache",
    "var/lib/systemd",
    "var/lib/saltern",
    "var/tmp",
    "etc/.pwd.lock",
    # rpm writes these when it is only asked, and dnf makes an empty history
    "var/lib/rpm/rpmdb.sqlite-shm",
    "var/lib/rpm/.rpm.lock",
    "root/.rpmdb",
    "var/lib/dnf/history.sqlite",
    "var/lib/dnf/history.sqlite-shm",
    "var/lib/dnf/history.sqlite-wal",
)
_STARTED_AGAIN = 133  # how systemd-nspawn ends when its host rebooted


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """How a program in a host ended."""

    retcode: int
    stdout: str
    stderr: str


class HostFailed(AssertionError):
    """A program in a lab host that had to succeed did not."""


class NoPackages(HostFailed):
    """The machine's package sources can't be reached, or are not what they were."""


class LabHost:
    """One host. Made by ``Lab.up``; ``name`` is what it calls itself, ``address`` its place in the lab."""

    def __init__(self, home: Path, name: str, address: str, lower: Path, command: Sequence[str]) -> None:
        """Take its directory, the root file system beneath, and the command that starts it."""
        self.home, self.name, self.address = home, name, address
        self.root = home / "root"
        self._upper, self._lower, self._command = home / "upper", lower, list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: Callable[[], bool] = self._has_booted

    # --- its life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Switch it on; ``wait`` tells when it is ready."""
        environment = os.environ | {
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
        }
        with (self.home / "console").open("ab") as console:
            self._process = subprocess.Popen(
                self._command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        (self.home / "pid").write_text(str(self._process.pid))

    def start_with(self, *packages: str) -> None:
        """Let packages put another init in systemd's place, and start again with that. Raises HostFailed."""
        self.install("--allow-remove-essential", *packages)
        self.kill()
        self._command = [*self._command[:-1], "--setenv=container=lxc", "/sbin/init"]
        self._ready = self._listens
        self.start()
        self.wait()

    def wait(self, within: float = 90.0) -> None:
        """Wait until it has started everything. Raises Unavailable when it ended, AssertionError."""

        def ready() -> bool:
            if self._process is not None and self._process.poll() is not None:
                raise Unavailable(f"the lab host {self.name} did not start: {self.console()[-500:]}")
            if self._leader() is None:
                return False
            try:
                return self._ready()
            except HostFailed:  # it has ended since: the next look tells why
                return False

        eventually(ready, within=within, what=f"{self.name} is up")

    def kill(self) -> None:
        """Cut its power."""
        leader = self._leader()
        if leader is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(leader, signal.SIGKILL)  # all that runs in it dies with its first process
        if self._process is not None:
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def reboot(self, within: float = 90.0) -> None:
        """Start it again, in order, and wait until it is up."""
        self.run("systemctl", "reboot")
        assert self._process is not None
        assert self._process.wait(within) == _STARTED_AGAIN, self.console()[-500:]
        self.start()
        self.wait(within)

    def console(self) -> str:
        """Return what it wrote to its console."""
        return (self.home / "console").read_text(errors="replace")

    # --- programs and files in it -------------------------------------------------------------------

    def run(self, *argv: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Finished:
        """Run a program in the host to its end, whatever its code."""
        leader = self._leader()
        if leader is None:
            raise HostFailed(f"{self.name} is not running")
        enter = [
            "nsenter",
            "--target",
            str(leader),
            *["-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"],
            "env",
            "-i",
        ]
        settings = [f"{name}={value}" for name, value in {**ENVIRONMENT, **(environment or {})}.items()]
        done = subprocess.run(
            [*enter, *settings, *argv], input=stdin, capture_output=True, text=True, errors="replace"
        )
        return Finished(retcode=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def must(self, *argv: str, stdin: str = "") -> str:
        """Run a program and return its output. Raises HostFailed with what it said."""
        done = self.run(*argv, stdin=stdin)
        if done.retcode != 0:
            said = f"{done.stdout}\n{done.stderr}".strip()
            raise HostFailed(f"{self.name}: {' '.join(argv)}: code {done.retcode}: {said[-2000:]}")
        return done.stdout

    def shell(self, script: str) -> str:
        """Run a shell script and return its output. Raises HostFailed."""
        return self.must("sh", "-ec", script)

    def put(self, path: str, data: str | bytes, mode: int = 0o644) -> None:
        """Write a file, and the directories above it."""
        there = self._below(path)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(data.encode() if isinstance(data, str) else data)
        there.chmod(mode)

    def read(self, path: str) -> str:
        """Return a file's text."""
        return self._below(path).read_text()

    def install(self, *packages: str) -> None:
        """Install Debian packages. Raises NoPackages when they can't be fetched, HostFailed."""
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        if self.run(*command).retcode != 0:  # what was known of packages may be out of date
            self.must("apt-get", "update", "-qq")
            try:
                self.must(*command)
            except HostFailed as error:
                raise NoPackages(str(error)) if "Unable to fetch" in str(error) else error from None

    def _below(self, path: str) -> Path:
        """Return where a path of the host is for us; links in it are the host's, so they are not followed."""
        found = self.root / path.lstrip("/")
        if any(parent.is_symlink() for parent in (found, *found.parents)):
            raise HostFailed(f"{path}: a link on the way: run cat or tee in the host")
        return found

    # --- Saltern in it ------------------------------------------------------------------------------

    def saltern(self, *words: str) -> dict[str, Any]:
        """Run ``saltern call --json`` and return ``{fun, status, retcode, data}``, also of a failed call."""
        done = self.run(*interpreter(self._lower), "-c", _MAIN, "call", "--json", *words, environment=PYTHON)
        try:
            found: dict[str, Any] = msgspec.json.decode(done.stdout)
        except msgspec.DecodeError:
            raise HostFailed(f"{self.name}: saltern {' '.join(words)}: {done.stdout}{done.stderr}") from None
        return found

    def call(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        """Call a function and return what it returns. Raises HostFailed when it fails without data."""
        found = self.saltern(
            fun, *map(_word, args), *(f"{name}={_word(value)}" for name, value in kwargs.items())
        )
        if found.get("error"):
            raise HostFailed(f"{self.name}: {fun}: {found['error']}")
        return found["data"]

    def apply(
        self,
        sls: str | Mapping[str, Any],
        *,
        tree: Mapping[str, str] | None = None,
        pillar: Mapping[str, Any] | None = None,
        test: bool = False,
    ) -> dict[str, dict[str, Any]]:
        """Apply states and return their results by id and function: ``{"web file.managed": {...}}``.

        ``sls`` is an SLS file's text, or its data; ``tree`` holds further files of ``salt://``.
        Raises HostFailed when they can't be compiled.
        """
        shutil.rmtree(self.root / "srv/salt", ignore_errors=True)
        text = sls if isinstance(sls, str) else "#!yaml\n" + msgspec.json.encode(sls).decode()
        for path, content in {**(tree or {}), "case.sls": text}.items():
            self.put(f"/srv/salt/{path}", content)
        results = self.call("state.apply", "case", test=test, pillar=dict(pillar or {}))
        return {_short(key): result for key, result in results.items()}

    # --- what it is like ----------------------------------------------------------------------------

    def snapshot(self) -> dict[str, str]:
        """Return what is not as in the root file system beneath, by path, and which services run.

        Two that are equal mean that nothing has changed in between but what is ``VOLATILE`` or lies in
        ``/run``, ``/tmp`` and other file systems that are not kept.
        """
        found: dict[str, str] = {}
        for directory, folders, files in os.walk(self._upper):
            place = os.path.relpath(directory, self._upper)
            folders[:] = [one for one in folders if os.path.normpath(f"{place}/{one}") not in VOLATILE]
            for name in (*folders, *files):
                path = os.path.normpath(f"{place}/{name}")
                now = described(self._upper / path)
                if path not in VOLATILE and now != described(self._lower / path):
                    found[path] = now
        return found | {"services": self._services()}

    def _has_booted(self) -> bool:
        said = self.run("systemctl", "is-system-running", "--wait").stdout.strip()
        return said in ("running", "degraded")

    def _listens(self) -> bool:
        """Tell whether sshd, which comes late, takes connections."""
        return self.run("ss", "-Hltn", "sport", "=", ":22").stdout != ""

    def _services(self) -> str:
        listed = self.run(
            "systemctl", "list-units", "--type=service", "--state=active", "--plain", "--no-legend"
        )
        return " ".join(sorted(line.split()[0] for line in listed.stdout.splitlines() if line.split()))

    def _leader(self) -> int | None:
        """Return the process that is the host's first, by our count."""
        if self._process is None or self._process.poll() is not None:
            return None
        with contextlib.suppress(psutil.NoSuchProcess):
            below = psutil.Process(self._process.pid).children()
            return below[0].pid if below else None
        return None


_MAIN = "import sys; from saltern.cli.main import main; sys.exit(main())"
#: How Saltern's code is found in a host.
PYTHON: Mapping[str, str] = {
    "PYTHONPATH": f"{CODE}/src:{CODE}/packages",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LD_LIBRARY_PATH": f"{CODE}/python/lib",
}


def interpreter(lower: Path) -> list[str]:
    """Return the Python to run with: the host's own if it is of our version, else ours."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = (lower / "usr/bin" / version).exists()
    return [f"/usr/bin/{version}" if own else f"{CODE}/python/bin/{version}"]


def shared(lower: Path) -> Mapping[Path, str]:
    """Return the directories of this machine that a host sees, read-only, and where."""
    code = Path(saltern.__file__).parent.parent
    found = {code: f"{CODE}/src", Path(msgspec.__file__).parent.parent: f"{CODE}/packages"}
    if interpreter(lower)[0].startswith(CODE):
        found[Path(sys.base_prefix)] = f"{CODE}/python"
    return found


def described(path: Path) -> str:
    """Return all that counts of a directory entry in a line: what it is, whose, and a file's content."""
    try:
        found = path.lstat()
    except OSError:  # not there, or below what is no directory
        return ""
    what = f"{stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid}"
    if stat.S_ISDIR(found.st_mode):
        return what
    if stat.S_ISLNK(found.st_mode):
        return f"{what} -> {os.readlink(path)}"
    if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
        return "removed"  # how an overlay says so
    content = sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(found.st_mode) else f"{found.st_rdev}"
    return f"{what} {found.st_size} bytes, {content[:16]}, of {found.st_mtime_ns}"


def _word(value: Any) -> str:
    """Return a value as it is written on a command line."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _short(key: str) -> str:
    """Return ``id module.function`` of a result's key."""
    module, identifier, _, function = key.split("_|-")
    return f"{identifier} {module}.{function}"
