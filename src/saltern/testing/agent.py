"""An agent in memory, for functions that ask their agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from saltern.sdk import RunningJob, Unavailable


class FakeAgent:
    """An agent with the jobs a test gave it. ``signals`` and ``refreshed`` tell what it was asked."""

    def __init__(
        self,
        *,
        jid: str = "",
        jobs: Sequence[Any] = (),
        finished: int = 0,
        answers: Mapping[str, bytes] | None = None,
        consulted: Mapping[str, Any] | None = None,
        cached: Mapping[str, str] | None = None,
    ) -> None:
        """Take the caller's job id, the running jobs (RunningJob's fields), the count of finished ones, and
        what the controllers answer, by service: as bytes to ``ask``, as data to ``consult``.

        ``cached`` are the controllers' files that can be fetched: where each lies, by its SHA-256.
        """
        self._cached = dict(cached or {})
        self.jid = jid
        self.pushed: list[tuple[str, str]] = []
        self.asked: list[tuple[str, bytes]] = []
        self.emitted: list[tuple[str, Mapping[str, Any]]] = []
        self.questions: list[tuple[str, Mapping[str, Any]]] = []
        self._answers = dict(answers or {})
        self._consulted = dict(consulted or {})
        self.signals: list[tuple[str, int]] = []
        self.refreshed = 0
        self._jobs = msgspec.convert(list(jobs), list[RunningJob])
        self._finished = finished

    def running_jobs(self) -> list[RunningJob]:
        """Return the jobs given."""
        return self._jobs

    def signal_job(self, jid: str, signal: int) -> bool:
        """Note the signal; False for a job that was not given."""
        known = any(job.jid == jid for job in self._jobs)
        if known:
            self.signals.append((jid, signal))
        return known

    def refresh_grains(self) -> None:
        """Count the call."""
        self.refreshed += 1

    def clear_job_cache(self, hours: float) -> int:
        """Forget all finished jobs."""
        count, self._finished = self._finished, 0
        return count

    def ask(self, service: str, frame: bytes) -> bytes:
        """Note the question and give the answer that was given; Unavailable for a service without one."""
        self.asked.append((service, frame))
        if service not in self._answers:
            raise Unavailable(f"no controller answers questions for {service!r}")
        return self._answers[service]

    def consult(self, service: str, question: Mapping[str, Any]) -> dict[str, Any]:
        """Note the question and give the answer that was given; Unavailable for a service without one.

        A list of answers is given one after the other.
        """
        self.questions.append((service, question))
        if service not in self._consulted:
            raise Unavailable(f"no controller answers questions for {service!r}")
        answer = self._consulted[service]
        found = answer.pop(0) if isinstance(answer, list) else answer
        return {key: one.encode() if key == "data" else one for key, one in found.items()}

    def emit(self, tag: str, data: Mapping[str, Any]) -> None:
        """Note the event."""
        self.emitted.append((tag, data))

    def fetch(self, blobs: Sequence[tuple[str, int]]) -> list[str]:
        """Return where the files lie; Unavailable for one that was not given."""
        missing = [name for name, _ in blobs if name not in self._cached]
        if missing:
            raise Unavailable(f"the controllers have no file {missing[0]}")
        return [self._cached[name] for name, _ in blobs]

    def push(self, source: str, path: str) -> None:
        """Note what was pushed."""
        self.pushed.append((source, path))
