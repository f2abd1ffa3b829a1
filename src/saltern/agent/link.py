"""The socket between the agent's loop and one job: first its keeper's, then its worker's.

Frames are a length (four bytes, little-endian) and a MessagePack value. The keeper says who it is, the
loop answers with the order, and from then on the worker reports and asks.
"""

from __future__ import annotations

import asyncio
import socket
import struct

import msgspec

from saltern.messages.v1 import Order, Progress
from saltern.sdk import RunningJob

_LENGTH = struct.Struct("<I")
#: No frame of a job's is longer.
LONGEST = 2 * 1024 * 1024
#: Bytes received at once: an answer may have many.
_AT_ONCE = 1024 * 1024


class Message(msgspec.Struct, frozen=True, tag_field="t"):
    """What all of them are."""


class Ready(Message, frozen=True, tag="ready"):
    """From the keeper: I wait. ``born`` is its start in ticks since boot."""

    keeper: int
    born: int


class Failure(Message, frozen=True, tag="failure"):
    """From the supervisor, in the keeper's place: no process could be made."""

    reason: str


class Go(Message, frozen=True, kw_only=True, tag="go"):
    """From the loop: run this.

    ``started`` is the controller's time, ``since`` and ``deadline`` this machine's steady clock.
    """

    order: Order
    started: float
    since: float
    deadline: float | None
    grace: float


class Working(Message, frozen=True, tag="working"):
    """From the worker: it is I who run it."""

    pid: int


class Done(Message, frozen=True, tag="done"):
    """From the worker: the return lies in the spool."""


class Ask(Message, frozen=True, kw_only=True, tag="ask"):
    """From the worker: ``running_jobs``, ``signal_job``, ``refresh_grains``, ``clear_job_cache``, ``ask``
    (the controllers' ``service``, with ``data``), ``emit`` (an event: its tag as ``service``, an Event as
    ``data``) ``fetch`` (``blobs``: SHA-256 and size) or ``push``.
    """

    what: str
    jid: str = ""
    signal: int = 0
    hours: float = 0.0
    service: str = ""
    data: bytes = b""
    blobs: tuple[tuple[str, int], ...] = ()
    source: str = ""
    path: str = ""


class Answer(Message, frozen=True, kw_only=True, tag="answer"):
    """To the worker. ``error`` is empty when it was done; ``hint`` and ``code`` go with it."""

    error: str = ""
    hint: str = ""
    code: str = ""
    data: bytes = b""
    count: int = 0
    jobs: tuple[RunningJob, ...] = ()


_encoder = msgspec.msgpack.Encoder()
FromJob = Ready | Failure | Working | Done | Ask | Progress
_from_job: msgspec.msgpack.Decoder[FromJob] = msgspec.msgpack.Decoder(FromJob)
_go: msgspec.msgpack.Decoder[Go] = msgspec.msgpack.Decoder(Go)
_answer: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def frame(message: Message | Progress) -> bytes:
    """Return a message's bytes."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def receive_bytes(link: socket.socket) -> bytes | None:
    """Wait for a message's body; None when there is no loop any more. Raises TimeoutError."""
    try:
        head = _exactly(link, _LENGTH.size)
        return _exactly(link, _LENGTH.unpack(head)[0]) if head else None
    except ConnectionError:
        return None


def receive_answer(link: socket.socket) -> Answer | None:
    """Wait for an answer; None when there is no loop any more. Raises TimeoutError."""
    body = receive_bytes(link)
    return _answer.decode(body) if body else None


def decode_go(body: bytes) -> Go:
    """Return the order in the body of a message."""
    return _go.decode(body)


def _exactly(link: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        piece = link.recv(min(count - len(parts), _AT_ONCE))
        if not piece:
            return None
        parts += piece
    return bytes(parts)


async def read(reader: asyncio.StreamReader) -> FromJob | None:
    """Wait for a message from the job; None when it says no more, or something senseless."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > LONGEST:
            return None
        return _from_job.decode(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
        return None
