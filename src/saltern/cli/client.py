"""The API, as commands ask it: values in, values out, errors raised as they were meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from saltern.api.replies import ErrorReply, Problem
from saltern.cli.http import Exchange
from saltern.foundation.errors import SalternError, Unavailable

T = TypeVar("T")
_SILENCE = 600.0
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
#: Streams show a sign of life every 15 s.
_STREAM_SILENCE = 60.0


class ApiError(SalternError):
    """What the API said was wrong, word for word; ``kind`` is its stable code."""

    code = "api"

    def __init__(self, what: Problem) -> None:
        super().__init__(what.message, hint=what.hint, where=what.where)
        self.kind = what.code


class Client:
    """Asks the controller whose socket is ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, target: str, kind: type[T], /, **query: Any) -> T:
        """GET a value. Raises ApiError, Unavailable."""
        return self.ask("GET", target, kind, query=query)

    def ask(
        self, method: str, target: str, kind: type[T], *, query: Mapping[str, Any] = {}, body: Any = None
    ) -> T:
        """Send a request and return the answer as ``kind``. Raises ApiError, Unavailable."""
        with self._exchange(method, target, query, body, _SILENCE, None) as exchange:
            return msgspec.json.decode(b"".join(exchange.body()), type=kind)

    def upload(
        self, target: str, kind: type[T], pieces: Iterator[bytes], size: int, query: Mapping[str, Any]
    ) -> T:
        """POST a file of ``size`` bytes and return the answer as ``kind``. Raises ApiError, Unavailable."""
        exchange = Exchange(self._path, silence=_SILENCE)
        try:
            exchange.send(target + _query(query), size, pieces)
            if exchange.status >= 400:
                raise _error(exchange)
            return msgspec.json.decode(b"".join(exchange.body()), type=kind)
        finally:
            exchange.close()

    def lines(
        self,
        method: str,
        target: str,
        *,
        query: Mapping[str, Any] = {},
        body: Any = None,
        idle: Callable[[], None] | None = None,
    ) -> Iterator[bytes]:
        """Yield the lines of a stream; signs of life are left out. Raises ApiError, Unavailable."""
        with self._exchange(method, target, query, body, _STREAM_SILENCE, idle) as exchange:
            rest = b""
            for piece in exchange.body():
                *lines, rest = (rest + piece).split(b"\n") if rest else piece.split(b"\n")
                yield from filter(None, lines)
            if rest:
                raise Unavailable("the controller's answer broke off in a line")

    def pieces(self, target: str) -> Iterator[bytes]:
        """Yield an answer of any size. Raises ApiError, Unavailable."""
        with self._exchange("GET", target, {}, None, _STREAM_SILENCE, None) as exchange:
            yield from exchange.body()

    @contextmanager
    def _exchange(
        self,
        method: str,
        target: str,
        query: Mapping[str, Any],
        body: Any,
        silence: float,
        idle: Callable[[], None] | None,
    ) -> Iterator[Exchange]:
        exchange = Exchange(self._path, silence=silence, idle=idle)
        try:
            exchange.ask(method, target + _query(query), None if body is None else msgspec.json.encode(body))
            if exchange.status >= 400:
                raise _error(exchange)
            yield exchange
        finally:
            exchange.close()


def quoted(text: str) -> str:
    """Return ``text`` as one part of a path or query (urllib.parse takes 3 ms to be imported)."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode())


def _query(values: Mapping[str, Any]) -> str:
    given = [f"{name}={quoted(_word(value))}" for name, value in values.items() if value is not None]
    return "?" + "&".join(given) if given else ""


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error(exchange: Exchange) -> SalternError:
    data = b"".join(exchange.body())
    try:
        return ApiError(msgspec.json.decode(data, type=ErrorReply).error)
    except msgspec.DecodeError:
        return Unavailable(f"the controller answered {exchange.status}, and not as this program expects")
