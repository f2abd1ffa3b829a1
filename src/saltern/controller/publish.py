"""Agents that let other agents run functions: nobody may, but those the settings name.

What is decided about is the function as it is written, its arguments included; nothing is looked for in
them. So a policy that allows ``module.run`` or ``state.apply`` allows whatever can be reached through them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping, Sequence
from typing import Protocol, cast

import msgspec

from saltern.controller.fleet import Fleet
from saltern.controller.settings import ControllerSettings
from saltern.foundation.clock import Clock
from saltern.foundation.errors import Conflict, NotAllowed, SettingsError
from saltern.identity.authorise import Action, Decision, Principal, Role, authorise
from saltern.messages.v1 import Publish, Published
from saltern.model.agent import Agent
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job
from saltern.model.request import RunRequest
from saltern.model.update import Ended, Settled, Update
from saltern.targeting import TargetError, patterns
from saltern.targeting.patterns import Pattern

#: Bytes of one message's answer.
_ANSWER = 768 * 1024
_MINUTE = 60.0


class Work(Protocol):
    """What a controller does for whoever may."""

    def run(self, decision: Decision, request: RunRequest) -> Awaitable[Job]:
        """Send a job to the decision's targets and return it at once."""

    def watch(self, jid: JobId, *, output: bool = False) -> AsyncIterator[Update]:
        """Yield what is known of a job, then what comes, and Ended last."""

    def data(self, jid: JobId, key: AgentKey) -> AsyncIterator[bytes]:
        """Yield one return's JSON in pieces."""

    async def refused(self, principal: Principal, action: Action, reason: str) -> None:
        """Put on record that somebody was not allowed to do something."""


class Policy:
    """``peer`` of the settings: which agents may call which functions. Patterns are regular expressions
    that whole names must match.
    """

    def __init__(self, peer: Mapping[str, Sequence[str]]) -> None:
        """Raises SettingsError for what is no pattern."""
        self._rules = [(_whole(name), [_whole(fun) for fun in funs]) for name, funs in peer.items()]

    def allows(self, name: str, fun: str) -> bool:
        """Tell whether an agent may have a function called elsewhere. Functions that publish never."""
        if fun.partition(".")[0] == "publish":
            return False
        return any(who.test(name) and any(what.test(fun) for what in funs) for who, funs in self._rules)


def _whole(text: str) -> Pattern:
    try:
        patterns.regex(text)  # alone: what closes our parenthesis is no pattern
        return patterns.regex(rf"(?:{text})\Z")
    except TargetError as error:
        raise SettingsError(f"peer: {text!r} is no pattern: {error.message}", hint=error.hint) from None


class Publishing:
    """Answers the service ``publish``."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        work: Work,
        settings: ControllerSettings,
        clock: Clock,
    ) -> None:
        self._fleet = fleet
        self._work = work
        self._policy = Policy(settings.peer)
        self._settings = settings.publish
        self._clock = clock
        self._latest: dict[AgentKey, deque[float]] = {}

    async def publish(self, key: AgentKey, question: Publish) -> Published:
        """Run what an agent wants elsewhere and return what has come back in time.

        Raises NotAllowed, UsageError (a target or a function that means nothing), Conflict (too much).
        """
        agent = await self._fleet.find(key)
        if agent is None:
            raise NotAllowed("this key is not accepted here", hint="join again")
        principal = Principal(name=f"agent/{agent.name}", role=Role.PEER, via=f"fabric:{key}")
        await self._require(agent, principal, question)
        targets = self._fleet.resolve(question.target, question.kind, question.delimiter)
        if not targets.members:
            return Published(jid="", data=b"{}")
        request = RunRequest(fun=question.fun, args=question.args, kwargs=question.kwargs)
        asked = {"fun": request.fun, "args": list(request.args), "kwargs": request.kwargs}
        decision = authorise(principal, Action.JOB_RUN, targets, asked)
        job = await self._work.run(decision, request)
        wait = min(max(question.timeout, 0.0), self._settings.longest)
        return Published(jid=job.jid, data=await self._answers(job.jid, wait))

    async def _require(self, agent: Agent, principal: Principal, question: Publish) -> None:
        """Raise NotAllowed unless the policy has it, Conflict for too many or too much."""
        if not self._policy.allows(agent.name, question.fun):
            await self._work.refused(principal, Action.JOB_RUN, f"publish {question.fun[:100]}")
            raise NotAllowed(
                f"{agent.name} may not publish {question.fun}",
                hint="peer in controller.yaml says which agents may publish which functions",
            )
        size = len(msgspec.msgpack.encode((question.args, question.kwargs)))
        if size > self._settings.bytes:
            raise Conflict(f"{size} bytes of arguments; {self._settings.bytes} may be published")
        self._count(agent.key)

    def _count(self, key: AgentKey) -> None:
        """Raise Conflict when the agent publishes more often than it may."""
        now = self._clock.steady()
        self._latest = {one: times for one, times in self._latest.items() if now - times[-1] < _MINUTE}
        times = self._latest.setdefault(key, deque())
        while times and now - times[0] >= _MINUTE:
            times.popleft()
        if len(times) >= self._settings.rate:
            raise Conflict(
                f"{len(times)} functions published in a minute: no more for now",
                hint="publish.rate in controller.yaml is the limit",
            )
        times.append(now)

    async def _answers(self, jid: JobId, wait: float) -> bytes:
        found: dict[str, msgspec.Raw] = {}
        size = 0
        updates = cast(AsyncGenerator[Update, None], self._work.watch(jid))
        async with contextlib.aclosing(updates):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    async for update in updates:
                        if isinstance(update, Ended):
                            break
                        if isinstance(update, Settled) and _has_answer(update):
                            size += _size(update)
                            _require_small(size, jid)
                            found[update.name] = await self._data(update)
        return msgspec.json.encode(found)

    async def _data(self, update: Settled) -> msgspec.Raw:
        """Return what an agent returned as JSON; of a function that only failed, what it said."""
        if isinstance(update.data, msgspec.Raw):
            return update.data
        if not update.size and update.error is not None:
            return msgspec.Raw(msgspec.json.encode(update.error.get("message", "")))
        pieces = [piece async for piece in self._work.data(update.jid, update.key)]
        return msgspec.Raw(b"".join(pieces))


def _has_answer(update: Settled) -> bool:
    return _size(update) > 0 or update.error is not None


def _size(update: Settled) -> int:
    """Return how many bytes came back, within the line or beside it."""
    return len(bytes(update.data)) if isinstance(update.data, msgspec.Raw) else update.size


def _require_small(size: int, jid: JobId) -> None:
    if size > _ANSWER:
        raise Conflict(
            f"the answers have more than {_ANSWER} bytes",
            hint=f"publish a function that returns less; operators see all of it: saltern job show {jid}",
        )
