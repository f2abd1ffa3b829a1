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
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from saltern.api.address import short
from saltern.api.dispatch import Dispatcher
from saltern.api.facade import Controller
from saltern.api.limits import Limits
from saltern.api.peer import principal
from saltern.api.replies import ErrorReply, Problem
from saltern.foundation.errors import Conflict, Unavailable
from saltern.identity.authorise import Principal, Role


class Server:
    """A running API. ``close`` ends it."""

    def __init__(
        self,
        path: Path,
        dispatcher: Dispatcher,
        connections: web.Server,
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
    connections = _Connections(dispatcher, who, limits)
    channel = _listen(socket_path)
    listener = await asyncio.get_running_loop().create_unix_server(connections, sock=channel, backlog=512)
    return Server(socket_path, dispatcher, connections, listener, _identity(socket_path))


class _Connections(web.Server):
    """Counts connections, so that a user who may do nothing here cannot use them up."""

    def __init__(
        self, dispatcher: Dispatcher, who: Callable[[asyncio.BaseTransport | None], Principal], limits: Limits
    ) -> None:
        super().__init__(
            dispatcher,
            handler_cancellation=True,
            keepalive_timeout=limits.header_time,
            lingering_time=1.0,
            access_log=None,
            auto_decompress=False,
            tcp_keepalive=False,
        )
        self._who = who
        self._limit = limits.strangers
        self._strangers: Counter[str] = Counter()
        self._names: dict[RequestHandler, str] = {}

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        caller = self._who(transport)
        if caller.role is not Role.NOBODY:
            return
        self._names[handler] = caller.via
        self._strangers[caller.via] += 1
        if self._strangers[caller.via] > self._limit:
            transport.write(_TOO_MANY)
            transport.close()

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        via = self._names.pop(handler, None)
        if via is not None:
            self._strangers[via] -= 1


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


def _canned(status: str, what: Problem) -> bytes:
    body = msgspec.json.encode(ErrorReply(error=what))
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


_TOO_MANY = _canned(
    "429 Too Many Requests",
    Problem(code="not_allowed", message="too many connections of a user who may do nothing here"),
)
