"""Where the loop gets keepers from: the supervisor, with one held ready."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from saltern.agent import link, processes
from saltern.agent.faults import reach
from saltern.agent.link import Failure, FromJob, Ready
from saltern.foundation.errors import Unavailable

#: Seconds the supervisor has to fork.
WITHIN = 30.0


class Connection:
    """A keeper that waits for an order; later the way to its worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ready: Ready) -> None:
        """Speak with the keeper that said ``ready``."""
        self.ready = ready
        self._reader = reader
        self._writer = writer

    @property
    def alive(self) -> bool:
        """Tell that the keeper still waits."""
        return not self._reader.at_eof() and processes.born(self.ready.keeper) == self.ready.born

    async def read(self) -> FromJob | None:
        """Wait for what the job says; None when it says no more."""
        return await link.read(self._reader)

    async def send(self, message: link.Go | link.Answer) -> None:
        """Tell the job; nothing when it has gone."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(link.frame(message))
            await self._writer.drain()

    def close(self) -> None:
        """Hang up; a keeper that still waits for its order ends."""
        self._writer.close()


class Nursery:
    """Keepers, forked by the supervisor behind ``control``."""

    def __init__(self, control: socket.socket) -> None:
        """Ask on ``control``, a SOCK_SEQPACKET socket, not blocking."""
        self._control = control
        self._spare: asyncio.Task[Connection] | None = None

    async def take(self) -> Connection:
        """Return a keeper that waits for its order. Raises Unavailable when none can be had."""
        spare, self._spare = self._spare, None
        if spare is not None:
            with contextlib.suppress(Unavailable):
                connection = await spare
                if connection.alive:
                    return connection
                connection.close()
        return await self._fork()

    def prepare(self) -> None:
        """Have a keeper made for the next job, if none waits."""
        if self._spare is None:
            self._spare = asyncio.create_task(self._fork())

    async def close(self) -> None:
        """Let the spare keeper go."""
        spare, self._spare = self._spare, None
        if spare is not None:
            with contextlib.suppress(Unavailable):
                (await spare).close()

    async def _fork(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [b"job"], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise Unavailable(f"the agent's supervisor takes no request: {error.strerror}") from error
        reach("executor.requested")
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            async with asyncio.timeout(WITHIN):
                said = await link.read(reader)
        except TimeoutError:
            said = Failure("the agent's supervisor does not answer")
        if isinstance(said, Ready):
            return Connection(reader, writer, said)
        writer.close()
        raise Unavailable(said.reason if isinstance(said, Failure) else "the job's process died at once")
