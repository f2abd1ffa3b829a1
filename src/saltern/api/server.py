"""The API on a Unix socket.

The socket is open to every user of the machine (0666, in a directory only its owner can change), and the
kernel tells who connects. So who may not use it gets told so, instead of a bare "permission denied", and the
decision is made in one place, by ``authorise``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path

from saltern.api.address import short
from saltern.api.connections import Connections
from saltern.api.dispatch import Dispatcher
from saltern.api.facade import Controller
from saltern.api.limits import Limits
from saltern.api.peer import principal
from saltern.foundation.errors import Conflict, Unavailable
from saltern.identity.authorise import Principal


class Server:
    """A running API. ``close`` ends it."""

    def __init__(
        self,
        path: Path,
        dispatcher: Dispatcher,
        connections: Connections,
        listener: asyncio.AbstractServer,
        identity: tuple[int, int],
    ) -> None:
        self.path = path
        self._dispatcher = dispatcher
        self._connections = connections
        self._listener = listener
        self._identity = identity

    async def close(self, grace: float = 3.0) -> None:
        """Stop: no new connections, streams get a last line, other requests have ``grace`` seconds."""
        self._listener.close()
        if _identity(self.path) == self._identity:
            self.path.unlink(missing_ok=True)
        if not self._dispatcher.stopping.done():
            self._dispatcher.stopping.set_result(None)
        self._connections.pre_shutdown()
        await self._connections.shutdown(grace)


async def serve(
    controller: Controller,
    socket_path: Path,
    *,
    service_uid: int | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Server:
    """Serve the API on ``socket_path`` until the result is closed.

    ``service_uid`` is the user that, besides root, is an admin; None is the user of this process.
    Raises Conflict when a live controller has the socket, Unavailable when it cannot be made.
    """

    def who(transport: asyncio.BaseTransport | None) -> Principal:
        return principal(transport, service_uid)

    dispatcher = Dispatcher(controller, who, limits)
    connections = Connections(dispatcher, who, limits)
    channel = _listen(socket_path)
    listener = await asyncio.get_running_loop().create_unix_server(connections, sock=channel, backlog=512)
    return Server(socket_path, dispatcher, connections, listener, _identity(socket_path))


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    _remove_dead(path)
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with short(path) as address:
            channel.bind(address)
        path.chmod(0o666)
    except OSError as error:
        channel.close()
        raise Unavailable(f"cannot make the socket: {error.strerror}", where=str(path)) from error
    channel.setblocking(False)
    return channel


def _remove_dead(path: Path) -> None:
    """Remove what a killed controller left. Raises Conflict when one is alive."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, short(path) as address:
        probe.settimeout(2.0)
        try:
            probe.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise Unavailable(f"cannot use the socket: {error}", where=str(path)) from error
    raise Conflict("a controller already serves here", where=str(path), hint="stop it, or use another --root")


def _identity(path: Path) -> tuple[int, int]:
    with contextlib.suppress(FileNotFoundError):
        status = os.lstat(path)
        return status.st_dev, status.st_ino
    return (0, 0)
