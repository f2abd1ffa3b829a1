"""What is known of one target of a job, and what may follow."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The one truthful status a target has at any moment."""

    QUEUED = "queued"  # offline, the job waits for it (``--queue``)
    OFFLINE = "offline"  # not connected when the job was sent; never sent
    SENT = "sent"
    RECEIVED = "received"  # the agent has it on disk
    RUNNING = "running"
    UNRESPONSIVE = "unresponsive"  # connected, but did not acknowledge in time
    OK = "ok"
    FAILED = "failed"
    REFUSED = "refused"  # the agent would not run it, and says why
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"  # it ran, or may have, and its end cannot be known


#: What an agent's return may say. Only this is proof; nothing replaces it.
VERDICTS = frozenset(
    {Status.OK, Status.FAILED, Status.REFUSED, Status.TIMED_OUT, Status.CANCELLED, Status.LOST}
)

#: Nobody waits for a target in one of these.
SETTLED = VERDICTS | {Status.OFFLINE, Status.UNRESPONSIVE}

_PROGRESS = (Status.QUEUED, Status.SENT, Status.RECEIVED, Status.RUNNING)


def advance(current: Status, seen: Status, *, proven: bool, proof: bool) -> Status | None:
    """Return the status that follows when ``seen`` is heard of a target in ``current``; None for no change.

    ``proven`` tells that ``current`` came with the agent's return, ``proof`` that ``seen`` does. A return
    always wins once, and is then final. What the controller concluded on its own (``unresponsive``,
    ``lost``, …) gives way to any sign of life, so a late answer is never thrown away; signs of life
    never go backwards.
    """
    if proven:
        return None
    if proof:
        return seen
    if seen in _PROGRESS and current in _PROGRESS:
        return seen if _PROGRESS.index(seen) > _PROGRESS.index(current) else None
    return seen if seen != current else None
