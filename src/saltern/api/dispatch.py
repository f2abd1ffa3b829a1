"""What happens to every request, in this order: who, where to, may they, what, decide, do, answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from saltern.api import reading
from saltern.api.call import Answer, Call, Chunks, Lines, Route, Subject
from saltern.api.facade import Controller
from saltern.api.limits import Limits
from saltern.api.matching import Matcher
from saltern.api.problems import WrongHost, http_status, problem
from saltern.api.replies import ErrorReply, Problem
from saltern.api.routes import ROUTES
from saltern.api.stream import Writer, chosen
from saltern.foundation.errors import NotAllowed, SalternError
from saltern.identity.authorise import Principal, admit, authorise

T = TypeVar("T")

#: Names the socket goes by. Any other Host header comes from a browser that was led here.
HOSTS = frozenset({"localhost", "saltern"})
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_JSON = "application/json"
_log = logging.getLogger("saltern.api")


class Dispatcher:
    """Answers requests. ``who`` tells the principal at the other end of a connection."""

    def __init__(
        self,
        controller: Controller,
        who: Callable[[asyncio.BaseTransport | None], Principal],
        limits: Limits,
    ) -> None:
        self.stopping: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._controller = controller
        self._who = who
        self._limits = limits
        self._matcher = Matcher(ROUTES)
        self._working: set[asyncio.Task[Any]] = set()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; every error is one JSON shape."""
        try:
            principal = self._who(request.transport)
            _check_origin(request)
            route, path = self._matcher.find(request.method, request.rel_url.raw_path)
            answer = await self._permitted(request, route, principal, path)
        except SalternError as error:
            return _error_reply(http_status(error), problem(error))
        except Exception:
            _log.exception("%s %s failed", request.method, request.rel_url.raw_path)
            return _error_reply(500, Problem(code="internal", message="the controller failed", hint=_LOOK))
        return await self._send(request, route, answer)

    async def _permitted(
        self, request: web.BaseRequest, route: Route, principal: Principal, path: dict[str, str]
    ) -> Answer:
        try:
            admit(principal, route.action)
            return await self._finish(self._answer(request, route, principal, path))
        except NotAllowed as error:
            await self._controller.refused(principal, route.action, error.message)
            raise

    async def _answer(
        self, request: web.BaseRequest, route: Route, principal: Principal, path: dict[str, str]
    ) -> Answer:
        query = reading.query(request.rel_url.query, route.query)
        call = Call(self._controller, principal, path, query, await self._body(request, route))
        subject = await route.subject(call) if route.subject else Subject(arguments=path)
        return await route.handler(call, authorise(principal, route.action, *subject))

    async def _body(self, request: web.BaseRequest, route: Route) -> Any:
        within = self._limits.body_time
        if route.upload:
            return reading.pieces(request, within=within)
        raw = await reading.receive(request, limit=self._limits.body, within=within)
        return None if route.body is None else reading.body(raw, route.body)

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work`` to its end, also when the client goes away: nothing is left half done."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:  # nobody is there any more to be told how it ended
            task.add_done_callback(_look_at_end)
            raise

    async def _send(self, request: web.BaseRequest, route: Route, answer: Answer) -> web.StreamResponse:
        if isinstance(answer, Lines):
            return await self._send_lines(request, answer)
        if isinstance(answer, Chunks):
            return await self._send_chunks(request, answer)
        return _json_reply(route.status, answer)

    async def _send_lines(self, request: web.BaseRequest, answer: Lines) -> web.StreamResponse:
        form = chosen(request)
        response = await _begin(request, form.media)
        limits = self._limits
        writer = Writer(response.write, form, self.stopping, quiet=limits.quiet, stall=limits.stall)
        with _cutting(request):
            await writer.run(answer.items)
        return response

    async def _send_chunks(self, request: web.BaseRequest, answer: Chunks) -> web.StreamResponse:
        response = await _begin(request, _JSON)
        with _cutting(request):
            async for piece in answer.pieces:
                async with asyncio.timeout(self._limits.stall):
                    await response.write(piece)
        return response


_LOOK = "the controller's log says why"


def _look_at_end(task: asyncio.Task[Any]) -> None:
    """Log a failure that is ours."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, SalternError):
        _log.error("a request whose client had gone failed", exc_info=error)


def _check_origin(request: web.BaseRequest) -> None:
    host = request.headers.get("Host", "").rpartition(":")[0] or request.headers.get("Host", "")
    if host not in HOSTS:
        raise WrongHost(f"this is not {host!r}", hint="send `Host: localhost`")
    if "Origin" in request.headers:
        raise WrongHost("web pages of other sites may not call this API")


@contextlib.contextmanager
def _cutting(request: web.BaseRequest) -> Iterator[None]:
    """Cut the connection when an answer cannot be ended: the client must not think it whole."""
    try:
        yield
    except BaseException as error:
        if request.transport is not None:
            request.transport.abort()
        if not isinstance(error, TimeoutError | ConnectionError | asyncio.CancelledError):
            _log.exception("%s %s broke off", request.method, request.rel_url.raw_path)
        if not isinstance(error, Exception):
            raise


async def _begin(request: web.BaseRequest, media: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={**_HEADERS, "Content-Type": media})
    await response.prepare(request)
    return response


def _json_reply(status: int, value: Any) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type=_JSON, headers=_HEADERS)


def _error_reply(status: int, what: Problem) -> web.Response:
    return _json_reply(status, ErrorReply(error=what))
