"""A host in memory: files, programs and a clock that a test sets up, and that behave as real ones."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec

from saltern.sdk import (
    AgentControl,
    Command,
    Conflict,
    Finished,
    Group,
    Host,
    Interface,
    NotAllowed,
    NotFound,
    OutputTooLarge,
    Stat,
    Uname,
    Unavailable,
    User,
)
from saltern.sdk.command import TIMED_OUT
from saltern.sdk.host import READ_LIMIT, NodeKind
from saltern.sdk.http import Request, Response, shown
from saltern.sdk.supply import NO_SUPPLY, Supply
from saltern.testing import world
from saltern.testing.world import File, ImpossibleWorld, Program, interface

__all__ = ["FakeHost", "File", "ImpossibleWorld", "Program", "interface"]


class FakeHost(Host):
    """A host that holds exactly what a test gave it.

    ``files`` maps paths to text or to File's fields; ``programs`` maps whole command lines, written as a
    shell would quote them, to their output or to Program's fields; ``web`` maps URLs (``POST https://…`` for
    another method than GET) to the answer's body or to Page's fields, no server is at others. A program
    that no command line begins with is not on PATH; a command line nobody gave is an ImpossibleWorld.
    ``ran``, ``requests`` and ``emitted`` tell what happened.
    """

    def __init__(
        self,
        *,
        files: Mapping[str, Any] | None = None,
        directories: Sequence[str] = (),
        programs: Mapping[str, Any] | None = None,
        web: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        grains: Mapping[str, Any] | None = None,
        users: Sequence[User] = (),
        groups: Mapping[str, int] | None = None,
        user: str = "root",
        uname: Uname | None = None,
        interfaces: Sequence[Interface] = (),
        processes: Sequence[int] = (1,),
        reachable: Sequence[str] = (),
        agent: AgentControl | None = None,
        settings: str = "/etc/saltern",
        data: str = "/var/lib/saltern/agent/data",
        supply: Supply = NO_SUPPLY,
        now: float = 1_700_000_000.0,
    ) -> None:
        """Set the world up. Raises ImpossibleWorld."""
        self.retcode = 0
        self.agent = agent
        self.settings = settings
        self.data = data
        self.supply = supply
        self.ran: list[Command] = []
        self.requests: list[Request] = []
        self._web = {url: world.page(given) for url, given in (web or {}).items()}
        self.emitted: list[tuple[str, bytes]] = []
        self.signals: list[tuple[int, int]] = []
        self.grains_forgotten = 0
        self._programs = {line: world.program(given) for line, given in (programs or {}).items()}
        self._environment = {"PATH": "/usr/bin", "HOME": "/root", **(environment or {})}
        self._grains = dict(grains or {})
        self._users = {one.name: one for one in (User(name="root", uid=0, gid=0, home="/root"), *users)}
        self._groups = {"root": 0, **(groups or {})}
        self._user = user
        self._uname = uname or Uname(
            system="Linux", node="fake", release="6.1.0", version="#1 SMP", machine="x86_64"
        )
        self._interfaces = list(interfaces)
        self._processes = set(processes)
        self._reachable = set(reachable)
        self._time = now
        self._unused = set(self._programs)
        self.files: dict[str, File] = {}
        self._directories = {path: File(mode=0o755) for path in ("/", *directories)}
        self._directories["/tmp"] = File(mode=0o1777)  # noqa: S108
        for path, given in (files or {}).items():
            self._put(path, world.file(given))
        if user not in self._users:
            raise ImpossibleWorld(f"user {user!r} is not among the users")

    def check(self) -> None:
        """Raise ImpossibleWorld when a command line was given that nobody ran."""
        if self._unused:
            raise ImpossibleWorld(f"given, but never run: {sorted(self._unused)}")

    # --- facts ---------------------------------------------------------------------------------------

    @property
    def grains(self) -> Mapping[str, Any]:
        """The grains the test gave."""
        return self._grains

    def forget_grains(self) -> None:
        """Count the wish, and read the static grains again, as a collection would."""
        import yaml

        self.grains_forgotten += 1
        self._grains |= yaml.safe_load(self.text(f"{self.settings}/grains", "")) or {}

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment the test gave, with PATH and HOME."""
        return self._environment

    def set_environment(self, name: str, value: str | None) -> None:
        """Set a variable, or take it away."""
        if value is None:
            self._environment.pop(name, None)
        else:
            self._environment[name] = value

    def now(self) -> float:
        """Return the fake time."""
        return self._time

    def steady(self) -> float:
        """Return the fake time."""
        return self._time

    def sleep(self, seconds: float) -> None:
        """Move the fake time, at once."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._time += seconds

    def uname(self) -> Uname:
        """Return what the test gave."""
        return self._uname

    def user(self, name: str | int | None = None) -> User:
        """Return one of the users given, or root."""
        wanted = self._user if name is None else name
        for user in self._users.values():
            if wanted in (user.name, user.uid):
                return user
        raise NotFound(f"no user {name!r} on this host")

    def group(self, name: str | int) -> Group:
        """Return one of the groups given, or root."""
        for known, gid in self._groups.items():
            if name in (known, gid):
                return Group(name=known, gid=gid)
        raise NotFound(f"no group {name!r} on this host")

    def interfaces(self) -> list[Interface]:
        """Return the interfaces given."""
        return self._interfaces

    def reach(self, address: str, port: int, timeout: float) -> str:
        """Look the end, written ``address:port``, up among those reachable."""
        return "" if f"{address}:{port}" in self._reachable else "Connection refused"

    def http(self, request: Request, into: str = "") -> Response:
        """Answer what the test wrote for this URL."""
        self.requests.append(request)
        page = self._web.get(request.url if request.method == "GET" else f"{request.method} {request.url}")
        if page is None:
            raise Unavailable(f"{shown(request.url)}: Connection refused")
        body = page.body if isinstance(page.body, bytes) else str(page.body).encode()
        if len(body) > request.limit:
            raise OutputTooLarge(f"{shown(request.url)}: more than {request.limit} bytes")
        answer = Response(status=page.status, headers=page.headers, body=body, url=request.url)
        if not into or not answer.ok:
            return answer
        self.write(into, body, 0o600)
        return msgspec.structs.replace(answer, body=b"")

    # --- programs --------------------------------------------------------------------------------------

    def execute(self, command: Command) -> Finished:
        """Run what the test wrote for this command line."""
        program = self._start(command)
        if command.timeout is not None and program.takes > command.timeout:
            self._time += command.timeout
            return Finished(pid=1000 + len(self.ran), retcode=TIMED_OUT, timed_out=True)
        self._time += program.takes
        for path, content in program.writes.items():
            self.write(path, content.encode())
        for path in program.removes:
            self.remove(path)
        if program.keeps:
            self.write(program.keeps, command.stdin)
        shown = self.read(program.shows) if program.shows else b""
        stdout, stderr = program.stdout.encode() + shown, program.stderr.encode()
        if command.merge:
            stdout, stderr = stdout + stderr, b""
        if len(stdout) + len(stderr) > command.limit:
            raise OutputTooLarge(f"{command.argv[0]!r} wrote more than {command.limit} bytes and was killed")
        for stream, data in (("stdout", stdout), ("stderr", stderr)):
            if command.stream and data:
                self.emit(stream, data)
        pid = 1000 + len(self.ran)
        return Finished(pid=pid, retcode=program.retcode, stdout=stdout, stderr=stderr)

    def spawn(self, command: Command) -> int:
        """Start what the test wrote for this command line; it runs for ever."""
        self._start(command)
        pid = 1000 + len(self.ran)
        self._processes.add(pid)
        return pid

    def which(self, program: str) -> str | None:
        """Return a path for programs that a command line given begins with, or that lie in a file."""
        path = program if "/" in program else f"/usr/bin/{program}"
        known = {shlex.split(line)[0] for line in self._programs}
        found = self.files.get(path)
        is_file = found is not None and bool(found.mode & 0o111)
        return path if program in known or path in known or is_file else None

    def signal(self, pid: int, number: int) -> None:
        """Note the signal; 9 and 15 end the process."""
        if pid not in self._processes:
            raise NotFound(f"no process {pid}")
        self.signals.append((pid, number))
        if number in (9, 15):
            self._processes.discard(pid)

    def emit(self, stream: str, data: bytes) -> None:
        """Note the output."""
        self.emitted.append((stream, data))

    def _start(self, command: Command) -> Program:
        if self.which(command.argv[0]) is None:
            raise NotFound(f"no program {command.argv[0]!r} on this host")
        if command.cwd is not None and not self._is_directory(command.cwd):
            raise NotFound(f"{command.cwd}: no such file or directory")
        user = self.user(command.user) if command.user is not None else self.user()
        if self.user().uid not in (0, user.uid):
            raise NotAllowed(f"only root may run programs as {user.name}")
        line = shlex.join(command.argv)
        if line not in self._programs:
            raise ImpossibleWorld(f"nobody said what happens on: {line}")
        self._unused.discard(line)
        self.ran.append(command)
        return self._as_it_is_now(self._programs[line])

    def _as_it_is_now(self, program: Program) -> Program:
        there = next((path for path in program.when if self.stat(path, follow=False)), None)
        return program if there is None else self._as_it_is_now(world.program(program.when[there]))

    # --- files -------------------------------------------------------------------------------------------

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """Return a file's content."""
        path = self._resolve(path)
        if self._is_directory(path):
            raise Conflict(f"{path}: a directory, not a file")
        found = self.files.get(path)
        if found is None:
            raise NotFound(f"{path}: no such file or directory")
        if found.forbidden:
            raise NotAllowed(f"{path}: permission denied")
        if len(found.data) > limit:
            raise OutputTooLarge(f"{path}: more than {limit} bytes")
        return found.data

    def write(self, path: str, data: bytes, mode: int | None = None, owner: User | None = None) -> None:
        """Replace a file's content."""
        path = self._resolve(path)
        if self._is_directory(path):
            raise Conflict(f"{path}: a directory, not a file")
        if not self._is_directory(posixpath.dirname(path)):
            raise NotFound(f"{path}: no such file or directory")
        old = self.files.get(path)
        keeper = owner or old or self.user()
        permissions = mode if mode is not None else old.mode if old else 0o644
        self.files[path] = File(
            content=data, mode=permissions, uid=keeper.uid, gid=keeper.gid, modified=self._time
        )

    def stat(self, path: str, *, follow: bool = True) -> Stat | None:
        """Return what lies at a path."""
        path = self._resolve(path) if follow else posixpath.normpath(path)
        folder = self._directories.get(posixpath.normpath(path))
        if folder is not None:
            return Stat(kind="directory", mode=folder.mode, uid=folder.uid, gid=folder.gid)
        found = self.files.get(path)
        if found is None:
            return None
        return Stat(
            kind=world.kind(found),
            mode=found.mode,
            uid=found.uid,
            gid=found.gid,
            size=len(found.data),
            modified=found.modified,
            accessed=found.accessed,
            target=found.link,
            inode=id(found),
            links=sum(one is found for one in self.files.values()),
            device=found.device,
            block=found.node == "block",
            changed=found.modified,
        )

    def list_directory(self, path: str) -> list[str]:
        """Return the names in a directory."""
        path = self._resolve(path)
        if path in self.files:
            raise NotFound(f"{path}: a part of the path is not a directory")
        if not self._is_directory(path):
            raise NotFound(f"{path}: no such file or directory")
        inside = (one for one in [*self.files, *self._directories] if one != "/")
        return sorted({posixpath.basename(one) for one in inside if posixpath.dirname(one) == path})

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        """Make a directory and those above it."""
        path = posixpath.normpath(path)
        while path not in self._directories:
            if path in self.files:
                raise Conflict(f"{path}: a file, not a directory")
            self._directories[path] = File(mode=mode)
            path, mode = posixpath.dirname(path), 0o755

    def remove(self, path: str) -> None:
        """Remove a file, a link, or an empty directory."""
        path = posixpath.normpath(path)
        if self._is_directory(path) and self.list_directory(path):
            raise Conflict(f"{path}: the directory is not empty")
        self.files.pop(path, None)
        self._directories.pop(path, None)

    def remove_tree(self, path: str) -> None:
        """Remove a directory and all below it."""
        path = posixpath.normpath(path)
        if not self._is_directory(path):
            raise NotFound(f"{path}: a part of the path is not a directory")
        for known in [*self.files, *self._directories]:
            if known == path or known.startswith(f"{path}/"):
                self.files.pop(known, None)
                self._directories.pop(known, None)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        path = posixpath.normpath(path)
        if self._is_directory(path):
            raise Conflict(f"{path}: a directory, not a file")
        if not self._is_directory(self._resolve(posixpath.dirname(path))):
            raise NotFound(f"{path}: no such file or directory")
        self.files[path] = File(link=target, mode=0o777)

    def hard_link(self, path: str, target: str) -> None:
        """Make another name of a file."""
        path, target = posixpath.normpath(path), posixpath.normpath(target)
        self._refuse_if_there(path)
        if target not in self.files:
            raise NotFound(f"{target}: no such file or directory")
        self.files[path] = self.files[target]

    def rename(self, path: str, to: str) -> None:
        """Give a file, a link or a directory another name."""
        path, to = posixpath.normpath(path), posixpath.normpath(to)
        if self.stat(path, follow=False) is None or not self._is_directory(posixpath.dirname(to)):
            raise NotFound(f"{path} to {to}: no such file or directory")
        if self._is_directory(to):
            raise Conflict(f"{path} to {to}: a directory, not a file")
        for kept in (self.files, self._directories):
            for known in [one for one in kept if one == path or one.startswith(f"{path}/")]:
                kept[to + known.removeprefix(path)] = kept.pop(known)

    def make_node(self, path: str, kind: NodeKind, mode: int, device: tuple[int, int] = (0, 0)) -> None:
        """Make a named pipe or a device."""
        self._refuse_if_there(posixpath.normpath(path))
        self.files[posixpath.normpath(path)] = File(node=kind, mode=mode, device=device)

    def _refuse_if_there(self, path: str) -> None:
        if self.stat(path, follow=False) is not None:
            raise Conflict(f"{path}: something is there already")
        if not self._is_directory(posixpath.dirname(path)):
            raise NotFound(f"{path}: no such file or directory")

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits."""
        found = self._entry(path)
        if found.link:
            raise Conflict(f"{path}: a symbolic link, which is not followed here")
        found.mode = mode

    def set_owner(self, path: str, uid: int | None, gid: int | None) -> None:
        """Set owner and group."""
        found = self._entry(path)
        found.uid = found.uid if uid is None else uid
        found.gid = found.gid if gid is None else gid

    def set_times(self, path: str, accessed: float, modified: float) -> None:
        """Set the times."""
        found = self._entry(self._resolve(path))
        found.accessed, found.modified = accessed, modified

    def _entry(self, path: str) -> File:
        path = posixpath.normpath(path)
        found = self.files.get(path) or self._directories.get(path)
        if found is None:
            raise NotFound(f"{path}: no such file or directory")
        return found

    def lock(self, path: str) -> AbstractContextManager[None]:
        """Hold a lock that nobody else wants."""
        if not self._is_directory(posixpath.dirname(path)):
            raise NotFound(f"{path}: no such file or directory")
        return nullcontext()

    def folders(self) -> dict[str, tuple[int, int, int]]:
        """Return mode, owner and group of each directory."""
        return {path: (one.mode, one.uid, one.gid) for path, one in self._directories.items()}

    def place(self, path: str, data: bytes) -> None:
        """Let a file be there that no function made, such as a copy in the agent's cache."""
        self.files[path] = File(content=data, mode=0o600)

    def _put(self, path: str, file: File) -> None:
        if posixpath.normpath(path) != path or not path.startswith("/"):
            raise ImpossibleWorld(f"{path!r} is not an absolute path")
        if path in self._directories:
            raise ImpossibleWorld(f"{path} is a file and a directory")
        self.files[path] = file
        try:
            self.make_directory(posixpath.dirname(path))
        except Conflict as error:
            raise ImpossibleWorld(f"{path} lies inside a file: {error}") from None

    def _is_directory(self, path: str) -> bool:
        return posixpath.normpath(path) in self._directories

    def _resolve(self, path: str) -> str:
        """Follow the links in every part of a path."""
        done = "/"
        rest = posixpath.normpath(path).strip("/").split("/")
        for _ in range(400):
            if not rest or rest == [""]:
                return done
            done = posixpath.normpath(posixpath.join(done, rest.pop(0)))
            found = self.files.get(done)
            if found is not None and found.link:
                target = posixpath.join(posixpath.dirname(done), found.link)
                rest = [*posixpath.normpath(target).strip("/").split("/"), *rest]
                done = "/"
        raise Unavailable(f"{path}: too many links")
