"""Streams and buckets: what must survive until somebody has dealt with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.msg import Msg
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from saltern.foundation.errors import Unavailable
from saltern.transport.connection import Connection, Handler, Message

DAY = 86_400.0
#: Seconds for the broker to set something up, while it lets a fleet in.
_PATIENCE = 20.0

RETURNS = "RETURNS"
BLOBS = "BLOBS"
EVENTS = "EVENTS"
GRAINS = "KV_grains"
FILES = "FILES"

#: Each stream's part of the space there is, in percent.
_SHARES = {RETURNS: 15, BLOBS: 25, EVENTS: 10, GRAINS: 10, FILES: 35}


def declared(space: int, replicas: int = 1) -> list[StreamConfig]:
    """Return the streams, which may take ``space`` bytes together.

    When RETURNS or BLOBS is full new messages are refused, so agents keep what they have; old events go.
    """
    common: dict[str, Any] = {"storage": StorageType.FILE, "num_replicas": replicas}
    return [
        StreamConfig(
            name=RETURNS,
            subjects=["ret.*.*"],
            retention=RetentionPolicy.WORK_QUEUE,
            discard=DiscardPolicy.NEW,
            max_bytes=space * _SHARES[RETURNS] // 100,
            **common,
        ),
        StreamConfig(
            name=BLOBS,
            subjects=["blob.*.*.*"],
            discard=DiscardPolicy.NEW,
            max_bytes=space * _SHARES[BLOBS] // 100,
            max_age=2 * DAY,
            **common,
        ),
        StreamConfig(
            name=EVENTS,
            subjects=["event.>"],
            discard=DiscardPolicy.OLD,
            max_bytes=space * _SHARES[EVENTS] // 100,
            max_age=DAY,
            **common,
        ),
        StreamConfig(
            name=GRAINS,
            subjects=["$KV.grains.>"],
            discard=DiscardPolicy.NEW,
            max_msgs_per_subject=1,
            max_msg_size=512 * 1024,
            max_bytes=space * _SHARES[GRAINS] // 100,
            deny_delete=True,
            allow_direct=True,
            **common,
        ),
        StreamConfig(
            name=FILES,
            subjects=["file.*.*"],
            discard=DiscardPolicy.NEW,
            max_msgs_per_subject=1,
            max_bytes=space * _SHARES[FILES] // 100,
            allow_direct=True,
            **common,
        ),
    ]


async def ensure(connection: Connection, space: int, replicas: int = 1) -> None:
    """See that all streams exist as declared. Raises Unavailable when the broker has no JetStream."""
    manager = connection.client.jsm(timeout=_PATIENCE)
    try:
        for config in declared(space, replicas):
            try:
                await manager.stream_info(str(config.name))
            except nats.js.errors.NotFoundError:
                await manager.add_stream(config)
            else:  # a plain add would count its space twice
                await manager.update_stream(config)
    except (nats.errors.Error, OSError) as error:
        raise Unavailable(f"the broker's streams cannot be set up: {error}") from error


async def ensure_consumer(
    connection: Connection, stream: str, durable: str, *, ack_wait: float = 60.0, max_pending: int = 1_000_000
) -> None:
    """See that ``stream`` has the durable consumer which all controllers share.

    ``max_pending`` counts messages that were rejected and wait to come again, too: with fewer, those of one
    sender would keep everybody else's from coming.
    """
    try:
        await connection.client.jsm(timeout=_PATIENCE).add_consumer(
            stream,
            ConsumerConfig(
                durable_name=durable,
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ack_wait,
                max_ack_pending=max_pending,
            ),
        )
    except (nats.errors.Error, OSError) as error:
        raise Unavailable(f"the consumer of {stream} cannot be set up: {error}") from error


async def pull(
    connection: Connection, stream: str, durable: str, batch: int = 1000
) -> AsyncIterator[list[Message]]:
    """Yield messages as they come, all that are there at a time, until the connection closes.

    Each must be acknowledged with ``acknowledge`` or it comes again.
    """
    waiting: list[Message] = []
    arrived = asyncio.Event()
    outstanding = 0
    inbox = connection.client.new_inbox()
    ask = msgspec.json.encode({"batch": batch, "expires": 30_000_000_000})

    async def on_message(message: Message) -> None:
        nonlocal outstanding
        if message.raw.headers and "Status" in message.raw.headers:
            outstanding = 0  # the request is over: expired, or the consumer moved
        else:
            outstanding -= 1
            waiting.append(message)
        arrived.set()

    subscription = await connection.subscribe(inbox, on_message)
    asked = 0.0
    loop = asyncio.get_running_loop()
    try:
        while not connection.closed.is_set():
            if outstanding <= 0 or loop.time() - asked > 45:
                outstanding, asked = batch, loop.time()
                await connection.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", ask, reply=inbox)
            arrived.clear()
            if not waiting:
                await _first(arrived.wait(), connection.closed.wait(), timeout=50)
            if waiting:
                taken, waiting = waiting, []
                yield taken
    finally:
        await subscription.end()


async def acknowledge(connection: Connection, messages: list[Message]) -> None:
    """Tell the stream that these are dealt with."""
    for message in messages:
        await connection.publish(message.reply, b"+ACK")


async def reject(connection: Connection, messages: list[Message], delay: float) -> None:
    """Ask the stream to deliver these again after ``delay`` seconds."""
    body = b"-NAK " + msgspec.json.encode({"delay": int(delay * 1e9)})
    for message in messages:
        await connection.publish(message.reply, body)


async def publish_once(
    connection: Connection, subject: str, data: bytes, id: str, timeout: float = 10.0
) -> None:
    """Publish to whatever stream has ``subject``; return once it is stored. Raises AckError.

    The stream knows a repetition by its ``id``. Only for streams that no agent may publish to.
    """
    await connection.store(subject, data, timeout, headers={"Nats-Msg-Id": id})


async def replay(
    connection: Connection, stream: str, subject: str, *, start: int | None = None
) -> AsyncIterator[tuple[str, bytes]]:
    """Yield (subject, data) of what ``stream`` holds under ``subject``: oldest first, one at a time."""
    after = 0 if start is None else start - 1
    while True:
        try:
            answer = await connection.client.request(
                f"$JS.API.STREAM.MSG.GET.{stream}",
                msgspec.json.encode({"seq": after + 1, "next_by_subj": subject}),
                timeout=10,
            )
        except (nats.errors.Error, OSError) as error:
            raise Unavailable(f"the stream {stream} does not answer: {error!r}") from error
        found = msgspec.json.decode(answer.data, type=_Stored)
        if found.message is None:
            if found.error and found.error.get("code") != 404:
                raise Unavailable(f"the stream {stream} does not answer: {found.error.get('description')}")
            return
        yield found.message.subject, found.message.data
        after = found.message.seq


class _StoredMessage(msgspec.Struct):
    subject: str
    seq: int
    data: bytes = b""


class _Stored(msgspec.Struct):
    message: _StoredMessage | None = None
    error: dict[str, Any] | None = None


async def send_last(connection: Connection, stream: str, subjects: Sequence[str], reply: str) -> None:
    """Have the broker itself send the last message of each subject to ``reply``, and then an end.

    At most 1,024 subjects, whose messages are in the order of the stream. ``ends`` and ``subject_of`` read
    what comes.
    """
    ask = msgspec.json.encode({"multi_last": list(subjects), "batch": len(subjects)})
    await connection.publish(f"$JS.API.DIRECT.GET.{stream}", ask, reply=reply)


def ends(message: Message) -> bool:
    """Tell that this is the end of what ``send_last`` had sent."""
    return "Status" in (message.raw.headers or {})


def subject_of(message: Message) -> str:
    """Return the subject of a message that ``send_last`` had sent; empty when it is none of those."""
    return str((message.raw.headers or {}).get("Nats-Subject", ""))


async def last(connection: Connection, stream: str, subject: str) -> bytes | None:
    """Return the last message on ``subject``; None when there is none. Raises Unavailable."""
    try:
        answer = await connection.client.request(f"$JS.API.DIRECT.GET.{stream}.{subject}", b"", timeout=10)
    except (nats.errors.Error, OSError) as error:
        raise Unavailable(f"the stream {stream} does not answer: {error!r}") from error
    return None if answer.headers and "Status" in answer.headers else bytes(answer.data)


async def subjects(connection: Connection, stream: str, pattern: str) -> list[str]:
    """Return the subjects like ``pattern`` that ``stream`` holds something under. Raises Unavailable."""
    found: list[str] = []
    while True:
        ask = msgspec.json.encode({"subjects_filter": pattern, "offset": len(found)})
        answer = await connection.request(f"$JS.API.STREAM.INFO.{stream}", ask, _PATIENCE)
        page = msgspec.json.decode(answer, type=_Described)
        if page.error is not None:
            raise Unavailable(f"the stream {stream} does not answer: {page.error.get('description')}")
        found += page.state.subjects or ()
        if not page.state.subjects or len(found) >= page.total:
            return found


class _State(msgspec.Struct):
    subjects: dict[str, int] | None = None


class _Described(msgspec.Struct):
    state: _State = msgspec.field(default_factory=_State)
    total: int = 0
    error: dict[str, Any] | None = None


async def purge(connection: Connection, stream: str, subject: str) -> None:
    """Remove what ``stream`` holds under ``subject``."""
    try:
        await connection.client.jsm().purge_stream(stream, subject=subject)
    except (nats.errors.Error, OSError) as error:
        raise Unavailable(f"the stream {stream} does not answer: {error!r}") from error


async def _first(*waits: Any, timeout: float) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def watch(connection: Connection, stream: str, subject: str, handler: Handler) -> None:
    """Call ``handler`` with the last message of every subject there is, then with each that comes."""

    async def deliver(message: Msg) -> None:
        await handler(Message(message.subject, message.data, message.reply, message))

    try:
        await connection.client.jetstream().subscribe(
            subject,
            stream=stream,
            ordered_consumer=True,
            config=ConsumerConfig(deliver_policy=DeliverPolicy.LAST_PER_SUBJECT),
            cb=deliver,
        )
    except (nats.errors.Error, OSError) as error:
        raise Unavailable(f"the stream {stream} cannot be watched: {error!r}") from error
