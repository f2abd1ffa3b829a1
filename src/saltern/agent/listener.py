"""Whom the executor tells, and what it answers to the functions it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from saltern.agent.job import Job
from saltern.agent.link import Answer, Ask
from saltern.foundation.errors import SalternError
from saltern.messages.v1 import Event, Progress, decode
from saltern.model.ids import JobId


class Errands(Protocol):
    """What is done with the controllers on behalf of a job."""

    async def ask(self, service: str, data: bytes) -> bytes:
        """Ask them and return the answer. May raise SalternError."""

    async def fetch(self, blobs: Sequence[tuple[str, int]]) -> Path:
        """Have files brought into the cache, and return its directory. May raise SalternError."""

    async def push(self, source: str, path: str) -> None:
        """Send them a file. May raise SalternError."""


class Listener(Protocol):
    """Whom the executor tells. Called in the event loop."""

    @property
    def errands(self) -> Errands:
        """Who asks the controllers."""

    def running(self, jid: JobId, started: float) -> None:
        """The job has started; ``started`` is the controller's time."""

    async def progress(self, jid: JobId, progress: Progress) -> None:
        """The job has said something. While this is awaited no more is read from the job."""

    def finished(self, jid: JobId) -> None:
        """The job's return lies in the spool: hand it over, then call ``handed_over``."""

    async def refresh_grains(self) -> None:
        """Collect the grains anew and publish them. May raise SalternError."""

    async def happened(self, tag: str, data: dict[str, Any]) -> None:
        """Publish an event of a function's. May raise SalternError."""


async def answer(question: Ask, running: Mapping[JobId, Job], listener: Listener) -> Answer:
    """Return the answer to a worker's question."""
    try:
        return await _answer(question, running, listener)
    except SalternError as error:
        return Answer(error=str(error), hint=error.hint, code=error.code)


async def _answer(question: Ask, running: Mapping[JobId, Job], listener: Listener) -> Answer:
    match question.what:
        case "running_jobs":
            return Answer(jobs=tuple(job.shown() for job in running.values() if job.kept))
        case "signal_job":
            job = running.get(JobId(question.jid))
            return Answer(count=job.signal_processes(question.signal) if job else 0)
        case "refresh_grains":
            await listener.refresh_grains()
            return Answer()
        case "clear_job_cache":
            return Answer()  # nothing is kept once the controller has it
        case "ask":
            return Answer(data=await listener.errands.ask(question.service, question.data))
        case "emit":
            await listener.happened(question.service, decode(question.data, Event).data)
            return Answer()
        case "fetch":
            return Answer(data=bytes(await listener.errands.fetch(question.blobs)))
        case "push":
            await listener.errands.push(question.source, question.path)
            return Answer()
    return Answer(error=f"the agent does not know {question.what!r}")
