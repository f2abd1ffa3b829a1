"""What came back: small data in one row, large data in chunks, each return taken exactly once."""

from __future__ import annotations

import asyncio
import hashlib
import math
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from saltern.controller.store import deliveries, tables, targets
from saltern.controller.store.sql import bulk, upsert
from saltern.controller.store.values import Answer, Pair, Recorded, Returned, plain
from saltern.foundation.errors import NotFound
from saltern.messages.v1 import Blob, Error
from saltern.model.job import Target
from saltern.model.status import SETTLED, VERDICTS, advance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from saltern.controller.store.database import Database
    from saltern.model.ids import AgentKey, JobId

_JOBS, _TARGETS, _RETURNS, _CHUNKS = tables.jobs, tables.targets, tables.returns, tables.chunks

#: Data up to this many bytes is stored in one piece; a chunk is at most so large too.
INLINE = 1024 * 1024
#: How many bytes of data a page of streamed returns may hold in memory, and how many returns.
PAGE_BYTES = 4 * 1024 * 1024
PAGE_ROWS = 500
_SETTLED = sorted(status.value for status in SETTLED)

_decode_error = msgspec.json.Decoder(Error).decode


class Returns:
    """The returns of all jobs. ``largest`` is the most bytes one may have."""

    def __init__(self, database: Database, *, largest: int = 4 * 1024**3) -> None:
        self._database = database
        self._largest = largest

    async def record(self, answers: Sequence[Answer]) -> Recorded:
        """Record returns and what follows for their targets in one transaction; on disk when this returns.

        The first return of a target is final: the same or another one later changes nothing. One with a
        ``blob`` is taken only when its chunks are all there and have the size and SHA-256 it says.
        """
        damaged = {(answer.jid, answer.key): fault for answer in answers if (fault := _fault(answer))}
        for answer in answers:
            if answer.blob is not None and (answer.jid, answer.key) not in damaged:
                damaged |= await self._checked(answer, answer.blob)
        good = [answer for answer in answers if (answer.jid, answer.key) not in damaged]
        if not good:
            return Recorded(damaged=damaged)
        recorded = await self._database.write(lambda connection: _record(connection, good))
        return msgspec.structs.replace(recorded, damaged=damaged)

    async def put_chunk(self, jid: JobId, key: AgentKey, n: int, data: bytes) -> bool:
        """Keep chunk ``n`` (from 0) of a return to come; a chunk that comes again takes its own place.

        False when it was not kept: no such target, its return is complete already, or there is too much.
        """
        if not 0 <= n < 2**31 or len(data) > INLINE:
            return False
        return await self._database.write(
            lambda connection: _put(connection, (jid, key), n, data, self._largest)
        )

    async def stream(self, jid: JobId, names: str | None = None) -> AsyncIterator[Returned]:
        """Yield the job's settled targets whose name matches the glob ``names``, with what they returned.

        Reads a few megabytes at a time; holds no transaction between them.
        """
        last = ""
        while page := await self._page(jid, last):
            last = page[-1].key
            async for returned in self._each([target for target in page if _named(target, names)]):
                yield returned

    async def of(self, jid: JobId, keys: Collection[AgentKey]) -> AsyncIterator[Returned]:
        """Yield those of the job's targets with ``keys`` that the store has, with what they returned."""
        wanted = sorted(keys)
        for start in range(0, len(wanted), PAGE_ROWS):
            some = wanted[start : start + PAGE_ROWS]
            query = sa.select(*targets.COLUMNS).where(_TARGETS.c.jid == jid, _TARGETS.c.key.in_(some))
            async for returned in self._each(await self._targets(query)):
                yield returned

    async def _each(self, page: Sequence[Target]) -> AsyncIterator[Returned]:
        for part in _parts(page):
            for returned in await self._filled(part):
                yield returned

    async def get(self, jid: JobId, key: AgentKey) -> Returned | None:
        """Return one target with what it returned; None when there is no such target."""
        query = sa.select(*targets.COLUMNS).where(_TARGETS.c.jid == jid, _TARGETS.c.key == key)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return (await self._filled([targets.as_target(row)]))[0] if row else None

    async def data(self, jid: JobId, key: AgentKey) -> AsyncIterator[bytes]:
        """Yield a return's JSON in pieces of at most 1 MiB. Raises NotFound when there is no return."""
        row = await self._database.read(lambda connection: _inline(connection, (jid, key)))
        if row is None:
            raise _no_return(jid, key)
        chunks, data = row
        if not chunks:
            yield data
        for n in range(chunks):
            yield await self._chunk((jid, key), n)

    async def _chunk(self, pair: Pair, n: int) -> bytes:
        data = await self._database.read(lambda connection: _chunk(connection, pair, n))
        if data is None:  # retention took the job away meanwhile
            raise _no_return(*pair)
        return data

    async def _checked(self, answer: Answer, blob: Blob) -> dict[Pair, str]:
        pair = (answer.jid, answer.key)
        target = await self.get(*pair)
        if target is None or target.target.proven:  # unknown, or nothing to check any more
            return {}
        fault = await self._blob_fault(pair, blob)
        return {pair: fault} if fault else {}

    async def _blob_fault(self, pair: Pair, blob: Blob) -> str:
        digest, size = hashlib.sha256(), 0
        for n in range(blob.chunks):
            data = await self._database.read(lambda connection, n=n: _chunk(connection, pair, n))  # type: ignore[misc]
            if data is None:
                return f"chunk {n} of {blob.chunks} is missing"
            await asyncio.to_thread(digest.update, data)
            size += len(data)
        if size != blob.size:
            return f"its chunks have {size} bytes, it says {blob.size}"
        return "" if digest.digest() == blob.sha256 else "its chunks do not have the SHA-256 it says"

    async def _page(self, jid: JobId, after: str) -> list[Target]:
        query = (
            sa.select(*targets.COLUMNS)
            .where(_TARGETS.c.jid == jid, _TARGETS.c.key > after, _TARGETS.c.status.in_(_SETTLED))
            .order_by(_TARGETS.c.key)
            .limit(PAGE_ROWS)
        )
        return await self._targets(query)

    async def _targets(self, query: sa.Select[Any]) -> list[Target]:
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [targets.as_target(row) for row in rows]

    async def _filled(self, part: Sequence[Target]) -> list[Returned]:
        found = await self._database.read(lambda connection: _found(connection, part))
        return [_returned(target, found.get(target.key)) for target in part]


def _no_return(jid: JobId, key: AgentKey) -> NotFound:
    return NotFound(f"job {jid} has no return of {key}", hint=f"see who has answered: saltern job show {jid}")


def _named(target: Target, names: str | None) -> bool:
    return names is None or fnmatchcase(target.name, names)


def _parts(page: Sequence[Target]) -> list[list[Target]]:
    """Split a page so that no part holds more than ``PAGE_BYTES`` of data, or is one target."""
    parts: list[list[Target]] = []
    weight = 0
    for target in page:
        size = min(target.size, INLINE)
        if not parts or weight + size > PAGE_BYTES:
            parts.append([])
            weight = 0
        parts[-1].append(target)
        weight += size
    return parts


_Row = tuple[int, bytes | None, bytes | None, bytes | None]


def _found(connection: sa.Connection, part: Sequence[Target]) -> dict[str, _Row]:
    columns = (_RETURNS.c.key, _RETURNS.c.chunks, _RETURNS.c.data, _RETURNS.c.error, _RETURNS.c.snapshot)
    keys = [target.key for target in part if target.proven]
    if not keys:
        return {}
    query = sa.select(*columns).where(_RETURNS.c.jid == part[0].jid, _RETURNS.c.key.in_(keys))
    return {key: (*row,) for key, *row in connection.execute(query)}


def _returned(target: Target, row: _Row | None) -> Returned:
    if row is None:
        return Returned(target=target, data=b"", error=None)
    chunks, data, error, snapshot = row
    return Returned(
        target=target,
        data=None if chunks else bytes(data or b""),
        error=None if error is None else _decode_error(error),
        snapshot=msgspec.json.decode(snapshot, type=dict[str, str]) if snapshot else {},
    )


def _inline(connection: sa.Connection, pair: Pair) -> tuple[int, bytes] | None:
    query = sa.select(_RETURNS.c.chunks, _RETURNS.c.data).where(
        _RETURNS.c.jid == pair[0], _RETURNS.c.key == pair[1]
    )
    row = connection.execute(query).first()
    return (row[0], bytes(row[1] or b"")) if row else None


def _chunk(connection: sa.Connection, pair: Pair, n: int) -> bytes | None:
    query = sa.select(_CHUNKS.c.data).where(
        _CHUNKS.c.jid == pair[0], _CHUNKS.c.key == pair[1], _CHUNKS.c.n == n
    )
    data = connection.execute(query).scalar()
    return None if data is None else bytes(data)


def _put(connection: sa.Connection, pair: Pair, n: int, data: bytes, largest: int) -> bool:
    target = targets.locked(connection, [pair]).get(pair)
    if target is None or target.proven:
        return False
    others = sa.select(sa.func.coalesce(sa.func.sum(_CHUNKS.c.size), 0)).where(
        _CHUNKS.c.jid == pair[0], _CHUNKS.c.key == pair[1], _CHUNKS.c.n != n
    )
    if connection.execute(others).scalar_one() + len(data) > largest:
        return False
    upsert(connection, _CHUNKS, {"jid": pair[0], "key": pair[1], "n": n, "size": len(data), "data": data})
    return True


def _fault(answer: Answer) -> str:
    if answer.verdict not in VERDICTS:
        return f"{answer.verdict.value!r} is no verdict"
    if len(answer.data) > INLINE:
        return f"{len(answer.data)} bytes of data in one piece; the limit is {INLINE}"
    if answer.blob is not None and not 0 <= answer.blob.chunks < 2**31:
        return f"{answer.blob.chunks} chunks"
    return ""


def _record(connection: sa.Connection, answers: Sequence[Answer]) -> Recorded:
    known = targets.locked(connection, ((answer.jid, answer.key) for answer in answers))
    changed: dict[Pair, Target] = {}
    taken: list[Answer] = []
    unknown: dict[Pair, None] = {}
    for answer in answers:
        pair = (answer.jid, answer.key)
        target = changed.get(pair) or known.get(pair)
        if target is None:
            unknown[pair] = None
        elif (after := _settled(target, answer)) is not None:
            changed[pair] = after
            taken.append(answer)
    if taken:
        targets.write(connection, changed.values())
        bulk(connection, _INSERT, [_row(answer) for answer in taken])
        _add_weight(connection, taken)
        deliveries.owe(connection, taken)
    return Recorded(changed=tuple(changed.values()), unknown=tuple(unknown))


def _settled(target: Target, answer: Answer) -> Target | None:
    status = advance(target.status, answer.verdict, proven=target.proven, proof=True)
    if status is None:
        return None
    return Target(
        jid=target.jid,
        key=target.key,
        name=target.name,
        status=status,
        updated=answer.at,
        reason=plain(answer.reason),
        retcode=max(-(2**31), min(answer.retcode, 2**31 - 1)),
        started=_moment(answer.started, target.started),
        finished=_moment(answer.finished, answer.at),
        size=_size(answer),
        proven=True,
    )


def _moment(said: float | None, otherwise: float | None) -> float | None:
    return said if said is not None and math.isfinite(said) else otherwise


def _size(answer: Answer) -> int:
    return len(answer.data) if answer.blob is None else answer.blob.size


_INSERT = sa.insert(_RETURNS)


def _row(answer: Answer) -> dict[str, object]:
    return {
        "jid": answer.jid,
        "key": answer.key,
        "error": None if answer.error is None else msgspec.json.encode(answer.error),
        "chunks": 0 if answer.blob is None else answer.blob.chunks,
        "data": answer.data if answer.blob is None else None,
        "snapshot": msgspec.json.encode(answer.snapshot) if answer.snapshot else None,
    }


def _add_weight(connection: sa.Connection, answers: Sequence[Answer]) -> None:
    added: dict[JobId, int] = {}
    for answer in answers:
        error = len(answer.error.detail) + len(answer.error.message) if answer.error else 0
        added[answer.jid] = added.get(answer.jid, 0) + _size(answer) + error
    statement = (
        sa.update(_JOBS)
        .where(_JOBS.c.jid == sa.bindparam("of_jid"))
        .values(weight=_JOBS.c.weight + sa.bindparam("added"))
    )
    connection.execute(statement, [{"of_jid": jid, "added": added[jid]} for jid in sorted(added)])
