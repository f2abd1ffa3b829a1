"""What a request says, checked strictly: a typo is an error that names the right word."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

import msgspec
from aiohttp import web

from saltern.api.problems import HttpError, TooLarge, TooSlow, WrongMedia
from saltern.foundation.errors import UsageError, nearest

S = TypeVar("S", bound=msgspec.Struct)

_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PATH = re.compile(r" - at `\$\.?([^`]*)`")


def query(values: Mapping[str, str], kind: type[S]) -> S:
    """Return the query parameters as ``kind``. Raises UsageError naming the parameter."""
    try:
        return msgspec.convert(dict(values), kind, strict=False)
    except msgspec.ValidationError as error:
        raise _usage(error, kind, "query parameter") from error


def body(data: bytes, kind: type[S]) -> S:
    """Return a JSON body as ``kind``; no body is an empty object. Raises UsageError naming the field."""
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise _usage(error, kind, "field") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"the body is not JSON: {error}", hint="send one JSON object in UTF-8") from error


async def receive(request: web.BaseRequest, *, limit: int, within: float) -> bytes:
    """Return the body: at most ``limit`` bytes, whole in ``within`` seconds, plain JSON.

    Raises TooLarge, TooSlow, WrongMedia.
    """
    if not request.body_exists:
        return b""
    _check_media(request, "application/json")
    try:
        async with asyncio.timeout(within):
            return await _collect(request, limit)
    except TimeoutError as error:
        raise TooSlow(f"the body did not arrive in {within:g} s") from error
    except web.RequestPayloadError as error:
        raise HttpError(f"the body is broken: {error}") from error


async def _collect(request: web.BaseRequest, limit: int) -> bytes:
    received = bytearray()
    async for piece in request.content.iter_any():
        received += piece
        if len(received) > limit:
            raise TooLarge(
                f"the body is larger than {limit} bytes", hint="pass large content as a file instead"
            )
    return bytes(received)


async def pieces(request: web.BaseRequest, *, within: float) -> AsyncIterator[bytes]:
    """Yield a body of any bytes and size as it comes, each piece in ``within`` seconds.

    Raises TooSlow, WrongMedia, HttpError when it breaks off.
    """
    _check_media(request, "application/octet-stream")
    try:
        while piece := await asyncio.wait_for(request.content.readany(), within):
            yield piece
    except TimeoutError as error:
        raise TooSlow(f"nothing more of the body came in {within:g} s") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise HttpError(f"the body broke off: {error}") from error


def _check_media(request: web.BaseRequest, wanted: str) -> None:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise WrongMedia("compressed bodies are not accepted", hint=f"send plain {wanted}")
    if request.content_type != wanted:
        raise WrongMedia(
            f"the body is {request.content_type}, not {wanted}", hint=f"set Content-Type: {wanted}"
        )


def _usage(error: msgspec.ValidationError, kind: type[msgspec.Struct], what: str) -> UsageError:
    text = str(error)
    names = [field.encode_name for field in msgspec.structs.fields(kind)]
    known = f"known: {', '.join(names)}" if names else f"there is no {what} here"
    unknown = _UNKNOWN.search(text)
    if unknown:
        name = unknown.group(1)
        return UsageError(f"unknown {what} {name!r}", hint=nearest(name, names) or known, where=_where(text))
    where = _where(text)
    return UsageError(_PATH.sub("", text), hint="" if where else known, where=where)


def _where(text: str) -> str:
    found = _PATH.search(text)
    return found.group(1) if found else ""
