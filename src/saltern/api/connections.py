"""Connections to the API's socket: how many a stranger may have, and what malformed HTTP is told."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from saltern.api.limits import Limits
from saltern.api.replies import ErrorReply, Problem
from saltern.identity.authorise import Principal, Role

_log = logging.getLogger("saltern.api")

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Who = Callable[[asyncio.BaseTransport | None], Principal]


class Connections(web.Server):
    """Makes a handler for each connection, and counts those of users who may do nothing here."""

    def __init__(self, answer: Answer, who: Who, limits: Limits) -> None:
        super().__init__(
            answer,
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

    def __call__(self) -> RequestHandler:
        """Return the handler of a new connection."""
        return _Handler(self, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Count the connection; one too many is told so and closed."""
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
        """Count the connection no more."""
        super().connection_lost(handler, exc)
        via = self._names.pop(handler, None)
        if via is not None:
            self._strangers[via] -= 1
            self._strangers += Counter()  # forget who has none


class _Handler(RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer malformed HTTP in the shape of all errors, without a line in the log for each."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        _log.debug("malformed HTTP: %s", exc.message)
        what = Problem(code="http", message=f"that is not HTTP/1.1 as it is spoken here: {exc.message}")
        reply = web.Response(status=status, body=_body(what), content_type="application/json")
        reply.force_close()
        return reply


def _body(what: Problem) -> bytes:
    return msgspec.json.encode(ErrorReply(error=what))


def _canned(status: str, what: Problem) -> bytes:
    body = _body(what)
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


_TOO_MANY = _canned(
    "429 Too Many Requests",
    Problem(code="not_allowed", message="too many connections of a user who may do nothing here"),
)
