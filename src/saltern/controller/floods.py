"""How much one agent may say, so that all others are heard. Pure but for the clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from saltern.foundation.clock import Clock
from saltern.model.ids import AgentKey

#: Messages of one agent in a second; whoever keeps sending more is disconnected.
LIMIT = 5000
#: Seconds for which whoever floods is kept out: back at once it would go on.
KEPT_OUT = 30.0
#: What an event counts: it is stored, and sent on to everybody who listens.
EVENT = 5
#: Events about one agent with one tag, in so many seconds: the rest say nothing new.
REPORTS, REPORTS_WITHIN = 20, 10.0


class Floods:
    """Counts what each agent sends and what is reported about it. ``on_flood`` is told who sends too much."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: Counter[AgentKey] = Counter()
        self._second = 0.0
        self._kept_out: dict[AgentKey, float] = {}
        self._reported: Counter[tuple[AgentKey, str]] = Counter()
        self._period = 0.0
        self.on_flood: Callable[[AgentKey], None] = lambda key: None

    def passes(self, key: AgentKey, weight: int = 1) -> bool:
        """Tell whether a message of this agent is to be looked at; ``weight`` is what it costs."""
        now = self._clock.steady()
        if now - self._second >= 1:
            self._sent.clear()
            self._second = now
        before = self._sent[key]
        self._sent[key] += weight
        if before < LIMIT <= self._sent[key]:
            self._kept_out[key] = now + KEPT_OUT
            self.on_flood(key)
        return self._sent[key] <= LIMIT

    def kept_out(self, key: AgentKey) -> bool:
        """Tell whether this agent flooded a moment ago, so that it is not to be connected now."""
        until = self._kept_out.get(key)
        if until is not None and until <= self._clock.steady():
            del self._kept_out[key]
            return False
        return until is not None

    def reports(self, key: AgentKey, tag: str) -> bool:
        """Tell whether an event ``tag`` about this agent is to be published."""
        now = self._clock.steady()
        if now - self._period >= REPORTS_WITHIN:
            self._reported.clear()
            self._period = now
        self._reported[key, tag] += 1
        return self._reported[key, tag] <= REPORTS
