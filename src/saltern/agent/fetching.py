"""Brings files from the broker into the cache: once each, whole or not at all, with little memory.

A controller tells the broker what to send; the pieces come straight from there. What comes is believed only
when its SHA-256 is right. A large file is gathered in a part file, which is where a later try goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import os
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence

from saltern.agent.cache import Cache
from saltern.agent.faults import reach
from saltern.foundation.errors import BadMessage, NotFound, Refused, Unavailable
from saltern.identity import permissions
from saltern.messages.v1 import AskPieces, Denied, Missing, Piece, Restored, decode, encode
from saltern.model.ids import AgentKey
from saltern.model.manifest import PIECE, pieces_of
from saltern.transport import streams
from saltern.transport.connection import Connection, Message

log = logging.getLogger("saltern.agent")

#: Bytes, and pieces, asked for at once.
_BYTES, _PIECES = 4 * 1024 * 1024, 256
#: Questions under way at a time, for all files together.
_AT_ONCE = 3
#: Seconds without any piece after which it is asked again; and how often, before it is given up.
_STALL, _ATTEMPTS = 30.0, 6
#: Files between two looks at how much room they take.
_SWEEP_EVERY = 1024 * 1024 * 1024

Blob = tuple[str, int]


class Corrupt(Refused):
    """What came is not what was asked for."""

    code = "corrupt"


class _Request:
    """One question to the broker: what came, by SHA-256 and number, until its end."""

    def __init__(self) -> None:
        self.pieces: dict[tuple[str, int], bytes] = {}
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard = asyncio.Event()

    def take(self, message: Message) -> None:
        self.heard.set()
        if self.ended.done():
            return
        try:
            if streams.ends(message):
                self.ended.set_result(None)
            elif subject := streams.subject_of(message):
                _, digest, number = subject.split(".")
                self.pieces[digest, int(number)] = decode(message.data, Piece).data
            else:
                denied = decode(message.data, Denied)
                self.ended.set_exception(Unavailable(denied.message, hint=denied.hint))
        except (BadMessage, ValueError):
            pass  # whatever that was, it is no piece: then one is missing


class Fetcher:
    """Fetches for all jobs of the agent, in its loop."""

    def __init__(
        self,
        key: AgentKey,
        cache: Cache,
        *,
        room: int,
        ask: Callable[[str, bytes], Awaitable[bytes]],
        emit: Callable[[str, dict[str, str]], Awaitable[None]],
    ) -> None:
        """``room`` is how many bytes the cache may take; ``ask`` asks a controller, ``emit`` tells them."""
        self._key = key
        self._cache = cache
        self._room = room
        self._ask = ask
        self._emit = emit
        self._connection: Connection | None = None
        self._here = asyncio.Event()
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._numbers = itertools.count()
        self._requests: dict[str, _Request] = {}
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._unswept = _SWEEP_EVERY
        self._prepared = False

    async def attach(self, connection: Connection) -> None:
        """Fetch on this connection from now on. Raises Unavailable."""
        await connection.subscribe(f"{self._inbox}.*", self._on_piece)
        self._connection = connection
        self._here.set()

    def detach(self) -> None:
        """The connection is gone: wait for the next."""
        self._here.clear()
        self._connection = None

    @property
    def _inbox(self) -> str:
        return f"{permissions.agent_inbox(self._key)}.pieces"

    async def _on_piece(self, message: Message) -> None:
        request = self._requests.get(message.subject.rsplit(".", 1)[1])
        if request is not None:
            request.take(message)

    # --- what is wanted ------------------------------------------------------------------------------

    async def fetch(self, blobs: Sequence[Blob]) -> None:
        """Return when all are in the cache. Raises Corrupt, NotFound, Unavailable."""
        await asyncio.to_thread(self._prepare)
        wanted = await asyncio.to_thread(lambda: [one for one in dict(blobs).items() if not self._has(one)])
        waits = [self._under_way[name] for name, _ in wanted if name in self._under_way]
        own = [one for one in wanted if one[0] not in self._under_way]
        done = asyncio.get_running_loop().create_future()
        self._under_way |= dict.fromkeys((name for name, _ in own), done)
        try:
            await self._fetch_all(own)
        finally:
            for name, _ in own:
                del self._under_way[name]
            done.set_result(None)
        if waits:
            await asyncio.wait(waits)
            await self.fetch([one for one in wanted if one not in own])  # who fetched them may have failed

    def _has(self, blob: Blob) -> bool:
        return self._cache.is_sound(*blob)

    def _prepare(self) -> None:
        if not self._prepared or self._unswept >= _SWEEP_EVERY:
            self._cache.prepare()
            removed = self._cache.sweep(self._room)
            if removed:
                log.info("removed %d files that were not used for longest", removed)
            self._prepared, self._unswept = True, 0

    async def _fetch_all(self, blobs: Sequence[Blob]) -> None:
        self._unswept += sum(size for _, size in blobs)
        small = [one for one in blobs if one[1] <= PIECE]
        work = [self._fetch_small(some) for some in _groups(small)]
        work += [self._fetch_large(*one) for one in blobs if one[1] > PIECE]
        done = await asyncio.gather(*work, return_exceptions=True)
        for failure in done:
            if isinstance(failure, BaseException):
                raise failure

    # --- small files: many at once -------------------------------------------------------------------

    async def _fetch_small(self, blobs: Sequence[Blob]) -> None:
        left, told = dict(blobs), False
        for attempt in range(_ATTEMPTS):
            found = await self._request([(name, 0, 1) for name in left])
            wrong = await asyncio.to_thread(self._keep, found)
            left = {name: size for name, size in left.items() if (name, 0) not in found or name in wrong}
            if not left:
                return
            if told and wrong:
                raise _corrupt(sorted(wrong)[0])
            if not told or attempt:
                await self._report(list(left), wrong)
                told = True
        raise Unavailable(f"{len(left)} files did not come, {next(iter(left))} among them", hint=_AGAIN)

    def _keep(self, found: dict[tuple[str, int], bytes]) -> set[str]:
        """Keep what is right; return what is not."""
        wrong = set()
        for (name, _), data in found.items():
            if hashlib.sha256(data).hexdigest() == name:
                self._cache.put(name, data)
            else:
                wrong.add(name)
        return wrong

    # --- a large file: piece by piece ----------------------------------------------------------------

    async def _fetch_large(self, name: str, size: int) -> None:
        for told in (False, True):
            if await self._gather(name, size):
                return
            if told:
                break
            await self._report([name], {name})
        raise _corrupt(name)

    async def _gather(self, name: str, size: int) -> bool:
        """Bring a file's pieces here in order; tell whether the whole is right."""
        count, misses = pieces_of(size), 0
        file, check, number = await asyncio.to_thread(self._open_part, name, size)
        ahead: dict[int, asyncio.Task[dict[tuple[str, int], bytes]]] = {}
        step = _BYTES // PIECE
        try:
            while number < count:
                for start in (number, number + step):
                    if start < count and start not in ahead:
                        some = [(name, start, min(step, count - start))]
                        ahead[start] = asyncio.create_task(self._request(some))
                found = await ahead.pop(number)
                pieces = list(_in_order(found, name, number, min(step, count - number)))
                await asyncio.to_thread(_append, file, check, pieces)
                reach("fetching.piece")
                number += len(pieces)
                if not pieces:
                    misses += 1
                    if misses == _ATTEMPTS:
                        raise Unavailable(f"the file {name} does not come", hint=_AGAIN)
                    await self._report([name], set())
                if number not in ahead:  # something was missing: what was asked beyond it does not fit
                    await _cancel(ahead)
            return await asyncio.to_thread(self._close_part, file, check, name, size)
        finally:
            await _cancel(ahead)
            if file >= 0:
                os.close(file)

    def _open_part(self, name: str, size: int) -> tuple[int, hashlib._Hash, int]:
        """Return the part file, its hash so far, and the number of the next piece."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(self._cache.part(name), flags, 0o600)
        check, whole = hashlib.sha256(), 0
        while len(data := os.pread(file, PIECE, whole * PIECE)) == PIECE and (whole + 1) * PIECE < size:
            check.update(data)
            whole += 1
        os.ftruncate(file, whole * PIECE)
        os.lseek(file, 0, os.SEEK_END)
        return file, check, whole

    def _close_part(self, file: int, check: hashlib._Hash, name: str, size: int) -> bool:
        if check.hexdigest() != name or os.fstat(file).st_size != size:
            self._cache.part(name).unlink(missing_ok=True)
            return False
        os.fsync(file)
        self._cache.finish(name)
        return True

    # --- one question --------------------------------------------------------------------------------

    async def _request(self, pieces: Sequence[tuple[str, int, int]]) -> dict[tuple[str, int], bytes]:
        """Have pieces sent and return those that came. Raises Unavailable when nothing comes for long."""
        pause = 0.2
        for _ in range(_ATTEMPTS):
            try:
                async with self._turn:
                    async with asyncio.timeout(_STALL):
                        await self._here.wait()
                    return await self._try(pieces)
            except (Unavailable, TimeoutError) as error:
                failure = error
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(pause * 2, 5.0)
        raise Unavailable(f"the controllers' files do not come: {failure or 'no answer'}", hint=_AGAIN)

    async def _try(self, pieces: Sequence[tuple[str, int, int]]) -> dict[tuple[str, int], bytes]:
        connection = self._connection
        if connection is None:
            raise Unavailable("the agent is not connected")
        number = str(next(self._numbers))
        request = self._requests[number] = _Request()
        ask = AskPieces(pieces=tuple((bytes.fromhex(name), first, count) for name, first, count in pieces))
        try:
            subject = f"rpc.{self._key}.pieces"
            await connection.publish(subject, encode(ask), reply=f"{self._inbox}.{number}")
            while not request.ended.done():
                request.heard.clear()
                async with asyncio.timeout(_STALL):
                    await request.heard.wait()
            request.ended.result()
            return request.pieces
        finally:
            del self._requests[number]

    async def _report(self, names: Sequence[str], wrong: set[str]) -> None:
        """Tell that content is missing or wrong, so that it is put right. Raises NotFound, Unavailable."""
        if wrong:
            log.error("content from the broker is not what its name says: %s", ", ".join(sorted(wrong)))
            await self._emit("files/corrupt", {"sha256": " ".join(sorted(wrong)[:20])})
        question = Missing(sha256=tuple(bytes.fromhex(name) for name in names))
        answer = decode(await self._ask("missing", encode(question)), Restored)
        if answer.lost:
            raise NotFound(
                f"the controllers do not have {answer.lost[0].hex()} any more",
                hint="the file was changed or removed since the run began; run it again",
            )


_AGAIN = "it goes on where it stopped when you run it again"


def _corrupt(name: str) -> Corrupt:
    return Corrupt(
        f"what came for the file {name} is something else, twice",
        hint="somebody writes to the broker's streams: see `saltern events`; nothing of it was used",
    )


def _groups(blobs: Sequence[Blob]) -> Iterator[list[Blob]]:
    group: list[Blob] = []
    total = 0
    for blob in blobs:
        if group and (total + blob[1] > _BYTES or len(group) == _PIECES):
            yield group
            group, total = [], 0
        group.append(blob)
        total += blob[1]
    if group:
        yield group


def _in_order(found: dict[tuple[str, int], bytes], name: str, first: int, count: int) -> Iterator[bytes]:
    for number in range(first, first + count):
        piece = found.get((name, number))
        if piece is None:
            return
        yield piece


def _append(file: int, check: hashlib._Hash, pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        check.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(file, view) :]


async def _cancel(tasks: dict[int, asyncio.Task[dict[tuple[str, int], bytes]]]) -> None:
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    tasks.clear()
