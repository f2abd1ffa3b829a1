"""A NATS client in little memory and little time: one thread, thousands of connections.

What the product uses (nats-py) takes some hundred kilobytes and three tasks for each connection. A swarm
needs less: TLS first, a JWT, subscriptions, messages.
"""

from __future__ import annotations

import base64
import errno
import heapq
import itertools
import os
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from saltern.identity.keys import KeyPair

_READ, _WRITE = select.EPOLLIN, select.EPOLLOUT
#: Everybody reads into this; what is in it is used up before the next one reads.
_scratch = memoryview(bytearray(1024 * 1024))
_NO_RESPONDERS = b" 503"


class Timer:
    """Something that is due later, unless ``cancel`` comes first."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Let it be."""
        self.call = None


class Reactor:
    """Calls whoever's socket is ready, and whoever's time has come."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._due: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()

    def watch(self, descriptor: int, events: int, handler: Callable[[int], None]) -> None:
        """Call ``handler`` with the epoll events of ``descriptor`` from now on."""
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, events)

    def change(self, descriptor: int, events: int) -> None:
        """Wait for other events."""
        self._poll.modify(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Stop watching; before the descriptor is closed."""
        if self._handlers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call ``call`` after so many seconds."""
        timer = Timer(call)
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), timer))
        return timer

    def run(self, until: Callable[[], bool]) -> None:
        """Work until ``until()`` is true; it is asked after each round."""
        while not until():
            for descriptor, events in self._poll.poll(self._pause(), 512):
                handler = self._handlers.get(descriptor)
                if handler is not None:  # a handler before it may have closed it
                    handler(events)
            self._call_due()

    def _pause(self) -> float:
        return min(max(self._due[0][0] - time.monotonic(), 0.0), 0.5) if self._due else 0.5

    def _call_due(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            call = heapq.heappop(self._due)[2].call
            if call is not None:
                call()


class Door(NamedTuple):
    """Where to connect, and how to know that it is the right one. Without ``context`` there is no TLS."""

    host: str
    port: int
    context: ssl.SSLContext | None
    name: str  # in the certificate

    @classmethod
    def of(cls, url: str, ca: str, name: str) -> Door:
        """Return the door of a ``tls://host:port`` URL."""
        scheme, _, rest = url.partition("://")
        host, _, port = rest.rpartition(":")
        context = None
        if scheme == "tls":
            context = ssl.create_default_context(cadata=ca or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        return cls(host.strip("[]"), int(port), context, name or host)


class Owner(Protocol):
    """Whom a link belongs to."""

    def opened(self) -> None:
        """The broker has let us in."""

    def received(self, number: int, subject: str, data: bytes) -> None:
        """A message came for subscription ``number``; no data when nobody listens to our request."""

    def closed(self, reason: str) -> None:
        """It is over, for whatever reason."""


class _Info(msgspec.Struct):
    nonce: str = ""


_info = msgspec.json.Decoder(_Info)


class Link:
    """One connection, from its beginning to its end; then make another."""

    __slots__ = (
        "_door",
        "_jwt",
        "_name",
        "_out",
        "_owner",
        "_pair",
        "_reactor",
        "_rest",
        "_socket",
        "_step",
    )

    def __init__(
        self, reactor: Reactor, door: Door, owner: Owner, *, jwt: str, pair: KeyPair, name: str
    ) -> None:
        """Say who connects to where; ``open`` does it."""
        self._reactor = reactor
        self._door = door
        self._owner = owner
        self._jwt = jwt
        self._pair = pair
        self._name = name
        self._out = bytearray()
        self._rest = b""
        self._socket: socket.socket | None = None
        self._step: Callable[[], None] = self._connected

    def open(self) -> None:
        """Begin to connect; the owner hears how it went."""
        family = socket.AF_INET6 if ":" in self._door.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reactor.watch(self._socket.fileno(), _WRITE, self._on_event)
        code = self._socket.connect_ex((self._door.host, self._door.port))
        if code not in (0, errno.EINPROGRESS):
            self.close(_cannot_connect(code))

    def subscribe(self, subject: str, number: int, queue: str = "") -> None:
        """Hear a subject; what comes has ``number``."""
        self.send(f"SUB {subject} {queue} {number}\r\n".encode())

    def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        """Send a message."""
        self.send(b"PUB %b %b %d\r\n%b\r\n" % (subject.encode(), reply.encode(), len(data), data))

    def send(self, data: bytes) -> None:
        """Send commands as they are; what the socket does not take now goes later."""
        if self._socket is None:
            return
        if self._out:
            self._out += data
            return
        try:
            sent = self._write(data)
        except OSError as error:
            self.close(f"cannot send: {error}")
            return
        if sent < len(data):
            self._out += data[sent:]
            self._reactor.change(self._socket.fileno(), _READ | _WRITE)

    def _write(self, data: bytes | memoryview) -> int:
        """Return how many bytes the socket took. Raises OSError when it is gone."""
        assert self._socket is not None
        try:
            return self._socket.send(data)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
            return 0

    def close(self, reason: str) -> None:
        """Hang up and tell the owner, once."""
        if self._socket is None:
            return
        self._reactor.forget(self._socket.fileno())
        self._socket.close()
        self._socket = None
        self._owner.closed(reason)

    # --- the steps ---------------------------------------------------------------------------------

    def _on_event(self, events: int) -> None:
        try:
            self._step()
        except (ssl.SSLWantReadError, BlockingIOError):
            self._wait_for(_READ)
        except ssl.SSLWantWriteError:
            self._wait_for(_READ | _WRITE)
        except OSError as error:
            self.close(str(error))

    def _wait_for(self, events: int) -> None:
        if self._socket is not None:
            self._reactor.change(self._socket.fileno(), events | (_WRITE if self._out else 0))

    def _connected(self) -> None:
        assert self._socket is not None
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.close(_cannot_connect(code))
            return
        if self._door.context is not None:
            self._socket = self._door.context.wrap_socket(
                self._socket, server_hostname=self._door.name, do_handshake_on_connect=False
            )
            self._step = self._shake_hands
        else:
            self._step = self._exchange
        self._wait_for(_READ)
        self._step()

    def _shake_hands(self) -> None:
        assert isinstance(self._socket, ssl.SSLSocket)
        self._socket.do_handshake()
        self._step = self._exchange
        self._wait_for(_READ)
        self._exchange()

    def _exchange(self) -> None:
        if self._out:
            self._drain()
        while self._socket is not None:
            count = self._socket.recv_into(_scratch)
            if not count:
                self.close("the broker hung up")
                return
            self._feed(bytes(_scratch[:count]))
            if not (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
                return

    def _drain(self) -> None:
        while self._out and (sent := self._write(bytes(self._out[:262144]))):
            del self._out[:sent]
        self._wait_for(_READ)

    # --- the protocol ------------------------------------------------------------------------------

    def _feed(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
            self._rest = b""
        position = 0
        while (end := data.find(b"\r\n", position)) >= 0:
            line = data[position:end]
            position = end + 2
            if line.startswith((b"MSG ", b"HMSG ")):
                size = int(line.rsplit(b" ", 1)[1])
                if len(data) < position + size + 2:
                    position -= len(line) + 2
                    break
                self._message(line, data[position : position + size])
                position += size + 2
            else:
                self._command(line)
            if self._socket is None:
                return
        self._rest = data[position:]

    def _message(self, line: bytes, body: bytes) -> None:
        words = line.split()
        if words[0] == b"HMSG":
            headers = int(words[-2])
            nobody = _NO_RESPONDERS in body[:headers].split(b"\r\n", 1)[0]
            body = b"" if nobody else body[headers:]
            del words[-2]
        self._owner.received(int(words[2]), words[1].decode(), body)

    def _command(self, line: bytes) -> None:
        if line.startswith(b"PING"):
            self.send(b"PONG\r\n")
        elif line.startswith(b"PONG"):
            self._owner.opened()
        elif line.startswith(b"-ERR"):
            self._refused(line[5:].decode(errors="replace").strip("'"))
        elif line.startswith(b"INFO ") and self._jwt:  # later ones tell of changes in a cluster
            self._log_in(_info.decode(line[5:]).nonce)

    def _refused(self, reason: str) -> None:
        if not reason.startswith("Permissions Violation"):  # the others end the connection
            self.close(reason)

    def _log_in(self, nonce: str) -> None:
        """Answer the broker's greeting."""
        signature = base64.urlsafe_b64encode(self._pair.sign(nonce.encode())).rstrip(b"=")
        words = {
            "verbose": False,
            "pedantic": False,
            "lang": "saltern-swarm",
            "version": "1",
            "protocol": 1,
            "headers": True,
            "no_responders": True,
            "name": self._name,
            "jwt": self._jwt,
            "sig": signature.decode(),
        }
        self._jwt = ""
        self.send(b"CONNECT " + msgspec.json.encode(words) + b"\r\nPING\r\n")


def _cannot_connect(code: int) -> str:
    return f"cannot connect: {os.strerror(code)}"
