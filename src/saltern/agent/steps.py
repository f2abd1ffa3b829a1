"""What a run of states says of itself, as the agent's loop hears it: gathered to a few words, and events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from saltern.model.update import Progressing

#: The name of the stream that runs of states speak on.
STREAM = "state"
#: Bytes of a line that is not complete yet; what is longer is no line of a run.
_LONGEST = 1024 * 1024
#: Characters of a tag. It becomes words of a subject, so nothing in it may be a wildcard or empty.
_LONGEST_TAG = 200
_NOT_IN_WORDS = re.compile(r"[^A-Za-z0-9_+=@:-]+")


class Told(msgspec.Struct, frozen=True):
    """A line of the stream: a state has ended, or (without a key) the run has begun."""

    number: int
    of: int
    key: str = ""
    next: str = ""
    result: bool | None = None
    changed: bool = False
    comment: str = ""
    duration: float = 0.0  # milliseconds
    event: bool | str = False


_told = msgspec.json.Decoder(Told)


class Steps:
    """One job's run, as far as it has told."""

    def __init__(self) -> None:
        self._rest = b""
        self._now = Progressing()
        self._news = False

    def take(self, data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
        """Take in what the run said; yield the events that its states fire, each with its tag."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST:
            self._rest = b""
        for line in lines:
            try:
                told = _told.decode(line)
            except msgspec.DecodeError:
                continue  # a part of it was dropped on the way here
            self._count(told)
            if told.event is not False and told.key:
                yield _tag(told), _said(told)

    def _count(self, told: Told) -> None:
        before, self._news = self._now, True
        self._now = Progressing(
            number=told.number,
            of=told.of,
            running=_named(told.next),
            changed=before.changed + told.changed,
            failed=before.failed + bool(told.key and told.result is False),
        )

    def news(self) -> Progressing | None:
        """Return how far the run is, when that is new since the last time."""
        news, self._news = self._news, False
        return self._now if news else None


def _named(key: str) -> str:
    """Return a state as people name it: ``file.managed motd``."""
    module, _, rest = key.partition("_|-")
    id_, _, rest = rest.partition("_|-")
    return f"{module}.{rest.rpartition('_|-')[2]} {id_}"[:200] if key else ""


def _tag(told: Told) -> str:
    """Return the tag that the user chose, else one made of the state's key, as words of a subject can be."""
    tag = told.event if isinstance(told.event, str) else f"state/{_named(told.key).replace(' ', '/', 1)}"
    words = (_NOT_IN_WORDS.sub("_", word) for word in tag[:_LONGEST_TAG].split("/"))
    return "/".join(filter(None, words)) or "state"


def _said(told: Told) -> dict[str, Any]:
    return {
        "key": told.key,
        "result": told.result,
        "changed": told.changed,
        "comment": told.comment[:10_000],
        "duration": told.duration,
    }
