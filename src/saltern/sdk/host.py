"""The only door from library code to a machine."""

from __future__ import annotations

import io
import posixpath
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Literal, Protocol

from saltern.sdk.agent import AgentControl
from saltern.sdk.command import Command, Finished
from saltern.sdk.errors import CommandFailed, NotFound, TimedOut, Unavailable
from saltern.sdk.facts import Group, Interface, Stat, Uname, User
from saltern.sdk.http import Request, Response
from saltern.sdk.supply import Supply

#: Bytes a plain ``read`` is willing to hold.
READ_LIMIT = 64 * 1024 * 1024

#: What library code reads is in English and in bytes' order.
PLAIN_LOCALE: Mapping[str, str] = {"LC_ALL": "C", "LANGUAGE": "C"}


class Host(Protocol):
    """A machine. LocalHost is this one; FakeHost, in saltern.testing, lives in a test's memory.

    The abstract methods are what a new kind of host must bring; the others are made of them.
    """

    #: The code the call under way will return; a function sets it with ``fail`` and still gives data.
    retcode: int
    #: The agent's process; None when a function runs on its own (``saltern call``).
    agent: AgentControl | None
    #: The directory of settings (``/etc/saltern``): the static grains lie there.
    settings: str
    #: The private directory of what functions keep between calls (``/var/lib/saltern/agent/data``); it may
    #: not be there yet.
    data: str
    #: Pillar, files of the file roots, templates and functions, as far as the call was given any.
    supply: Supply

    # --- facts -------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def grains(self) -> Mapping[str, Any]:
        """Facts about the machine, collected when first asked for."""

    @abstractmethod
    def forget_grains(self) -> None:
        """Have the grains collected anew when they are next asked for."""

    @property
    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """The environment that programs start from."""

    @abstractmethod
    def set_environment(self, name: str, value: str | None) -> None:
        """Set a variable for the programs and calls that follow in this process; None takes it away."""

    @abstractmethod
    def now(self) -> float:
        """Return wall-clock time: seconds since the epoch, UTC."""

    @abstractmethod
    def steady(self) -> float:
        """Return seconds that only grow; the zero is arbitrary."""

    @abstractmethod
    def sleep(self, seconds: float) -> None:
        """Let time pass."""

    @abstractmethod
    def uname(self) -> Uname:
        """Return what the kernel says it is."""

    @abstractmethod
    def user(self, name: str | int | None = None) -> User:
        """Return an account by name or id; without one, that under which functions run.

        Raises NotFound.
        """

    @abstractmethod
    def group(self, name: str | int) -> Group:
        """Return a group by name or id. Raises NotFound."""

    @abstractmethod
    def interfaces(self) -> list[Interface]:
        """Return the network interfaces with their addresses."""

    @abstractmethod
    def reach(self, address: str, port: int, timeout: float) -> str:
        """Try to open a TCP connection from this host; return why it can't be, nothing when it could."""

    @abstractmethod
    def http(self, request: Request, into: str = "") -> Response:
        """Ask a web server and return its answer, whatever its status; redirects are followed.

        With ``into`` the body of a success goes to that path (whole or not at all, mode 0600), and the
        answer's ``body`` is empty.
        Raises BadArgument, Unavailable, NotAllowed (a certificate that is not trusted), TimedOut,
        OutputTooLarge (more than ``request.limit`` bytes).
        """

    # --- programs ----------------------------------------------------------------------------------

    @abstractmethod
    def execute(self, command: Command) -> Finished:
        """Run a program to its end and return how it ended, whatever its code.

        Raises NotFound when there is no such program or directory, NotAllowed when it may not be run
        (or not as that user), OutputTooLarge when it writes beyond ``command.limit``.
        """

    @abstractmethod
    def spawn(self, command: Command) -> int:
        """Start a program that outlives the call, its output thrown away; return its process id."""

    @abstractmethod
    def which(self, program: str) -> str | None:
        """Return the path of a program; None when it is not on PATH."""

    @abstractmethod
    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a process. Raises NotFound, NotAllowed."""

    def run(self, *argv: str, stdin: bytes = b"", timeout: float | None = 60.0) -> str:
        """Run a program in the plain locale and return its output as text.

        Raises CommandFailed for a code other than 0, with what it wrote to stderr; TimedOut after
        ``timeout`` seconds; and what ``execute`` raises.
        """
        done = self.execute(Command(argv=argv, stdin=stdin, timeout=timeout, env=PLAIN_LOCALE))
        if done.timed_out:
            raise TimedOut(f"{argv[0]} did not end within {timeout:g} s")
        if done.retcode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise CommandFailed(
                f"{' '.join(argv)}: {said or f'ended with code {done.retcode}'}", retcode=done.retcode
            )
        return done.stdout.decode(errors="replace")

    # --- files: a path names what lies there, links are followed unless said otherwise ---------------

    @abstractmethod
    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """Return a regular file's content.

        Raises NotFound, NotAllowed, Conflict (a directory, a pipe, a device), OutputTooLarge.
        """

    @abstractmethod
    def write(self, path: str, data: bytes, mode: int | None = None, owner: User | None = None) -> None:
        """Replace a file's content in one step.

        The new file has ``mode``, else the old file's, else 0644; it belongs to ``owner``, else to whom
        the old one did.
        Raises NotFound (no such directory), NotAllowed, Conflict, Unavailable (disk full).
        """

    @abstractmethod
    def stat(self, path: str, *, follow: bool = True) -> Stat | None:
        """Return what lies at ``path``; None when nothing does."""

    @abstractmethod
    def list_directory(self, path: str) -> list[str]:
        """Return the names in a directory, sorted. Raises NotFound, NotAllowed, Conflict."""

    @abstractmethod
    def make_directory(self, path: str, mode: int = 0o755) -> None:
        """Make a directory and what is missing above it; one that is there is left alone."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file, a link or an empty directory; nothing there is no error."""

    @abstractmethod
    def remove_tree(self, path: str) -> None:
        """Remove a directory and all below it; links in it are removed, never followed."""

    @abstractmethod
    def link(self, path: str, target: str) -> None:
        """Make ``path`` a symbolic link to ``target`` in one step; a file or link there is replaced.

        Raises Conflict for a directory, NotFound, NotAllowed.
        """

    @abstractmethod
    def hard_link(self, path: str, target: str) -> None:
        """Make ``path`` another name of the file ``target``. Raises Conflict when something is there."""

    @abstractmethod
    def rename(self, path: str, to: str) -> None:
        """Give what lies at ``path`` the name ``to``, in one step; a file or link there is replaced.

        What lies on another file system is copied and then removed, which takes more than one step.
        """

    @abstractmethod
    def make_node(self, path: str, kind: NodeKind, mode: int, device: tuple[int, int] = (0, 0)) -> None:
        """Make a named pipe or a device (major and minor number). Raises Conflict, NotAllowed."""

    @abstractmethod
    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits of what lies at ``path``; a link is refused, not followed."""

    @abstractmethod
    def set_owner(self, path: str, uid: int | None, gid: int | None) -> None:
        """Set owner and group, those that are not None; of a link itself, not of what it points to."""

    @abstractmethod
    def set_times(self, path: str, accessed: float, modified: float) -> None:
        """Set the times of what lies at ``path``: seconds since the epoch."""

    @abstractmethod
    def lock(self, path: str) -> AbstractContextManager[None]:
        """Hold a lock file: of all who ask for the same path, also in other processes, one at a time goes on.

        Raises TimedOut after 30 seconds, and what ``write`` raises.
        """

    def open(self, path: str) -> BinaryIO:
        """Return a regular file's content, of any size, to be read in pieces and closed.

        Raises NotFound, NotAllowed, Conflict.
        """
        return io.BytesIO(self.read(path))

    def pour(
        self, path: str, pieces: Iterable[bytes], mode: int | None = None, owner: User | None = None
    ) -> None:
        """Replace a file's content in one step by what comes in pieces, as ``write`` does."""
        self.write(path, b"".join(pieces), mode, owner)

    def exists(self, path: str) -> bool:
        """Tell whether something lies at ``path``, behind links."""
        return self.stat(path) is not None

    def text(self, path: str, default: str | None = None) -> str:
        """Return a file's content as text; ``default``, when given, stands for a file that isn't there."""
        try:
            return self.read(path).decode(errors="replace")
        except NotFound:
            if default is None:
                raise
            return default

    def real_path(self, path: str) -> str:
        """Return ``path`` with its last component's links resolved, at most 40 of them."""
        for _ in range(40):
            found = self.stat(path, follow=False)
            if found is None or found.kind != "link":
                return posixpath.normpath(path)
            path = posixpath.join(posixpath.dirname(path), found.target)
        raise Unavailable(f"{path}: too many links")

    # --- the call under way -------------------------------------------------------------------------

    @abstractmethod
    def emit(self, stream: str, data: bytes) -> None:
        """Show output while the function runs; ``stream`` is ``stdout``, ``stderr`` or a name of its own."""

    def fail(self, retcode: int) -> None:
        """Say that the call failed with this code, though it gives data; 0 takes that back."""
        self.retcode = retcode


NodeKind = Literal["pipe", "character", "block"]
Emit = Callable[[str, bytes], None]
