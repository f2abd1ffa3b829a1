"""What replies hold, where that is not a value of the model."""

from __future__ import annotations

import msgspec

from saltern.model.ids import JobId
from saltern.model.job import Job, Target
from saltern.model.status import Status


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs, newest first; ``next`` is the ``before`` of the next page, None on the last."""

    jobs: list[Job]
    next: JobId | None = None


class JobTargets(msgspec.Struct, frozen=True, kw_only=True):
    """A job's targets by name, and how many of all have each status."""

    targets: list[Target]
    counts: dict[Status, int]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What was wrong: a stable code for programs, a sentence, what to do about it, and where it was."""

    code: str
    message: str
    hint: str = ""
    where: str = ""


class ErrorReply(msgspec.Struct, frozen=True, kw_only=True):
    """The one shape of every error."""

    error: Problem


class Broken(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="error"):
    """The last line of a stream that could not go on."""

    error: Problem


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """How many things are gone."""

    deleted: int
