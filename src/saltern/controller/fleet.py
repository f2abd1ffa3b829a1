"""All agents, in memory: what is known of each, who is there, and the index that targets are resolved on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from saltern.controller.groups import Groups
from saltern.controller.presence import Change, Presence
from saltern.controller.store import Presence as Seen
from saltern.controller.store import Store
from saltern.foundation.clock import Clock
from saltern.foundation.errors import SalternError, UsageError, nearest
from saltern.identity.authorise import Targets
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey
from saltern.targeting import Index, Kind, Reason, Resolver, explain, parse, unknown_names

log = logging.getLogger("saltern.fleet")


class Fleet:
    """The controller's view of its agents. The store has the same, a moment later."""

    def __init__(
        self, store: Store, groups: Groups, clock: Clock, on_change: Callable[[Change], None]
    ) -> None:
        self._store = store
        self._groups = groups
        self._clock = clock
        self._on_change = on_change
        self._agents: dict[AgentKey, Agent] = {}
        self._holders: dict[str, AgentKey] = {}  # accepted agents by name
        self._seen: dict[AgentKey, Seen] = {}
        self._told: set[AgentKey] = set()  # agents whose grains are known
        self.index = Index()
        self.presence = Presence({})

    async def load(self) -> None:
        """Read everything from the store; nobody is present until the broker says so."""
        await self._store.agents.all_offline(at=self._clock.now())
        agents = await self._store.agents.list()
        self.presence = Presence({agent.key: agent.instance for agent in agents if agent.instance})
        for agent in agents:
            self.put(agent)

    def __len__(self) -> int:
        return len(self._agents)

    def get(self, key: AgentKey) -> Agent | None:
        """Return the agent with that key."""
        return self._agents.get(key)

    async def find(self, key: AgentKey) -> Agent | None:
        """Return the agent if it is trusted, also when another controller has just taken it in."""
        if key not in self._agents:
            await self.reload(key)
        return self.accepted(key)

    async def reload(self, key: AgentKey) -> None:
        """Read the agent from the store again: another controller changed it."""
        known, now = self._agents.get(key), await self._store.agents.get(key)
        if now is None:
            self.drop(key)
        elif known is None:
            self.put(now)
        else:
            self.put(msgspec.structs.replace(known, state=now.state, name=now.name, grains=now.grains))

    def accepted(self, key: AgentKey) -> Agent | None:
        """Return the agent with that key if it is trusted."""
        agent = self._agents.get(key)
        return agent if agent is not None and agent.state is KeyState.ACCEPTED else None

    def holder(self, name: str, *, besides: AgentKey) -> Agent | None:
        """Return the accepted agent that has ``name``, unless it is ``besides``."""
        key = self._holders.get(name)
        return self._agents[key] if key is not None and key != besides else None

    def name(self, key: AgentKey) -> str:
        """Return the agent's name, or its key when it has none."""
        agent = self._agents.get(key)
        return agent.name if agent else key

    def each(self) -> Collection[Agent]:
        """Return all agents, in no order."""
        return self._agents.values()

    def all(self) -> list[Agent]:
        """Return all agents by name, as they are now."""
        return sorted(self._agents.values(), key=lambda agent: (agent.name, agent.created))

    def put(self, agent: Agent) -> None:
        """Take in an agent that is new or changed."""
        self._agents[agent.key] = agent
        if agent.state is KeyState.ACCEPTED:
            self._holders[agent.name] = agent.key
            if agent.key not in self.index:
                self.index.put(agent.key, agent.name, {"id": agent.name} | agent.grains)
            self.index.set_presence(agent.key, agent.online, agent.since or agent.created)
        else:
            self._let_go(agent)

    def drop(self, key: AgentKey) -> None:
        """Forget an agent."""
        agent = self._agents.pop(key, None)
        if agent is not None:
            self._let_go(agent)
        self._seen.pop(key, None)
        for change in self.presence.forget(key, self._clock.now()):
            self._on_change(change)

    def _let_go(self, agent: Agent) -> None:
        self.index.remove(agent.key)
        self._told.discard(agent.key)
        if self._holders.get(agent.name) == agent.key:
            del self._holders[agent.name]

    def set_grains(self, key: AgentKey, grains: dict[str, Any]) -> None:
        """An agent published its grains. Its name is ours to say, and so is what its token grants."""
        agent = self.accepted(key)
        if agent is not None:
            self._told.add(key)
            self.index.put(key, agent.name, grains | agent.grains | {"id": agent.name})

    def has_grains(self, key: AgentKey) -> bool:
        """Tell whether the agent's grains are known."""
        return key in self._told

    def resolve(self, expression: str, kind: str, delimiter: str = ":") -> Targets:
        """Return who is meant; may be empty. Raises TargetError when the expression is wrong."""
        parsed = parse(expression, _kind(kind), delimiter=delimiter)
        keys = self.index.keys(self._resolver().bits(parsed))
        members = {AgentKey(key): self.name(AgentKey(key)) for key in keys}
        return Targets(members, expression, kind, tuple(unknown_names(parsed, self.index)))

    def explain(self, expression: str, kind: str, delimiter: str = ":") -> dict[AgentKey, Reason]:
        """Return, for each agent meant, which terms of the expression mean it. Raises TargetError."""
        parsed, resolver = parse(expression, _kind(kind), delimiter=delimiter), self._resolver()
        keys = self.index.keys(resolver.bits(parsed))
        return {AgentKey(key): explain(parsed, resolver, key) for key in keys}

    def _resolver(self) -> Resolver:
        groups = self._groups
        return Resolver(self.index, groups.nodegroups, groups.clusters(), self._clock.now())

    def welcome(self, key: AgentKey, instance: str, version: str, at: float) -> None:
        """From now on this process is the agent; its connection may not have been reported yet."""
        agent = self._agents.get(key)
        if agent is not None and agent.version != version:
            self._agents[key] = msgspec.structs.replace(agent, version=version)
        self.apply(self.presence.welcome(key, instance, at))

    def apply(self, changes: list[Change]) -> None:
        """Take in that agents came or went."""
        for change in changes:
            agent = self._agents.get(change.key)
            if agent is None:
                continue
            known = msgspec.structs.replace(
                agent,
                online=change.online,
                since=change.at,
                last_seen=change.at,
                instance=change.instance,
                address=change.address or agent.address,
            )
            self._agents[change.key] = known
            self.index.set_presence(change.key, change.online, change.at)
            self._seen[change.key] = Seen(
                key=change.key,
                online=change.online,
                at=change.at,
                instance=change.instance,
                address=known.address,
                version=known.version,
            )
            self._on_change(change)

    async def flush(self) -> None:
        """Write what has changed to the store; what cannot be written now is tried again next time."""
        if not self._seen:
            return
        seen, self._seen = self._seen, {}
        try:
            await self._store.agents.touch(list(seen.values()))
        except SalternError as error:
            log.error("presence is not recorded: %s", error)
            self._seen = seen | self._seen


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError:
        kinds = [kind.value for kind in Kind]
        hint = nearest(name, kinds) or "one of: " + ", ".join(kinds)
        raise UsageError(f"there is no kind of target {name!r}", hint=hint) from None
