"""One connection to the fabric, from open to close.

A connection never mends itself: when it breaks, ``closed`` is set and its owner opens the next, with a
credential that may be newer, after a pause that it chooses. So nothing is ever half-connected.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec
import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from saltern.foundation.errors import NotAllowed, Unavailable
from saltern.identity.keys import KeyPair

log = logging.getLogger("saltern.transport")
# asyncio warns of this at the end of every TLS connection of its streams; it means nothing.
logging.getLogger("asyncio").addFilter(lambda record: "eof_received" not in str(record.msg))

#: Messages of one subscription until others get their turn.
_TURN = 100
#: Bytes of headers and subject that must still fit under the broker's payload limit.
_MARGIN = 4096


class Endpoint(NamedTuple):
    """Where the fabric is, and how we know that it is the right one."""

    urls: tuple[str, ...]
    ca: str = ""  # PEM; empty: the system's authorities
    host: str = ""  # the name its certificate must have; empty: the URL's host

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context, or None for ``nats://`` URLs, which only tests use."""
        if not any(url.startswith("tls://") for url in self.urls):
            return None
        context = ssl.create_default_context(cadata=self.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context


class Credential(NamedTuple):
    """Who we are there: a user JWT and the key it belongs to. None of both: the public enrolment user."""

    jwt: str
    pair: KeyPair | None


class Message(NamedTuple):
    """One message received."""

    subject: str
    data: bytes
    reply: str
    raw: Msg


class AckError(Unavailable):
    """The stream did not take a message; it must be sent again later."""

    code = "not_stored"


Handler = Callable[[Message], Awaitable[None]]


class _StreamReply(msgspec.Struct):
    """What a stream answers to a publication."""

    seq: int = 0
    error: dict[str, Any] | None = None


_stream_reply = msgspec.json.Decoder(_StreamReply)


class Connection:
    """An open connection. Make one with ``connect``."""

    def __init__(self, client: Client, inbox: str) -> None:
        self.client = client
        self.inbox = inbox
        self.closed = asyncio.Event()
        self._asking: set[asyncio.Future[Msg]] = set()

    @property
    def max_data(self) -> int:
        """Bytes that fit in one message."""
        return int(self.client.max_payload) - _MARGIN

    @property
    def server(self) -> str:
        """The address we are connected to, for people."""
        url = self.client.connected_url
        return url.netloc if url else ""

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        """Send and forget. Raises Unavailable when the connection is gone."""
        try:
            await self.client.publish(subject, data, reply=reply)
        except (nats.errors.Error, OSError) as error:
            raise _unavailable(error) from error

    async def request(self, subject: str, data: bytes, timeout: float = 5.0) -> bytes:
        """Send and return the answer. Raises Unavailable on time-out, loss, or when nobody listens."""
        try:
            return (await self._answer(subject, data, timeout)).data
        except (nats.errors.Error, OSError) as error:
            raise _unavailable(error) from error

    async def _answer(
        self, subject: str, data: bytes, timeout: float, headers: dict[str, str] | None = None
    ) -> Msg:
        """Return an answer, waiting no longer than the connection lives: the library waits for the dead."""
        asking = asyncio.ensure_future(self.client.request(subject, data, timeout=timeout, headers=headers))
        self._asking.add(asking)
        try:
            return await asking
        except asyncio.CancelledError:
            if self.closed.is_set():
                raise nats.errors.ConnectionClosedError from None
            raise
        finally:
            self._asking.discard(asking)

    def lost(self) -> None:
        """Note that the connection is gone; who still waits for an answer is told."""
        self.closed.set()
        for asking in self._asking:
            asking.cancel()

    async def store(
        self, subject: str, data: bytes, timeout: float = 5.0, headers: dict[str, str] | None = None
    ) -> int:
        """Publish to a stream and return its sequence number once it is stored.

        Raises AckError when it is not, or nobody can tell: then send it again, receivers mind repetitions.
        (The streams' own recognition of repetitions is not used: its ids are common to all senders, so one
        agent could make another's message look like a repetition.)
        """
        try:
            answer = await self._answer(subject, data, timeout, headers)
            reply = _stream_reply.decode(answer.data)
        except (nats.errors.Error, OSError, msgspec.DecodeError) as error:
            raise AckError(f"the stream for {subject.split('.', 1)[0]} does not answer: {error!r}") from error
        if reply.error is not None:
            raise AckError(f"the stream refused: {reply.error.get('description', reply.error)}")
        return reply.seq

    async def subscribe(self, subject: str, handler: Handler, queue: str = "") -> Subscription:
        """Call ``handler`` for each message on ``subject``, one at a time, in order."""

        turn = 0

        async def deliver(message: Msg) -> None:
            nonlocal turn
            turn += 1
            if turn % _TURN == 0:  # a backlog comes without a pause, and would keep all others waiting
                await asyncio.sleep(0)
            try:
                await handler(Message(message.subject, message.data, message.reply, message))
            except Exception:
                log.exception("a handler of %s failed; the message is dropped", subject)

        try:
            found = await self.client.subscribe(
                subject,
                queue=queue,
                cb=deliver,
                pending_msgs_limit=500_000,
                pending_bytes_limit=256 * 1024 * 1024,
            )
        except (nats.errors.Error, OSError) as error:
            raise _unavailable(error) from error
        return Subscription(found)

    async def flush(self, timeout: float = 10.0) -> None:
        """Return when the broker has seen all that was sent."""
        try:
            await self.client.flush(timeout=int(timeout))
        except (nats.errors.Error, OSError) as error:
            raise _unavailable(error) from error

    async def close(self) -> None:
        """Send what is pending and hang up. Closing twice is harmless."""
        await _hang_up(self.client, 5)
        self.lost()


class Subscription:
    """A running subscription."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def end(self) -> None:
        """Stop receiving."""
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._inner.unsubscribe()


async def connect(
    endpoint: Endpoint,
    credential: Credential | None,
    *,
    name: str,
    inbox: str,
    timeout: float = 10.0,
    ping_interval: int = 20,
    buffer: int = 8 * 1024 * 1024,
    verify: bool = True,
    tls_first: bool = True,
    login: tuple[str, str] | None = None,
) -> Connection:
    """Open a connection. ``inbox`` is the subject prefix for answers, which only we may hear.

    TLS comes before the first byte, so nobody between can talk us out of it. ``verify`` False is for the
    one question that is safe to ask anybody: what the authority's certificate is. ``tls_first`` False is
    for servers of others, which begin in clear, and ``login`` a user and password there. Raises NotAllowed
    when the broker refuses the credential, Unavailable when there is no way to it.
    """
    client = Client()
    connection = Connection(client, inbox)
    tls = endpoint.tls()
    options: dict[str, Any] = {}
    if tls is not None:
        if not verify:
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        options |= {"tls": tls, "tls_handshake_first": tls_first}
        if endpoint.host:
            options["tls_hostname"] = endpoint.host
    if credential is not None:
        pair = credential.pair
        options["user_jwt_cb"] = lambda: bytearray(credential.jwt.encode())
        options["signature_cb"] = lambda nonce: base64.b64encode(pair.sign(nonce.encode()) if pair else b"")

    if login is not None:
        options["user"], options["password"] = login

    async def on_closed() -> None:
        connection.lost()

    async def on_error(error: Exception) -> None:
        # "<ConnectionReset …>" and the like come with the end of a connection, which its owner sees.
        log.debug("%s: %r", name, error)

    try:
        await asyncio.wait_for(
            client.connect(
                list(endpoint.urls),
                name=name,
                inbox_prefix=inbox,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=int(timeout),
                ping_interval=ping_interval,
                max_outstanding_pings=2,
                pending_size=buffer,
                closed_cb=on_closed,
                error_cb=on_error,
                skip_subject_validation=True,
                **options,
            ),
            timeout,
        )
    except (TimeoutError, nats.errors.Error, OSError, ValueError) as error:
        reason = client.last_error or error
        await _hang_up(client, 1)
        text = str(reason) or type(reason).__name__
        if "uthoriz" in text or "uthentication" in text or "revoked" in text.lower():
            raise NotAllowed(
                f"the broker at {endpoint.urls[0]} refuses this credential ({text})",
                hint="it may be revoked or expired; join again with a new token",
            ) from error
        raise Unavailable(
            f"cannot reach the broker at {', '.join(endpoint.urls)}: {text}",
            hint="is the controller running, and is its port open from here?",
        ) from error
    return connection


async def _hang_up(client: Client, within: float) -> None:
    """Close, in whatever state it is: after a broken TLS handshake the library would wait for ever."""
    with contextlib.suppress(nats.errors.Error, OSError, ValueError, asyncio.TimeoutError):
        await asyncio.wait_for(client.close(), within)


def _unavailable(error: BaseException) -> Unavailable:
    return Unavailable(f"the fabric does not answer: {error or type(error).__name__}")
