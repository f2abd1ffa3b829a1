"""What becomes of an order that an earlier run of the agent left without a return. Pure."""

from __future__ import annotations

from typing import NamedTuple

from saltern.agent.journal import Entry
from saltern.model.status import Status


class GiveUp(NamedTuple):
    """Answer for it: it never ran, or its end cannot be known."""

    verdict: Status
    reason: str


class Adopt(NamedTuple):
    """Its keeper still has it: wait for that."""


class Run(NamedTuple):
    """It has certainly not run, and still may."""


def decide(
    entry: Entry, *, boot: str, keeper_lives: bool, handed: bool, damaged: bool, now: float
) -> GiveUp | Adopt | Run:
    """Return what to do with the order.

    ``boot`` is the present boot's id, ``now`` the controller's time; ``handed`` tells that a worker got the
    order, ``damaged`` that records are missing from the journal. In the boot in which it was started, an
    order without a record of its keeper was not given to one: that record is written first. After another
    boot that proves nothing, because the record may not have reached the disk.
    """
    if entry.started is not None and entry.started.boot != boot:
        return GiveUp(Status.LOST, "the host was restarted while it ran")
    if keeper_lives:
        return Adopt()
    if handed and entry.kept is not None:
        return GiveUp(Status.LOST, "its processes were killed while the agent was down")
    if handed and entry.started is not None and damaged:
        return GiveUp(Status.LOST, "the agent's journal was damaged; it may have run")
    if entry.order.expires <= now:
        return GiveUp(Status.REFUSED, "it expired while the agent was down, before it could start")
    return Run()
