"""What an agent's process offers to the functions it runs. Without an agent there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec


class RunningJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job at work on this agent. ``started`` is seconds since the epoch."""

    jid: str
    fun: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    pid: int
    started: float
    user: str = ""


class AgentControl(Protocol):
    """The agent, as seen from a function it runs."""

    @property
    def jid(self) -> str:
        """The id of the job that the caller is part of."""

    def running_jobs(self) -> list[RunningJob]:
        """Return the jobs at work now, the caller's own included."""

    def signal_job(self, jid: str, signal: int) -> bool:
        """Send a signal to a job's processes; False when no such job runs."""

    def refresh_grains(self) -> None:
        """Collect the grains anew and publish them; returns when they are out."""

    def clear_job_cache(self, hours: float) -> int:
        """Forget finished jobs older than ``hours``; return how many."""

    def ask(self, service: str, frame: bytes) -> bytes:
        """Ask the controllers, and return the answer's bytes; it is theirs, for this question, and whole.

        Raises Unavailable when none answers, NotAllowed and other errors with what they say.
        """

    def consult(self, service: str, question: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the controllers with the fields of a question, and return those of the answer.

        Services: ``mine_put``, ``mine_get``, ``mine_drop``, ``publish``; the fields are those of the messages
        of that name. Raises what ``ask`` raises, UsageError for wrong fields.
        """

    def emit(self, tag: str, data: Mapping[str, Any]) -> None:
        """Have an event published; its tag is ``tag``, below this agent. Raises Unavailable, UsageError."""

    def fetch(self, blobs: Sequence[tuple[str, int]]) -> list[str]:
        """Have files brought into the agent's cache: their SHA-256 (hexadecimal) and size in bytes.

        Returns, when all of them are there and verified, where each lies: to be read, never changed or
        moved. Raises Unavailable, also when the disk is full.
        """

    def push(self, source: str, path: str) -> None:
        """Send the controllers the file ``source``, to be known as ``path`` there.

        Raises NotFound, Conflict (no regular file, or too much), NotAllowed when they take none.
        """
