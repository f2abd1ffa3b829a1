"""Returns as syslog messages (RFC 5424) over a Unix socket, UDP, TCP or TLS."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from saltern.controller.returners.base import Common, Delivery, Kind, Undeliverable
from saltern.foundation.errors import SettingsError, Unavailable
from saltern.model.status import Status

#: RFC 5424, 6.2.1.
_FACILITIES = {"user": 1, "daemon": 3, "auth": 4, "syslog": 5} | {f"local{n}": 16 + n for n in range(8)}
_ERROR, _WARNING, _INFORMATIONAL = 3, 4, 6
_UNPRINTABLE = re.compile(r"[^!-~]")

Facility = Literal[
    "user", "daemon", "auth", "syslog",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]  # fmt: skip


class Syslog(Common, frozen=True, kw_only=True):
    """Settings of the kind ``syslog``."""

    to: str = "unix:///dev/log"  # or udp://host:514, tcp://host:601, tls://host:6514
    facility: Facility = "local0"
    ca: str = ""  # PEM file a TLS server's certificate is checked with; default: the system's
    largest: int = 4096  # bytes of data; syslog is for short messages


class SyslogReturner:
    """Sends each return as a message whose text is its JSON. Syslog has no receipts: what the system has
    taken from us counts as delivered."""

    def __init__(self, settings: Syslog) -> None:
        parts = urlsplit(settings.to)
        try:
            right = parts.path if parts.scheme == "unix" else parts.hostname and parts.port
        except ValueError:
            right = None
        if parts.scheme not in ("unix", "udp", "tcp", "tls") or not right:
            raise SettingsError(
                "`to` must be unix:///dev/log, udp://host:514, tcp://host:601 or tls://host:6514"
            )
        self.address = settings.to
        self._settings = settings
        self._parts = parts
        self._host = _word(socket.gethostname(), 255)
        self._socket: socket.socket | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        """Send them."""
        messages = [self._message(one) for one in batch]
        try:
            if self._parts.scheme in ("tcp", "tls"):
                await self._stream(messages)
            else:
                await self._datagrams(batch, messages)
        except (OSError, ssl.SSLError) as error:
            await self.close()
            raise Unavailable(f"{self.address}: {error or type(error).__name__}") from error

    def _message(self, one: Delivery) -> bytes:
        severity = {Status.OK: _INFORMATIONAL, Status.FAILED: _ERROR}.get(one.status, _WARNING)
        priority = _FACILITIES[self._settings.facility] * 8 + severity
        moment = one.finished if one.finished is not None else one.created
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e6):06d}Z"
        head = f"<{priority}>1 {stamp} {self._host} saltern - {_word(one.fun, 32)} - "
        return head.encode() + one.json()

    async def _stream(self, messages: Sequence[bytes]) -> None:
        """Send with the length before each message (RFC 6587, 3.4.1): texts may hold anything."""
        if self._writer is None or self._writer.is_closing():
            _, self._writer = await asyncio.open_connection(
                self._parts.hostname, self._parts.port, ssl=self._tls()
            )
        self._writer.write(b"".join(f"{len(message)} ".encode() + message for message in messages))
        await self._writer.drain()

    def _tls(self) -> ssl.SSLContext | None:
        if self._parts.scheme != "tls":
            return None
        return ssl.create_default_context(cafile=self._settings.ca or None)

    async def _datagrams(self, batch: Sequence[Delivery], messages: Sequence[bytes]) -> None:
        if self._socket is None:
            self._socket = await asyncio.to_thread(self._open)
        opened = self._socket
        refused: dict[str, str] = {}
        for one, message in zip(batch, messages, strict=True):
            try:
                await asyncio.get_running_loop().sock_sendall(opened, message)
            except OSError as error:
                if error.errno != _TOO_LONG:
                    raise
                refused[one.id] = f"{len(message)} bytes are too many for a datagram: lower `largest`"
        if refused:
            raise Undeliverable("too large", refused=refused)

    def _open(self) -> socket.socket:
        if self._parts.scheme == "unix":
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            where: object = self._parts.path
        else:
            found = socket.getaddrinfo(self._parts.hostname, self._parts.port, type=socket.SOCK_DGRAM)[0]
            made, where = socket.socket(found[0], socket.SOCK_DGRAM), found[4]
        made.setblocking(False)
        try:
            made.connect(where)  # type: ignore[arg-type]
        except OSError:
            made.close()
            raise
        return made

    async def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None


_TOO_LONG = errno.EMSGSIZE


def _word(text: str, longest: int) -> str:
    """Return ``text`` as a header field: printable ASCII, ``-`` when there is nothing."""
    return _UNPRINTABLE.sub("_", text)[:longest] or "-"


KIND = Kind(Syslog, SyslogReturner)
