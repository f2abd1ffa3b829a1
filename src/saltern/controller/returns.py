"""Returns: from the stream into the store, in batches; acknowledged only once they are on disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from saltern.controller.happenings import Happenings
from saltern.controller.jobs import Jobs
from saltern.controller.peers import Peers
from saltern.controller.peers import Returned as TellReturned
from saltern.controller.returners.service import Returners
from saltern.controller.store import Answer, Store
from saltern.foundation.clock import Clock
from saltern.foundation.errors import BadMessage, SalternError, Unavailable
from saltern.messages.v1 import Chunk, Error, Return, decode
from saltern.model.ids import AgentKey, JobId, is_job_id
from saltern.model.job import Target
from saltern.model.status import VERDICTS
from saltern.model.update import Settled
from saltern.transport import streams
from saltern.transport.connection import Connection, Message

log = logging.getLogger("saltern.returns")

CONSUMER = "controllers"
#: Data up to this many bytes travels in the line itself; more is fetched from the returns endpoint.
INLINE = 256 * 1024
#: So many returns at a time are a sign that more wait.
_CROWD = 500
#: Seconds until a return that could not be recorded is delivered again.
_AGAIN = 5.0


class Returns:
    """Consumes the stream RETURNS, together with any other controllers."""

    def __init__(
        self,
        store: Store,
        jobs: Jobs,
        happenings: Happenings,
        peers: Peers,
        returners: Returners,
        clock: Clock,
    ) -> None:
        self._store = store
        self._peers = peers
        self._returners = returners
        self._jobs = jobs
        self._happenings = happenings
        self._clock = clock
        self._blobs = asyncio.Semaphore(2)
        self._fetching: set[asyncio.Task[None]] = set()

    async def consume(self, connection: Connection) -> None:
        """Take returns until the connection ends."""
        await streams.ensure_consumer(connection, streams.RETURNS, CONSUMER)
        async for batch in streams.pull(connection, streams.RETURNS, CONSUMER):
            await self._take(connection, batch)

    async def _take(self, connection: Connection, batch: list[Message]) -> None:
        if len(batch) >= _CROWD:
            self._jobs.crowd()
        answers: list[Answer] = []
        whole: list[Message] = []
        later: list[Message] = []
        for message in batch:
            if not self._happenings.floods.passes(AgentKey(message.subject.split(".")[1])):
                later.append(message)
                continue
            try:
                answer = self._read(message)
            except BadMessage as error:
                self._complain(message, error.message)
                whole.append(message)
                continue
            if answer.blob is not None:
                task = asyncio.create_task(self._fetch(connection, message, answer))
                self._fetching.add(task)
                task.add_done_callback(self._fetching.discard)
            else:
                answers.append(answer)
                whole.append(message)
        await streams.reject(connection, later, _AGAIN)
        if await self._record(answers):
            await streams.acknowledge(connection, whole)
        else:
            await streams.reject(connection, whole, _AGAIN)

    def _read(self, message: Message) -> Answer:
        _, key, jid = message.subject.split(".")
        frame = decode(message.data, Return)
        if not is_job_id(jid):
            raise BadMessage(f"{jid!r} is not a job id")
        if frame.verdict not in VERDICTS:
            raise BadMessage(f"a return cannot say {frame.verdict!r}")
        return Answer(
            jid=JobId(jid),
            key=AgentKey(key),
            verdict=frame.verdict,
            at=self._clock.now(),
            retcode=frame.retcode,
            data=frame.data,
            blob=frame.blob,
            error=frame.error,
            reason=frame.reason,
            started=frame.started,
            finished=frame.finished,
            snapshot=frame.snapshot,
        )

    async def _fetch(self, connection: Connection, message: Message, answer: Answer) -> None:
        """Bring a large return's chunks into the store, then the return itself."""
        subject = f"blob.{answer.key}.{answer.jid}.*"
        async with self._blobs:
            try:
                if not await self._store.targets.get(answer.jid, answer.key):
                    self._complain(message, f"it is no target of job {answer.jid}")
                elif not await self._fetch_chunks(connection, message, answer, subject):
                    await streams.reject(connection, [message], _AGAIN)
                    return
                await streams.acknowledge(connection, [message])
                await streams.purge(connection, streams.BLOBS, subject)
            except SalternError as error:
                log.error("a large return of %s is not recorded yet: %s", answer.jid, error)
                with contextlib.suppress(Unavailable):
                    await streams.reject(connection, [message], _AGAIN)

    async def _fetch_chunks(
        self, connection: Connection, message: Message, answer: Answer, subject: str
    ) -> bool:
        async for chunk_subject, data in streams.replay(connection, streams.BLOBS, subject):
            number = chunk_subject.rsplit(".", 1)[1]
            if not number.isdecimal() or len(number) > 9:
                continue  # the count and the checksum will not be right, and say so
            try:
                chunk = decode(data, Chunk)
            except BadMessage as error:
                self._complain(message, f"chunk {number}: {error.message}")
                continue
            await self._store.returns.put_chunk(answer.jid, answer.key, int(number), chunk.data)
            if int(number) % 50 == 49:  # it takes long: the stream shall not think we are gone
                await connection.publish(message.reply, b"+WPI")
        return await self._record([answer])

    async def _record(self, answers: list[Answer]) -> bool:
        """Write answers to the store and tell who waits; False when the store cannot, now."""
        if not answers:
            return True
        try:
            recorded = await self._store.returns.record(answers)
        except Unavailable as error:
            log.error("%d returns are not recorded yet: %s", len(answers), error)
            return False
        by_pair = {(answer.jid, answer.key): answer for answer in answers}
        for target in recorded.changed:
            self._jobs.returned(target, settled(target, by_pair[target.jid, target.key]))
        if recorded.changed:
            pairs = tuple((target.jid, target.key) for target in recorded.changed)
            self._peers.tell(TellReturned(pairs=pairs))
            self._returners.wake()
        for jid, key in recorded.unknown:
            self._happenings.emit("return/unknown", {"jid": jid, "reason": "it was not a target"}, key)
        for (jid, key), fault in recorded.damaged.items():
            self._happenings.emit("return/damaged", {"jid": jid, "reason": fault}, key)
            self._jobs.unreadable(jid, key, fault)
        return True

    async def elsewhere(self, pairs: tuple[tuple[JobId, AgentKey], ...]) -> None:
        """Another controller recorded these: tell who waits here."""
        for jid, key in pairs:
            if jid in self._jobs.live and (found := await self._store.returns.get(jid, key)):
                line = as_settled(found.target, found.data, found.error, found.snapshot)
                self._jobs.returned(found.target, line)

    def _complain(self, message: Message, fault: str) -> None:
        _, key, jid = message.subject.split(".")
        self._happenings.emit("return/malformed", {"jid": jid[:64], "reason": fault}, AgentKey(key))


def settled(target: Target, answer: Answer) -> Settled:
    """Return the line that watchers see."""
    data = answer.data if answer.blob is None else None
    return as_settled(target, data, answer.error, answer.snapshot)


def as_settled(
    target: Target,
    data: bytes | None,
    error: Error | None,
    snapshot: Mapping[str, str] = MappingProxyType({}),
) -> Settled:
    """Return the line for a target as it is in the store. ``data`` None: it is too large for a line."""
    inline = data is not None and len(data) <= INLINE
    return Settled(
        jid=target.jid,
        key=target.key,
        name=target.name,
        status=target.status,
        reason=target.reason,
        retcode=target.retcode,
        error=msgspec.to_builtins(error) if error else None,
        data=msgspec.Raw(data) if inline and data else msgspec.UNSET,
        size=0 if inline else target.size,
        started=target.started,
        finished=target.finished,
        snapshot=dict(snapshot),
    )
