"""What the controller does for agents that want files."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from saltern.controller.files.blobs import Blobs
from saltern.controller.files.pushed import PushedFiles
from saltern.controller.files.snapshots import Snapshot, Snapshots
from saltern.controller.files.sources import Source
from saltern.controller.files.uploads import Uploads
from saltern.controller.happenings import Happenings
from saltern.foundation import settings as reading
from saltern.foundation.clock import Clock
from saltern.foundation.errors import NotAllowed, SalternError
from saltern.identity.authorise import Action, Decision
from saltern.messages.v1 import (
    AskFiles,
    AskPieces,
    Chunk,
    Environment,
    FilesAre,
    Missing,
    Push,
    Pushed,
    Restored,
    decode,
)
from saltern.model.ids import AgentKey
from saltern.model.served import FilesRefreshed, ServedEnvironment
from saltern.transport import streams
from saltern.transport.connection import Connection, Message

log = logging.getLogger("saltern.files")

#: Environments of one question, and contents that are restored for one.
_MOST = 256
#: Seconds between two rounds of removing what no tree has any more.
_SWEEP = 900.0
#: Seconds until content that was found damaged is read and restored again.
_RESTORE_AGAIN = 60.0


class Files:
    """Environments, and their contents in the stream. ``attach`` it to each connection."""

    def __init__(
        self,
        sources: Sequence[Source],
        connection: Callable[[], Connection],
        happenings: Happenings,
        clock: Clock,
        *,
        keep: str = "2d",
        pushed: PushedFiles | None = None,
        uploads: Path,
        upload_bytes: int,
        on_record: Callable[[Decision], Awaitable[None]],
    ) -> None:
        """``keep`` is how long content stays that no environment has any more.

        ``pushed`` takes what agents send. What people send them comes by way of the directory ``uploads``,
        at most ``upload_bytes``.
        """
        self._connection = connection
        self._pushed = pushed
        self.blobs = Blobs(connection)
        self.snapshots = Snapshots(sources, self.blobs, clock)
        self._on_record = on_record
        self._uploads = Uploads(uploads, self.blobs, limit=upload_bytes)
        self._happenings = happenings
        self._clock = clock
        self._keep = reading.duration(keep)
        self._needed: dict[bytes, float] = {}
        self._restored: dict[bytes, float] = {}

    async def attach(self, connection: Connection) -> None:
        """Find out what the stream holds. Raises Unavailable."""
        await self.blobs.take_stock(connection)

    async def served(self) -> list[ServedEnvironment]:
        """Return every environment that is listed, with the tree it was last. Raises Unavailable."""
        names = dict.fromkeys([*await self.snapshots.names(), *self.snapshots.current()])
        return [_served(name, self.snapshots.current().get(name)) for name in names]

    # --- questions -----------------------------------------------------------------------------------

    async def describe(self, key: AgentKey, ask: AskFiles) -> FilesAre:
        """Answer what environments are."""
        found: dict[str, Environment] = {}
        for saltenv in ask.saltenvs[:_MOST]:
            snapshot = await self.snapshots.get(saltenv, min(ask.since, self._clock.now()))
            if snapshot is not None:
                found[saltenv] = Environment(
                    sha256=snapshot.sha256, size=snapshot.size, revision=snapshot.revision
                )
        return FilesAre(names=await self.snapshots.names(), environments=found)

    async def send(self, key: AgentKey, message: Message) -> None:
        """Have the broker send pieces to the agent that asks; Intake has seen to where."""
        await self.blobs.send(decode(message.data, AskPieces).pieces, message.reply)

    async def restore(self, key: AgentKey, missing: Missing) -> Restored:
        """See that content is in the stream which an agent did not find there, or found damaged."""
        lost = [digest for digest in missing.sha256[:_MOST] if not await self._restore(key, digest)]
        return Restored(lost=tuple(lost))

    async def _restore(self, key: AgentKey, digest: bytes) -> bool:
        now = self._clock.steady()
        if now - self._restored.get(digest, -_RESTORE_AGAIN) < _RESTORE_AGAIN:
            return True
        self._restored = {one: at for one, at in self._restored.items() if now - at < _RESTORE_AGAIN}
        self._restored[digest] = now
        if digest in self.blobs.stored:
            self._happenings.emit("files/damaged", {"sha256": digest.hex()}, key)
            self.blobs.stored.discard(digest)
        return await self.snapshots.restore(digest)

    async def push(self, key: AgentKey, push: Push) -> Pushed:
        """Take a file that an agent sends; first it asks whether it may."""
        if self._pushed is None:
            raise NotAllowed("agents may not push files here", hint="files.push: true in controller.yaml")
        is_here = await asyncio.to_thread(self._pushed.check, key, push)
        if push.sent and not is_here:
            await self._take(key, push)
            is_here = True
        if not is_here:  # what was left of an earlier try must not come between
            subject = f"blob.{key}.push-{push.sha256.hex()}.*"
            await streams.purge(self._connection(), streams.BLOBS, subject)
        else:
            await asyncio.to_thread(self._pushed.record, key, push)
            self._happenings.emit("files/pushed", {"path": push.path, "size": push.size}, key)
        return Pushed(done=is_here)

    async def _take(self, key: AgentKey, push: Push) -> None:
        assert self._pushed is not None
        subject = f"blob.{key}.push-{push.sha256.hex()}.*"
        taking = await asyncio.to_thread(self._pushed.begin, key)
        try:
            async for _, data in streams.replay(self._connection(), streams.BLOBS, subject):
                await asyncio.to_thread(taking.write, decode(data, Chunk).data)
                if taking.size > push.size:
                    break
            await asyncio.to_thread(taking.finish, push)
        finally:
            await asyncio.to_thread(taking.close)
            await streams.purge(self._connection(), streams.BLOBS, subject)

    async def upload(self, decision: Decision, size: int, pieces: AsyncIterator[bytes]) -> bytes:
        """Take a file that a person sends to agents; return its SHA-256. Raises what Uploads.take raises.

        What is put on record is the job that gives it to them.
        """
        decision.require(Action.JOB_RUN)
        digest = await self._uploads.take(size, pieces)
        self._needed[digest] = self._clock.now()
        return digest

    # --- housekeeping --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Refresh the backends when it is time, and remove what nobody needs, until cancelled."""
        await asyncio.gather(
            self._sweep_now_and_then(),
            *(self._refresh_now_and_then(one) for one in self.snapshots.sources if not one.is_live),
        )

    async def _refresh_now_and_then(self, source: Source) -> None:
        while True:
            await self._refresh(source)
            await asyncio.sleep(source.backend.interval)

    async def _refresh(self, source: Source) -> str:
        """Refresh one backend; return what is wrong, or nothing."""
        try:
            await self.snapshots.refresh(source)
        except SalternError as error:
            log.warning("files of %s are not refreshed: %s", source.backend.kind, error)
            self._happenings.emit("files/stale", {"backend": source.backend.kind, "reason": str(error)})
            return str(error)
        return ""

    async def refresh(self, decision: Decision) -> FilesRefreshed:
        """Refresh every backend; tell what is wrong by ``kind/number``, nothing where all is well."""
        decision.require(Action.SYSTEM_CHANGE)
        await self._on_record(decision)
        sources = self.snapshots.sources
        problems = await asyncio.gather(*(self._refresh(source) for source in sources))
        names = (f"{one.backend.kind}/{one.number}" for one in sources)
        return FilesRefreshed(problems=dict(zip(names, problems, strict=True)))

    async def _sweep_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            try:
                removed = await self.sweep()
            except SalternError as error:
                log.warning("old files are not removed: %s", error)
            else:
                log.debug("removed %d contents", removed)

    async def sweep(self) -> int:
        """Remove content that no environment has had for ``keep``; return how many. Raises Unavailable."""
        now = self._clock.now()
        for snapshot in self.snapshots.current().values():
            self._needed.update(dict.fromkeys(snapshot.contents(), now))
        old = [one for one in self.blobs.stored if now - self._needed.setdefault(one, now) > self._keep]
        for digest in old:
            await self.blobs.drop(digest)
            self._needed.pop(digest, None)
            self._uploads.sizes.pop(digest, None)
        self.snapshots.forget_hashes()
        return len(old)

    def close(self) -> None:
        """Let go of the backends."""
        self.snapshots.close()


def _served(name: str, snapshot: Snapshot | None) -> ServedEnvironment:
    if snapshot is None:
        return ServedEnvironment(name=name)
    sizes = [item.size for item in snapshot.items if item.sha256]
    return ServedEnvironment(
        name=name,
        sha256=snapshot.sha256.hex(),
        revision=snapshot.revision,
        files=len(sizes),
        size=sum(sizes),
        looked=snapshot.looked,
    )
