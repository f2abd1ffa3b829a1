"""HTTP as returners speak it: one session, answers bounded, what a status means for a delivery."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import aiohttp
import msgspec

from saltern.controller.returners.base import Common, Secret, Undeliverable
from saltern.foundation.errors import SettingsError, Unavailable

#: Bytes of an answer that are read.
_ANSWER = 32 * 1024 * 1024
#: What is wrong with the message itself; anything else may be right at the next try.
_REFUSALS = frozenset({400, 409, 413, 415, 422})


class Web(Common, frozen=True, kw_only=True):
    """Settings of every kind that speaks HTTP."""

    url: str  # http:// or https://
    headers: dict[str, Secret] = msgspec.field(default_factory=dict)  # sent with every request
    username: str = ""
    password: Secret = Secret("")
    ca: str = ""  # PEM file the server's certificate is checked with; default: the system's
    verify: bool = True  # check the server's certificate


class Session:
    """Posts to one server. Redirects are not followed: they would take the headers elsewhere."""

    def __init__(self, settings: Web) -> None:
        parts = urlsplit(settings.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError("`url` must be http://host… or https://host…")
        if parts.username or parts.password:
            raise SettingsError("`url` must not hold a password", hint="set `username` and `password`")
        self.address = settings.url.split("?")[0]
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body of the answer. Raises Unavailable."""
        given = {name: value.reveal() for name, value in self._settings.headers.items()} | self._login()
        try:
            async with self._open().post(
                url, data=body, headers=given | dict(headers), allow_redirects=False
            ) as answer:
                return answer.status, await answer.content.read(_ANSWER)
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"{self.address} does not answer: {error or type(error).__name__}") from error

    def _login(self) -> dict[str, str]:
        if not self._settings.username:
            return {}
        login = f"{self._settings.username}:{self._settings.password.reveal()}"
        return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=_tls(self._settings), limit=1)
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _tls(settings: Web) -> ssl.SSLContext | bool:
    if not settings.verify:
        return False
    try:
        return ssl.create_default_context(cafile=settings.ca) if settings.ca else True
    except (OSError, ssl.SSLError) as error:
        raise Unavailable(f"`ca` cannot be read: {error}") from error


def refuse(status: int, body: bytes) -> NoReturn:
    """Raise what an answer that is no success means: Undeliverable for a bad message, else Unavailable."""
    said = f"the server answered {status}: {_said(body)}".rstrip(": ")
    if status in _REFUSALS:
        raise Undeliverable(said)
    hints = {401: "see `username`, `password`, `headers`", 403: "see what the user may do", 404: "see `url`"}
    raise Unavailable(said, hint=hints.get(status, ""))


def _said(body: bytes) -> str:
    """Return what the server says is wrong, in a line."""
    try:
        answer: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        answer = None
    if isinstance(answer, dict):
        error = answer.get("error") or answer.get("message") or ""
        body = str(error.get("reason", error) if isinstance(error, dict) else error).encode()
    return " ".join(body[:500].decode(errors="replace").split())
