"""Whether an agent is as its states declare it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from saltern.model.ids import AgentKey, JobId


class DriftState(StrEnum):
    """What the last look said."""

    CLEAN = "clean"  # nothing would change
    DRIFTED = "drifted"  # something would
    ERROR = "error"  # it could not be told: its states don't compile, or a state would fail


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One agent. Times are seconds since the epoch; ``since`` is when it came into this state.

    ``differs`` has, for each state that would do something: its key, that in a few words, and a mark that is
    the same as long as it is the same. ``missed`` says why the latest look did not come about, if so.
    """

    key: AgentKey
    name: str
    state: DriftState
    since: float
    checked: float
    jid: JobId
    differs: tuple[tuple[str, str, str], ...] = ()
    error: str = ""
    missed: str = ""
