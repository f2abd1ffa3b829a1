"""Returns as messages on subjects of a NATS server: another one than the fabric."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from saltern.controller.returners.base import Common, Delivery, Kind, Secret, Undeliverable
from saltern.foundation.errors import NotAllowed, SettingsError, Unavailable
from saltern.transport.connection import Connection, Endpoint, connect
from saltern.transport.streams import publish_once

_NOT_IN_SUBJECTS = re.compile(r"[^A-Za-z0-9_-]")


class Nats(Common, frozen=True, kw_only=True):
    """Settings of the kind ``nats``."""

    url: str  # nats://host:4222, or tls://host:4222
    username: str = ""
    password: Secret = Secret("")
    subject: str = "saltern.returns"  # agent and function follow: saltern.returns.web1_example_com.test.ping
    stream: bool = True  # wait until a JetStream stream has stored each; false: whoever listens gets them
    ca: str = ""  # PEM file the server's certificate is checked with; default: the system's


class NatsReturner:
    """Publishes each return by itself; a stream sees by its ``Nats-Msg-Id`` when one comes again."""

    def __init__(self, settings: Nats) -> None:
        parts = urlsplit(settings.url)
        if parts.scheme not in ("nats", "tls") or not parts.hostname:
            raise SettingsError("`url` must be nats://host:port or tls://host:port")
        if parts.password:
            raise SettingsError("`url` must not hold a password", hint="set `username` and `password`")
        self.address = f"{settings.url}/{settings.subject}"
        self._settings = settings
        self._connection: Connection | None = None

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        """Publish them."""
        connection = await self._open()
        documents = [(one, one.json()) for one in batch]
        refused = {
            one.id: f"{len(document)} bytes; the server takes {connection.max_data}"
            for one, document in documents
            if len(document) > connection.max_data
        }
        for one, document in documents:
            if one.id not in refused:
                await self._publish(connection, one, document)
        await connection.flush()
        if refused:
            raise Undeliverable("too large", refused=refused)

    async def _publish(self, connection: Connection, one: Delivery, document: bytes) -> None:
        agent = _NOT_IN_SUBJECTS.sub("_", one.agent)
        function = ".".join(_NOT_IN_SUBJECTS.sub("_", part) or "_" for part in one.fun.split("."))
        subject = f"{self._settings.subject}.{agent}.{function}"
        if self._settings.stream:
            await publish_once(connection, subject, document, one.id)
        else:
            await connection.publish(subject, document)

    async def _open(self) -> Connection:
        if self._connection is not None and not self._connection.closed.is_set():
            return self._connection
        settings = self._settings
        ca = await asyncio.to_thread(Path(settings.ca).read_text) if settings.ca else ""
        endpoint = Endpoint((settings.url,), ca)
        login = (settings.username, settings.password.reveal()) if settings.username else None
        try:
            self._connection = await connect(
                endpoint,
                None,
                name="saltern-returner",
                inbox="_INBOX",
                timeout=settings.timeout,
                tls_first=False,
                login=login,
            )
        except NotAllowed as error:
            hint = "see `username` and `password`"
            raise Unavailable(f"{settings.url} refuses us", hint=hint) from error
        return self._connection

    async def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            await self._connection.close()


KIND = Kind(Nats, NatsReturner)
