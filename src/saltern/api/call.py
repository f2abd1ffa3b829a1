"""One request, as a handler sees it, and what a handler may answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from saltern.api.facade import Controller
from saltern.api.stream import Items
from saltern.foundation.errors import UsageError
from saltern.identity.authorise import NO_TARGETS, Action, Decision, Principal, Targets
from saltern.model.ids import JobId, is_job_id


class Call(NamedTuple):
    """A request that was read: ``query`` and ``body`` are the structs its route declares."""

    controller: Controller
    principal: Principal
    path: Mapping[str, str]
    query: Any
    body: Any

    @property
    def jid(self) -> JobId:
        """Return the job id in the path. Raises UsageError when it has not that form."""
        text = self.path["jid"]
        if not is_job_id(text):
            raise UsageError(f"{text!r} is not a job id", hint="it has 20 digits; see `saltern job list`")
        return JobId(text)


class Subject(NamedTuple):
    """What is to be decided: about whom, and with which arguments."""

    targets: Targets = NO_TARGETS
    arguments: Mapping[str, Any] = {}


class Lines(NamedTuple):
    """An answer of many lines."""

    items: Items


class Chunks(NamedTuple):
    """An answer that is JSON of any size, in pieces."""

    pieces: AsyncIterator[bytes]


Answer = msgspec.Struct | list[Any] | dict[str, Any] | Lines | Chunks
Handler = Callable[[Call, Decision], Awaitable[Answer]]
SubjectOf = Callable[[Call], Awaitable[Subject]]


class Route(NamedTuple):
    """One row of the API. ``subject`` finds the targets and arguments that are decided about."""

    method: str
    path: str
    action: Action
    summary: str
    handler: Handler
    reply: Any
    query: type[msgspec.Struct]
    body: type[msgspec.Struct] | None = None
    lines: Any = None  # the union of a stream's lines
    subject: SubjectOf | None = None
    status: int = 200
    upload: bool = False  # the body is a file: ``Call.body`` gives its pieces as they come
