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
#: Seconds after which one idle keeper is enough.
IDLE = 5.0
#: Seconds after which a job is no short one: then the next job gets a keeper of its own made.
SOON = 0.05


class Connection:
    """A keeper that waits for an order; later the way to its worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with whoever is at the other end."""
        self.ready = Ready(keeper=0, born=0)  # until it says who it is
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
    """Keepers, forked by the supervisor behind ``control``; those whose job ended well are used again."""

    def __init__(self, control: socket.socket) -> None:
        """Ask on ``control``, a SOCK_SEQPACKET socket, not blocking."""
        self._control = control
        self._idle: list[asyncio.Task[Connection]] = []

    async def take(self) -> Connection:
        """Return a keeper that waits for its order. Raises Unavailable when none can be had."""
        while self._idle:
            ready = next((task for task in self._idle if task.done()), self._idle[0])
            self._idle.remove(ready)
            with contextlib.suppress(Unavailable):
                connection = await ready
                if connection.alive:
                    return connection
                connection.close()
        return await self._fork()

    def give_back(self, connection: Connection) -> None:
        """Take a keeper back that will be ready again."""
        self._keep(asyncio.create_task(self._await_ready(connection)))

    def prepare(self) -> None:
        """Have a keeper made for the next job, if none is idle."""
        if not self._idle:
            self._keep(asyncio.create_task(self._fork()))

    def prepare_soon(self) -> None:
        """Do so in a moment, when no job that is at work now has ended by then."""
        asyncio.get_running_loop().call_later(SOON, self.prepare)

    async def close(self) -> None:
        """Let all idle keepers go."""
        idle, self._idle = self._idle, []
        for task in idle:
            task.add_done_callback(_hang_up)
        await asyncio.gather(*idle, return_exceptions=True)

    def _keep(self, task: asyncio.Task[Connection]) -> None:
        self._idle.append(task)
        asyncio.get_running_loop().call_later(IDLE, self._thin_out, task)

    def _thin_out(self, task: asyncio.Task[Connection]) -> None:
        if task in self._idle and len(self._idle) > 1:
            self._idle.remove(task)
            task.add_done_callback(_hang_up)

    async def _fork(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [b"job"], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise Unavailable(f"the agent's supervisor takes no request: {error.strerror}") from error
        reach("executor.requested")
        return await self._await_ready(Connection(*await asyncio.open_connection(sock=ours)))

    async def _await_ready(self, connection: Connection) -> Connection:
        try:
            async with asyncio.timeout(WITHIN):
                said = await connection.read()
        except TimeoutError:
            said = Failure("the agent's supervisor does not answer")
        if isinstance(said, Ready):
            connection.ready = said
            return connection
        connection.close()
        raise Unavailable(said.reason if isinstance(said, Failure) else "the job's process died at once")


def _hang_up(task: asyncio.Task[Connection]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
