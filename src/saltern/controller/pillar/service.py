"""The controller's part of pillar: who asks, what is known of them, and what was made for them before."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from saltern.controller.fleet import Fleet
from saltern.controller.pillar.cache import Cache, Made, Which
from saltern.controller.pillar.questions import Answer, Problem, Render, Setup, Survey
from saltern.controller.pillar.workers import Workers
from saltern.controller.settings import ControllerSettings
from saltern.engine.pillar_data import decode
from saltern.foundation.clock import Clock
from saltern.foundation.errors import Conflict, NotAllowed, NotFound, SalternError, Unavailable, UsageError
from saltern.identity.authorise import Action, Decision
from saltern.messages.v1 import AskPillar, PillarIs
from saltern.model.agent import Agent
from saltern.model.ids import AgentKey
from saltern.model.pillar import PillarCheck, PillarTop, ShownPillar
from saltern.sdk.secret import Secret, unmasked

log = logging.getLogger("saltern.pillar")

#: Seconds to wait for the grains of an agent that has just come.
_GRAINS_WITHIN = 5.0
#: Seconds until targets can ask for what was rendered.
_INDEX = 0.5
#: Seconds between two looks whether pillars of connected agents are those that the index has.
_REFRESH = 60.0


class NoPillar(Conflict):
    """A pillar can't be rendered. ``told`` is what the agent may read of it."""

    code = "pillar"

    def __init__(self, problem: Problem, name: str) -> None:
        super().__init__(f"the pillar of {name} does not render: {problem.message}", hint=problem.hint)
        self.problem = problem
        self.told = f"the pillar does not render: {problem.told}"


class Pillars:
    """Answers agents and operators; renders in processes of its own."""

    def __init__(
        self, *, fleet: Fleet, settings: ControllerSettings, places: PillarPlaces, clock: Clock
    ) -> None:
        self._fleet = fleet
        self._settings = settings.pillar
        self._clock = clock
        self._cache = Cache(settings.pillar.cache_bytes)
        self._workers = Workers(
            Setup(
                pillar=settings.pillar,
                nodegroups=dict(settings.targets.nodegroups),
                settings=str(places.settings),
                directory=str(places.directory),
                usual=str(places.usual),
            )
        )
        self._survey: asyncio.Task[str] | None = None
        self._next: asyncio.Task[str] | None = None
        self._indexed: dict[AgentKey, tuple[str, bytes]] = {}  # of what: tree's version, and facts
        self._unindexed: dict[AgentKey, bytes] = {}  # waiting: an agent is not kept waiting for it

    async def close(self) -> None:
        """End the processes."""
        await self._workers.close()

    # --- asked by agents ---------------------------------------------------------------------------

    async def answer(self, key: AgentKey, asked: AskPillar) -> PillarIs:
        """Return the pillar of the agent that has ``key``, and of no other. Raises what it is told."""
        agent = await self._fleet.find(key)
        if agent is None:
            raise NotAllowed("this key is not accepted here")
        await self._grains_of(agent)
        try:
            data = await self.pillar(agent, pillarenv=asked.pillarenv[:200], saltenv=asked.saltenv[:200])
        except NoPillar as error:
            log.warning("%s", error)
            raise Conflict(error.told, hint=error.hint) from None  # to ask again would not help
        own = self._settings
        return PillarIs(data=data, strategy=own.source_merging_strategy, merge_lists=own.merge_lists)

    async def _grains_of(self, agent: Agent) -> None:
        """Wait until the grains of an agent are here. Raises Unavailable."""
        deadline = self._clock.steady() + _GRAINS_WITHIN
        while not self._fleet.has_grains(agent.key):
            if self._clock.steady() > deadline:
                raise Unavailable(
                    f"the grains of {agent.name} are not known here yet, so its pillar can't be rendered"
                )
            await asyncio.sleep(0.05)

    async def pillar(self, agent: Agent, *, pillarenv: str = "", saltenv: str = "") -> bytes:
        """Return an agent's pillar as bytes. Raises NoPillar, Unavailable."""
        which = Which(agent.key, pillarenv, saltenv)
        question = self._question(agent, pillarenv, saltenv)
        facts = _digest(question)
        version = await self._version()
        known = self._cache.get(which, version, facts, self._clock.steady())
        if known is not None:
            return known
        answer = await self._rendered(msgspec.structs.replace(question, version=version))
        if answer.reuse > 0 and self._fleet.accepted(agent.key) is not None:
            until = self._clock.steady() + answer.reuse
            self._cache.put(which, Made(answer.version, facts, until, answer.data))
        if self._settings.index and not pillarenv and not saltenv:
            self._unindexed[agent.key] = answer.data
            self._indexed[agent.key] = (answer.version, facts)
        return answer.data

    async def _rendered(self, question: Render) -> Answer:
        return await self._asked(question, question.name)

    async def _asked(self, question: Survey | Render, name: str) -> Answer:
        """Return the answer to a question. Raises NoPillar."""
        try:
            answer = await self._workers.ask(question)
        except Unavailable as error:
            text = error.message
            raise NoPillar(
                Problem(code=error.code, message=text, told=text, hint=error.hint), name
            ) from error
        if answer.problem is not None:
            raise NoPillar(answer.problem, name)
        return answer

    def _question(self, agent: Agent, pillarenv: str = "", saltenv: str = "") -> Render:
        return Render(
            name=agent.name,
            told=self._fleet.index.grains(agent.key),
            pinned=tuple(sorted(agent.grains)),
            pillarenv=pillarenv,
            saltenv=saltenv,
        )

    # --- which version -----------------------------------------------------------------------------

    async def _version(self) -> str:
        """Return the version of the trees, looked at after this was called; those who wait look together."""
        if self._next is None:
            self._next = asyncio.create_task(self._surveyed(self._survey))
        return await asyncio.shield(self._next)

    async def _surveyed(self, before: asyncio.Task[str] | None) -> str:
        if before is not None:
            await asyncio.wait({before})
        self._survey, self._next = self._next, None
        return (await self._asked(Survey(), "every agent")).version

    # --- targets -----------------------------------------------------------------------------------

    async def keep_index(self) -> None:
        """Keep the index at what was rendered, and render what has changed; until cancelled."""
        looked = self._clock.steady()
        while self._settings.index:
            await asyncio.sleep(_INDEX)
            await self.index_rendered()
            if self._clock.steady() - looked >= _REFRESH:
                try:
                    await self.refresh_index()
                except SalternError as error:
                    log.warning("pillars are not refreshed: %s", error)
                looked = self._clock.steady()

    async def index_rendered(self) -> None:
        """Let targets ask for the values of what was rendered; secrets are not among them."""
        while self._unindexed:
            key, data = self._unindexed.popitem()
            try:
                self._fleet.index.set_pillar(key, _public(decode(data)), self._clock.now())
            except UsageError as error:
                log.warning("targets can't ask for the pillar of %s: %s", self._fleet.name(key), error)
            await asyncio.sleep(0)

    async def refresh_index(self) -> None:
        """Render the pillars of connected agents anew where anything has changed. Raises Unavailable."""
        version = await self._version()
        for key in [key for key in self._indexed if self._fleet.accepted(key) is None]:
            del self._indexed[key]
            self._cache.forget(key)
        for agent in self._fleet.all():
            if not (agent.online and self._fleet.accepted(agent.key) and self._fleet.has_grains(agent.key)):
                continue
            if self._indexed.get(agent.key) != (version, _digest(self._question(agent))):
                await self._render_quietly(agent)

    async def _render_quietly(self, agent: Agent) -> None:
        try:
            await self.pillar(agent)
        except SalternError as error:
            self._unindexed.pop(agent.key, None)
            self._fleet.index.set_pillar(agent.key, None, self._clock.now())
            log.warning("%s", error)

    # --- asked by operators ------------------------------------------------------------------------

    async def show(self, decision: Decision, *, pillarenv: str, unmask: bool) -> ShownPillar:
        """Return the pillar of the decision's agent for a person. Raises NoPillar."""
        from saltern.engine.encode import encode

        decision.require(Action.PILLAR_READ)
        agent = self._meant(decision)
        pillar = decode(await self.pillar(agent, pillarenv=pillarenv))
        return ShownPillar(
            name=agent.name, pillar=msgspec.Raw(encode(unmasked(pillar) if unmask else pillar))
        )

    async def top(self, decision: Decision, *, pillarenv: str) -> PillarTop:
        """Return which SLS make the pillar of the decision's agent. Raises NoPillar."""
        decision.require(Action.PILLAR_READ)
        agent = self._meant(decision)
        await self._version()
        question = msgspec.structs.replace(self._question(agent, pillarenv), top=True)
        answer = await self._rendered(question)
        return PillarTop(name=agent.name, top=answer.top, untrusted=answer.ignored)

    def _meant(self, decision: Decision) -> Agent:
        """Return the one agent that a decision is about. Raises NotFound."""
        (key,) = decision.targets.members
        agent = self._fleet.accepted(key)
        if agent is None:
            raise NotFound(f"there is no agent {decision.targets.expression!r} any more")
        return agent

    async def check(self, keys: Sequence[AgentKey]) -> AsyncIterator[PillarCheck]:
        """Render the pillar of each agent and yield how it went, in their order."""
        version = await self._version()
        for agent in filter(None, map(self._fleet.accepted, keys)):
            try:
                question = msgspec.structs.replace(self._question(agent), version=version)
                answer = await self._rendered(question)
                yield PillarCheck(name=agent.name, ok=True, untrusted=answer.ignored)
            except NoPillar as error:
                message, hint = error.problem.message, error.hint
                yield PillarCheck(name=agent.name, ok=False, message=message, hint=hint)


class PillarPlaces(msgspec.Struct, frozen=True):
    """Where the settings files are, where what is fetched may be kept, where pillars are by default."""

    settings: Path
    directory: Path
    usual: Path


def _digest(question: Render) -> bytes:
    """Return what stands for all that is known of an agent."""
    return hashlib.sha256(msgspec.msgpack.encode(question, order="sorted")).digest()


def _public(value: Any) -> Any:
    """Return data without secrets: nobody shall find one by asking who is meant."""
    if isinstance(value, Mapping):
        return {key: _public(one) for key, one in value.items() if not isinstance(one, Secret)}
    if isinstance(value, list):
        return [_public(one) for one in value if not isinstance(one, Secret)]
    return value
