"""This machine."""

from __future__ import annotations

import functools
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, BinaryIO

from saltern.foundation.clock import SystemClock
from saltern.sdk.agent import AgentControl
from saltern.sdk.command import Command, Finished
from saltern.sdk.errors import (
    Conflict,
    NotAllowed,
    NotFound,
    OutputTooLarge,
    TimedOut,
    Unavailable,
)
from saltern.sdk.facts import Group, Interface, Kind, Stat, Uname, User
from saltern.sdk.host import READ_LIMIT, Emit, Host, NodeKind
from saltern.sdk.http import Request, Response
from saltern.sdk.oserrors import named_errors
from saltern.sdk.supply import NO_SUPPLY, Supply

#: Searched after PATH: a service's or an ordinary user's PATH often lacks the administrator's programs.
MORE_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")

#: Seconds to wait for another process to let go of a lock.
_LOCK_PATIENCE = 30.0

_KINDS: dict[int, Kind] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


class LocalHost(Host):
    """This machine, seen through the system calls of this process."""

    def __init__(
        self,
        *,
        grains: Callable[[], Mapping[str, Any]] | None = None,
        emit: Emit | None = None,
        agent: AgentControl | None = None,
        settings: str = "/etc/saltern",
        data: str = "/var/lib/saltern/agent/data",
        environment: Mapping[str, str] | None = None,
        supply: Supply | Callable[[Host], Supply] = NO_SUPPLY,
    ) -> None:
        """Take what a call may know: ``grains`` and a ``supply`` that is made are asked once, when needed.

        ``environment`` defaults to this process's, with the administrator's directories on PATH.
        """
        self.retcode = 0
        self.agent = agent
        self.settings = settings
        self.data = data
        self._supply = supply
        self._grains = grains
        self._emit = emit
        self._clock = SystemClock()
        self._environment = dict(os.environ if environment is None else environment)
        self._environment["PATH"] = _search_path(self._environment.get("PATH", ""))

    # --- facts -------------------------------------------------------------------------------------

    @functools.cached_property
    def grains(self) -> Mapping[str, Any]:
        """Facts about the machine, collected once. Raises Unavailable without a collector."""
        if self._grains is None:
            raise Unavailable("this call has no grains", hint="hand it a collector: LocalHost(grains=…)")
        return self._grains()

    @property
    def supply(self) -> Supply:
        """What comes with the call, made when first asked for."""
        if callable(self._supply):
            self._supply = self._supply(self)
        return self._supply

    @supply.setter
    def supply(self, supply: Supply) -> None:
        self._supply = supply

    def forget_grains(self) -> None:
        """Have the grains collected anew when they are next asked for."""
        self.__dict__.pop("grains", None)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment that programs start from."""
        return self._environment

    def set_environment(self, name: str, value: str | None) -> None:
        """Set a variable, here and in this process; None takes it away."""
        if value is None:
            self._environment.pop(name, None)
            os.environ.pop(name, None)
        else:
            self._environment[name] = os.environ[name] = value

    def now(self) -> float:
        """Return wall-clock time: seconds since the epoch, UTC."""
        return self._clock.now()

    def steady(self) -> float:
        """Return seconds that only grow."""
        return self._clock.steady()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def uname(self) -> Uname:
        """Return what the kernel says it is."""
        system, node, release, version, machine = os.uname()
        return Uname(system=system, node=node, release=release, version=version, machine=machine)

    def user(self, name: str | int | None = None) -> User:
        """Return an account by name or id, or the one this process runs as. Raises NotFound."""
        import grp
        import pwd

        try:
            found = pwd.getpwnam(name) if isinstance(name, str) else pwd.getpwuid(_uid(name))
        except KeyError:
            raise NotFound(f"no user {name!r} on this host") from None
        try:
            group = grp.getgrgid(found.pw_gid).gr_name
        except KeyError:
            group = str(found.pw_gid)
        groups = tuple(os.getgrouplist(found.pw_name, found.pw_gid))
        return User(
            name=found.pw_name,
            uid=found.pw_uid,
            gid=found.pw_gid,
            home=found.pw_dir,
            shell=found.pw_shell or "/bin/sh",
            group=group,
            groups=groups,
        )

    def group(self, name: str | int) -> Group:
        """Return a group by name or id. Raises NotFound."""
        import grp

        try:
            found = grp.getgrnam(name) if isinstance(name, str) else grp.getgrgid(name)
        except KeyError:
            raise NotFound(f"no group {name!r} on this host") from None
        return Group(name=found.gr_name, gid=found.gr_gid)

    def interfaces(self) -> list[Interface]:
        """Return the network interfaces with their addresses."""
        from saltern.sdk.interfaces import interfaces

        return interfaces()

    def reach(self, address: str, port: int, timeout: float) -> str:
        """Try to open a TCP connection; return why it can't be, nothing when it could."""
        import socket

        try:
            socket.create_connection((address, port), timeout).close()
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def http(self, request: Request, into: str = "") -> Response:
        """Ask a web server and return its answer; see Host."""
        from saltern.sdk import http

        with named_errors(into):
            return http.send(request, into)

    # --- programs ----------------------------------------------------------------------------------

    def execute(self, command: Command) -> Finished:
        """Run a program to its end; see Host."""
        from saltern.sdk import process

        sink = self.emit if command.stream else None
        with named_errors(command.argv[0], command.cwd):
            options = self._options(command)
            return process.run(options, command.stdin, command.timeout, command.limit, sink)

    def spawn(self, command: Command) -> int:
        """Start a program that outlives the call; return its process id."""
        from saltern.sdk import process

        with named_errors(command.argv[0], command.cwd):
            return process.spawn(self._options(command), command.stdin)

    def which(self, program: str) -> str | None:
        """Return the path of a program; None when it is not on PATH."""
        return shutil.which(program, path=self._environment["PATH"])

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a process. Raises NotFound, NotAllowed."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            raise NotFound(f"no process {pid}") from None
        except PermissionError:
            raise NotAllowed(f"process {pid} belongs to somebody else") from None

    def emit(self, stream: str, data: bytes) -> None:
        """Show output while the function runs."""
        if self._emit is not None:
            self._emit(stream, data)

    # --- files ---------------------------------------------------------------------------------------

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """Return a regular file's content; a pipe or a device is refused, never waited for."""
        with named_errors(path):
            with open(path, "rb", opener=_open_without_waiting) as file:
                size = min(_size_of_file(path, file), limit)
                data = file.read(size + 1)
                if len(data) > size:  # it has grown, or is one of /proc, whose size is 0
                    data += file.read(limit - size)
        if len(data) > limit:
            raise OutputTooLarge(f"{path}: more than {limit} bytes")
        return data

    def open(self, path: str) -> BinaryIO:
        """Return a regular file's content to be read in pieces; a pipe or a device is refused."""
        with named_errors(path):
            file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115 - the caller closes it
            try:
                _size_of_file(path, file)
            except BaseException:
                file.close()
                raise
            return file

    def write(self, path: str, data: bytes, mode: int | None = None, owner: User | None = None) -> None:
        """Replace a file's content in one step; see Host."""
        self.pour(path, (data,), mode, owner)

    def pour(
        self, path: str, pieces: Iterable[bytes], mode: int | None = None, owner: User | None = None
    ) -> None:
        """Replace a file's content in one step by what comes in pieces; see Host."""
        from pathlib import Path

        from saltern.foundation import atomic
        from saltern.sdk.beneath import opened

        with named_errors(path), opened(path, follow=True) as (directory, name):
            old = _stat_beneath(directory, name)
            if old is not None and not stat.S_ISREG(old.st_mode):
                raise Conflict(f"{path}: a {_KINDS[stat.S_IFMT(old.st_mode)]}, not a file")
            permissions = mode if mode is not None else stat.S_IMODE(old.st_mode) if old else 0o644
            ids = (owner.uid, owner.gid) if owner else (old.st_uid, old.st_gid) if old else None
            ids = ids if ids is not None and _is_another(ids) else None
            atomic.write(Path(name), pieces, mode=permissions, durable=False, owner=ids, directory=directory)

    def stat(self, path: str, *, follow: bool = True) -> Stat | None:
        """Return what lies at ``path``; None when nothing does."""
        with named_errors(path):
            try:
                found = os.stat(path, follow_symlinks=follow)
                target = os.readlink(path) if stat.S_ISLNK(found.st_mode) else ""
            except (FileNotFoundError, NotADirectoryError):
                return None
        return Stat(
            kind=_KINDS[stat.S_IFMT(found.st_mode)],
            mode=stat.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=found.st_gid,
            size=found.st_size,
            modified=found.st_mtime,
            accessed=found.st_atime,
            inode=found.st_ino,
            target=target,
            links=found.st_nlink,
            device=(os.major(found.st_rdev), os.minor(found.st_rdev)),
            block=stat.S_ISBLK(found.st_mode),
            changed=found.st_ctime,
        )

    def list_directory(self, path: str) -> list[str]:
        """Return the names in a directory, sorted."""
        with named_errors(path):
            return sorted(os.listdir(path))

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        """Make a directory and what is missing above it."""
        from saltern.sdk import inodes

        with named_errors(path):
            inodes.make_directory(os.path.normpath(path), mode)

    def remove(self, path: str) -> None:
        """Remove a file, a link or an empty directory; nothing there is no error."""
        from saltern.sdk import inodes

        with named_errors(path):
            inodes.remove(path)

    def remove_tree(self, path: str) -> None:
        """Remove a directory and all below it; links in it are removed, never followed."""
        from saltern.sdk import inodes

        with named_errors(path):
            inodes.remove_tree(path)

    def link(self, path: str, target: str) -> None:
        """Make ``path`` a symbolic link to ``target`` in one step; see Host."""
        from saltern.sdk import inodes

        with named_errors(path):
            inodes.link(path, target)

    def hard_link(self, path: str, target: str) -> None:
        """Make ``path`` another name of a file; see Host."""
        from saltern.sdk import inodes

        with named_errors(path):
            inodes.hard_link(path, target)

    def rename(self, path: str, to: str) -> None:
        """Give something another name; see Host."""
        from saltern.sdk import inodes

        with named_errors(f"{path} to {to}"):
            inodes.rename(path, to)

    def make_node(self, path: str, kind: NodeKind, mode: int, device: tuple[int, int] = (0, 0)) -> None:
        """Make a named pipe or a device; see Host."""
        from saltern.sdk import inodes

        with named_errors(path):
            inodes.make_node(path, kind, mode, device)

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits; a link is refused."""
        from saltern.sdk import inodes

        with named_errors(path):
            inodes.set_mode(path, mode)

    def set_owner(self, path: str, uid: int | None, gid: int | None) -> None:
        """Set owner and group; of a link itself, not of what it points to."""
        from saltern.sdk import inodes

        with named_errors(path):
            inodes.set_owner(path, -1 if uid is None else uid, -1 if gid is None else gid)

    def set_times(self, path: str, accessed: float, modified: float) -> None:
        """Set the times of what lies at ``path``."""
        from saltern.sdk import inodes

        with named_errors(path):
            inodes.set_times(path, accessed, modified)

    @contextmanager
    def lock(self, path: str) -> Iterator[None]:
        """Hold a lock file; see Host. The kernel lets go of it when the process ends."""
        import fcntl

        with named_errors(path):
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            deadline = time.monotonic() + _LOCK_PATIENCE
            while not _try_lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
                if time.monotonic() > deadline:
                    raise TimedOut(f"{path}: held by another process for {_LOCK_PATIENCE:g} s")
                time.sleep(0.02)
            yield
        finally:
            os.close(file)

    # --- how a program is started ----------------------------------------------------------------------

    def _options(self, command: Command) -> dict[str, Any]:
        """Return the arguments of subprocess.Popen for a command. Raises NotFound, NotAllowed."""
        import subprocess

        user = self.user(command.user) if command.user is not None else None
        environment = self._environment_of(command, user)
        options: dict[str, Any] = {
            "args": self._argv(command, environment),
            "stderr": subprocess.STDOUT if command.merge else subprocess.PIPE,
            "cwd": self._directory_of(command, user),
            "env": environment,
        }
        if command.umask is not None:
            options["umask"] = command.umask
        return options | _credentials(user, command.group)

    def _argv(self, command: Command, environment: Mapping[str, str]) -> list[str]:
        """Return argv with the program's path found on the PATH it will itself have."""
        program = command.argv[0]
        if "/" in program:
            return list(command.argv)
        path = environment.get("PATH") or os.pathsep.join(MORE_PATH)
        found = shutil.which(program, path=path)
        if found is None:
            raise NotFound(f"no program {program!r} on this host", hint=f"searched {path}")
        return [found, *command.argv[1:]]

    def _environment_of(self, command: Command, user: User | None) -> dict[str, str]:
        environment = {} if command.clean_env else dict(self._environment)
        if user is not None:
            environment |= {"HOME": user.home, "USER": user.name, "LOGNAME": user.name, "SHELL": user.shell}
        for name, value in command.env.items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        return environment

    def _directory_of(self, command: Command, user: User | None) -> str | None:
        if command.cwd is not None:
            home, slash, rest = command.cwd.partition("/")
            place = user.home if user and home == "~" else os.path.expanduser(home)
            return f"{place}{slash}{rest}"
        if user is None:
            return None
        return user.home if os.path.isdir(user.home) else "/"


def _try_lock(file: int, how: int) -> bool:
    import fcntl

    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    return True


def _stat_beneath(directory: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_another(ids: tuple[int, int]) -> bool:
    """Tell whether a file made by this process would not by itself belong to ``ids``: user and group."""
    return ids != (os.geteuid(), os.getegid())


def _uid(uid: int | None) -> int:
    return os.geteuid() if uid is None else uid


def _search_path(path: str) -> str:
    have = [part for part in path.split(os.pathsep) if part]
    return os.pathsep.join([*have, *(part for part in MORE_PATH if part not in have)])


def _credentials(user: User | None, group: str | None) -> dict[str, Any]:
    """Return what makes a program run as ``user`` and ``group``; nothing when that is oneself."""
    import grp

    options: dict[str, Any] = {}
    if group is not None:
        try:
            options["group"] = grp.getgrnam(group).gr_gid
        except KeyError:
            raise NotFound(f"no group {group!r} on this host") from None
    if user is not None and user.uid != os.geteuid():
        options = {"user": user.uid, "group": user.gid, "extra_groups": list(user.groups)} | options
    if options and os.geteuid() != 0:
        raise NotAllowed(
            f"only root may run programs as {user.name if user else group!r}",
            hint="run the agent as root, or leave runas and group away",
        )
    return options


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def _size_of_file(path: str, file: IO[bytes]) -> int:
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise Conflict(f"{path}: a {_KINDS[stat.S_IFMT(found.st_mode)]}, not a file")
    return found.st_size
