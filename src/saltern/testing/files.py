"""Files for agents in memory, for the fake controller."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from saltern.foundation.errors import BadMessage, Conflict
from saltern.identity.authorise import Action, Decision
from saltern.model.served import FilesRefreshed, ServedEnvironment


class FakeFiles:
    """Fits ``saltern.api.facade.Files``. A test says what is served, and looks at what was sent."""

    def __init__(self, decisions: list[Decision]) -> None:
        """``decisions`` takes what was decided."""
        self._decisions = decisions
        self.environments: list[ServedEnvironment] = []
        self.problems: dict[str, str] = {}
        self.uploads: dict[str, bytes] = {}
        self.upload_bytes = 1024**3

    async def served(self) -> list[ServedEnvironment]:
        """Return ``environments``."""
        return self.environments

    async def refresh(self, decision: Decision) -> FilesRefreshed:
        """Tell ``problems``."""
        decision.require(Action.SYSTEM_CHANGE)
        self._decisions.append(decision)
        return FilesRefreshed(problems=self.problems)

    async def upload(self, decision: Decision, size: int, pieces: AsyncIterator[bytes]) -> bytes:
        """Keep the file in ``uploads``, by its SHA-256; Conflict beyond ``upload_bytes``."""
        decision.require(Action.JOB_RUN)
        self._decisions.append(decision)
        if size > self.upload_bytes:
            raise Conflict(f"a file of {size} bytes is too much")
        content = b"".join([piece async for piece in pieces])
        if len(content) != size:
            raise BadMessage(f"{len(content)} bytes came, not {size}")
        digest = hashlib.sha256(content).digest()
        self.uploads[digest.hex()] = content
        return digest
