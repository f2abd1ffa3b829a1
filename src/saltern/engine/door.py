"""A host as one state sees it: one that may only look, or one that notes what was there before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, NoReturn

import msgspec

from saltern.sdk import Command, Conflict, Finished, Group, Host, Interface, Stat, Uname, User
from saltern.sdk.host import READ_LIMIT, NodeKind
from saltern.sdk.http import Request, Response, shown
from saltern.sdk.supply import Supply


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a state's globals say of the programs and files it makes."""

    umask: int | None = None
    timeout: float | None = None


PLAIN = Surroundings()


class Door(Host):
    """A host seen through another; what is said of the call (``fail``) stays on this side."""

    def __init__(self, inner: Host, around: Surroundings = PLAIN, supply: Supply | None = None) -> None:
        """Take the host behind, the surroundings of the state, and what it is supplied with."""
        self.inner = inner
        self.retcode = 0
        self.agent = inner.agent
        self.settings = inner.settings
        self.data = inner.data
        self.supply = inner.supply if supply is None else supply
        self._around = around

    @property
    def grains(self) -> Mapping[str, Any]:
        """The facts of the host behind."""
        return self.inner.grains

    def forget_grains(self) -> None:
        """Have the grains collected anew."""
        self.inner.forget_grains()

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of the host behind."""
        return self.inner.environment

    def set_environment(self, name: str, value: str | None) -> None:
        """Set a variable."""
        self.inner.set_environment(name, value)

    def now(self) -> float:
        """Return wall-clock time."""
        return self.inner.now()

    def steady(self) -> float:
        """Return seconds that only grow."""
        return self.inner.steady()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.inner.sleep(seconds)

    def uname(self) -> Uname:
        """Return what the kernel says it is."""
        return self.inner.uname()

    def user(self, name: str | int | None = None) -> User:
        """Return an account."""
        return self.inner.user(name)

    def group(self, name: str | int) -> Group:
        """Return a group."""
        return self.inner.group(name)

    def interfaces(self) -> list[Interface]:
        """Return the network interfaces."""
        return self.inner.interfaces()

    def reach(self, address: str, port: int, timeout: float) -> str:
        """Try to open a TCP connection."""
        return self.inner.reach(address, port, timeout)

    def http(self, request: Request, into: str = "") -> Response:
        """Ask a web server."""
        return self.inner.http(request, into)

    def execute(self, command: Command) -> Finished:
        """Run a program; the state's umask and timeout hold where the command has none of its own."""
        return self.inner.execute(self._dressed(command))

    def spawn(self, command: Command) -> int:
        """Start a program that outlives the call."""
        return self.inner.spawn(self._dressed(command))

    def which(self, program: str) -> str | None:
        """Return the path of a program."""
        return self.inner.which(program)

    def signal(self, pid: int, number: int) -> None:
        """Send a signal."""
        self.inner.signal(pid, number)

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """Return a file's content."""
        return self.inner.read(path, limit)

    def open(self, path: str) -> BinaryIO:
        """Return a file's content to be read in pieces."""
        return self.inner.open(path)

    def write(self, path: str, data: bytes, mode: int | None = None, owner: User | None = None) -> None:
        """Replace a file's content; a new one's permissions follow the state's umask."""
        self.inner.write(path, data, self._mode_of(path, mode), owner)

    def pour(
        self, path: str, pieces: Iterable[bytes], mode: int | None = None, owner: User | None = None
    ) -> None:
        """Replace a file's content by pieces; a new one's permissions follow the state's umask."""
        self.inner.pour(path, pieces, self._mode_of(path, mode), owner)

    def _mode_of(self, path: str, mode: int | None) -> int | None:
        if mode is None and self._around.umask is not None and self.inner.stat(path) is None:
            return 0o666 & ~self._around.umask
        return mode

    def stat(self, path: str, *, follow: bool = True) -> Stat | None:
        """Return what lies at ``path``."""
        return self.inner.stat(path, follow=follow)

    def list_directory(self, path: str) -> list[str]:
        """Return the names in a directory."""
        return self.inner.list_directory(path)

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        """Make a directory and what is missing above it."""
        self.inner.make_directory(path, mode & ~(self._around.umask or 0))

    def remove(self, path: str) -> None:
        """Remove a file, a link or an empty directory."""
        self.inner.remove(path)

    def remove_tree(self, path: str) -> None:
        """Remove a directory and all below it."""
        self.inner.remove_tree(path)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        self.inner.link(path, target)

    def hard_link(self, path: str, target: str) -> None:
        """Make another name of a file."""
        self.inner.hard_link(path, target)

    def rename(self, path: str, to: str) -> None:
        """Give something another name."""
        self.inner.rename(path, to)

    def make_node(self, path: str, kind: NodeKind, mode: int, device: tuple[int, int] = (0, 0)) -> None:
        """Make a named pipe or a device."""
        self.inner.make_node(path, kind, mode, device)

    def set_mode(self, path: str, mode: int) -> None:
        """Set permission bits."""
        self.inner.set_mode(path, mode)

    def set_owner(self, path: str, uid: int | None, gid: int | None) -> None:
        """Set owner and group."""
        self.inner.set_owner(path, uid, gid)

    def set_times(self, path: str, accessed: float, modified: float) -> None:
        """Set times."""
        self.inner.set_times(path, accessed, modified)

    def lock(self, path: str) -> AbstractContextManager[None]:
        """Hold a lock file."""
        return self.inner.lock(path)

    def emit(self, stream: str, data: bytes) -> None:
        """Show output."""
        self.inner.emit(stream, data)

    def _dressed(self, command: Command) -> Command:
        around = self._around
        if around is PLAIN:
            return command
        umask = around.umask if command.umask is None else command.umask
        timeout = around.timeout if command.timeout is None else command.timeout
        return msgspec.structs.replace(command, umask=umask, timeout=timeout)


class Looking(Door):
    """A host that can be looked at; whoever tries to change it is refused.

    Programs do run: looking at a package or a service means asking its tool. So do requests of the web.
    """

    def http(self, request: Request, into: str = "") -> Response:
        """Ask a web server; refuse to save what it says."""
        if into:
            self._refuse(f"write {into}")
        return super().http(request)

    def write(self, path: str, data: bytes, mode: int | None = None, owner: User | None = None) -> None:
        """Refuse."""
        self._refuse(f"write {path}")

    def pour(
        self, path: str, pieces: Iterable[bytes], mode: int | None = None, owner: User | None = None
    ) -> None:
        """Refuse."""
        self._refuse(f"write {path}")

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        """Refuse."""
        self._refuse(f"make the directory {path}")

    def remove(self, path: str) -> None:
        """Refuse."""
        self._refuse(f"remove {path}")

    def remove_tree(self, path: str) -> None:
        """Refuse."""
        self._refuse(f"remove {path}")

    def link(self, path: str, target: str) -> None:
        """Refuse."""
        self._refuse(f"make the link {path}")

    def hard_link(self, path: str, target: str) -> None:
        """Refuse."""
        self._refuse(f"make the link {path}")

    def rename(self, path: str, to: str) -> None:
        """Refuse."""
        self._refuse(f"rename {path}")

    def make_node(self, path: str, kind: NodeKind, mode: int, device: tuple[int, int] = (0, 0)) -> None:
        """Refuse."""
        self._refuse(f"make the {kind} {path}")

    def set_mode(self, path: str, mode: int) -> None:
        """Refuse."""
        self._refuse(f"set the mode of {path}")

    def set_owner(self, path: str, uid: int | None, gid: int | None) -> None:
        """Refuse."""
        self._refuse(f"set the owner of {path}")

    def set_times(self, path: str, accessed: float, modified: float) -> None:
        """Refuse."""
        self._refuse(f"set the times of {path}")

    def set_environment(self, name: str, value: str | None) -> None:
        """Refuse."""
        self._refuse(f"set {name} in the environment")

    def spawn(self, command: Command) -> int:
        """Refuse."""
        self._refuse(f"start {command.argv[0]}")

    def signal(self, pid: int, number: int) -> None:
        """Refuse."""
        self._refuse(f"signal {pid}")

    def lock(self, path: str) -> AbstractContextManager[None]:
        """Refuse: a lock file would be made."""
        self._refuse(f"lock {path}")

    def _refuse(self, what: str) -> NoReturn:
        raise Conflict(
            f"check() tried to {what}; it may only look",
            hint="this is a fault of the state: do it in apply()",
        )


#: Is told of a path before the first change to it, and of what was done that can't be taken back.
Note = Callable[[str], None]


class Mending(Door):
    """A host that may be changed; what can be undone is noted before it happens."""

    def __init__(
        self,
        inner: Host,
        around: Surroundings,
        supply: Supply | None,
        before: Note,
        beyond: Note,
    ) -> None:
        """Take whom to tell of a path before it changes, and of what is beyond undoing."""
        super().__init__(inner, around, supply)
        self.touched = False  # whether anything has been changed through this door
        self._tell_before = before
        self._tell_beyond = beyond

    def http(self, request: Request, into: str = "") -> Response:
        """Note what is there, then save an answer; note what has been asked to be done elsewhere."""
        if into:
            self._before(into)
        elif request.method not in ("GET", "HEAD"):
            self._beyond(f"what {request.method} {shown(request.url)} did")
        return super().http(request, into)

    def write(self, path: str, data: bytes, mode: int | None = None, owner: User | None = None) -> None:
        """Note what is there, then replace a file's content."""
        self._before(self.inner.real_path(path))
        super().write(path, data, mode, owner)

    def pour(
        self, path: str, pieces: Iterable[bytes], mode: int | None = None, owner: User | None = None
    ) -> None:
        """Note what is there, then replace a file's content."""
        self._before(self.inner.real_path(path))
        super().pour(path, pieces, mode, owner)

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        """Note which directories are missing, then make them."""
        for missing in self._missing(path):
            self._before(missing)
        super().make_directory(path, mode)

    def remove(self, path: str) -> None:
        """Note what is there, then remove it."""
        self._before(path)
        super().remove(path)

    def remove_tree(self, path: str) -> None:
        """Note what is there, all of it, then remove it."""
        self._note_tree(path)
        super().remove_tree(path)

    def link(self, path: str, target: str) -> None:
        """Note what is there, then make a link."""
        self._before(path)
        super().link(path, target)

    def hard_link(self, path: str, target: str) -> None:
        """Note what is there, then make another name of a file."""
        self._before(path)
        super().hard_link(path, target)

    def rename(self, path: str, to: str) -> None:
        """Note what is at both ends, all of it, then rename it."""
        self._note_tree(path)
        self._before(to)
        super().rename(path, to)

    def make_node(self, path: str, kind: NodeKind, mode: int, device: tuple[int, int] = (0, 0)) -> None:
        """Note what is there, then make a pipe or a device."""
        self._before(path)
        super().make_node(path, kind, mode, device)

    def set_mode(self, path: str, mode: int) -> None:
        """Note the mode, then set it."""
        self._before(path)
        super().set_mode(path, mode)

    def set_owner(self, path: str, uid: int | None, gid: int | None) -> None:
        """Note the owner, then set it."""
        self._before(path)
        super().set_owner(path, uid, gid)

    def set_times(self, path: str, accessed: float, modified: float) -> None:
        """Note the times, then set them."""
        self._before(path)
        super().set_times(path, accessed, modified)

    def set_environment(self, name: str, value: str | None) -> None:
        """Set a variable of this process, which ends by itself."""
        self._beyond(f"{name} in the environment of the running process")
        super().set_environment(name, value)

    def execute(self, command: Command) -> Finished:
        """Note that a program ran, and run it."""
        self._beyond(f"what {_shown(command)} did")
        return super().execute(command)

    def spawn(self, command: Command) -> int:
        """Note that a program was started, and start it."""
        self._beyond(f"what {_shown(command)} did")
        return super().spawn(command)

    def signal(self, pid: int, number: int) -> None:
        """Note the signal, and send it."""
        self._beyond(f"signal {number} to process {pid}")
        super().signal(pid, number)

    def _before(self, path: str) -> None:
        self._tell_before(path)
        self.touched = True

    def _beyond(self, what: str) -> None:
        self._tell_beyond(what)
        self.touched = True

    def _missing(self, path: str) -> list[str]:
        """Return the directories that are not there, the uppermost first."""
        import posixpath

        found: list[str] = []
        path = posixpath.normpath(path)
        while path not in ("/", "") and self.inner.stat(path) is None:
            found.append(path)
            path = posixpath.dirname(path)
        return found[::-1]

    def _note_tree(self, path: str) -> None:
        self._before(path)
        there = self.inner.stat(path, follow=False)
        if there is not None and there.kind == "directory":
            for name in self.inner.list_directory(path):
                self._note_tree(f"{path}/{name}")


def _shown(command: Command) -> str:
    """Return a command on one short line."""
    import shlex

    text = " ".join(shlex.join(command.argv).split())
    return text if len(text) <= 80 else text[:79] + "…"
