"""How far the runs of states of a job are, as agents tell it: heard or not, nothing depends on it."""

from __future__ import annotations

import heapq

import msgspec

from saltern.controller.live import LiveJob, Part
from saltern.model.status import SETTLED
from saltern.model.update import Progressing, Step, Stepped

#: The name of the stream that agents tell it on.
STREAM = "state"
#: Agents that watchers see one by one.
SHOWN = 50
#: What no run has more of; an agent that says so has lost its count, or its mind.
_MOST = 10_000_000
_decoder = msgspec.json.Decoder(Progressing)


def take(live: LiveJob, part: Part, data: bytes) -> bool:
    """Take in how far one agent is; False for what makes no sense."""
    try:
        found = _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    numbers = (found.number, found.of, found.changed, found.failed)
    if not all(0 <= number <= _MOST for number in numbers):
        return False
    part.progressing = msgspec.structs.replace(found, running=found.running[:200])
    live.stepped = True
    return True


def stepped(live: LiveJob) -> Stepped:
    """Return how far all are."""
    told = [(part, part.progressing) for part in live.parts.values() if part.progressing is not None]
    at_work = [(part, now) for part, now in told if part.status not in SETTLED]
    behind = heapq.nsmallest(SHOWN, at_work, key=lambda one: (_share(one[1]), one[0].name))
    return Stepped(
        jid=live.job.jid,
        number=sum(now.number for _, now in told),
        of=sum(now.of for _, now in told),
        changed=sum(now.changed for _, now in told),
        failed=sum(now.failed for _, now in told),
        steps=tuple(Step(name=part.name, **msgspec.structs.asdict(now)) for part, now in behind),
    )


def _share(now: Progressing) -> float:
    return now.number / now.of if now.of else 0.0
