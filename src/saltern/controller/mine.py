"""The mine: agents put there what others may read. Whose it is, and who asks, is known from the channel."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from saltern.controller.fleet import Fleet
from saltern.controller.groups import Groups
from saltern.controller.settings import ControllerSettings
from saltern.controller.store import Place, Room, Store
from saltern.foundation.clock import Clock
from saltern.foundation.errors import Conflict, NotAllowed, SalternError, UsageError
from saltern.identity.authorise import Action, Decision
from saltern.messages.v1 import MineDrop, MineEntry, MineFound, MineGet, MineKept, MinePut
from saltern.model.agent import Agent
from saltern.model.ids import AgentKey
from saltern.model.mine import MineItem
from saltern.targeting import Index, Kind, Resolver, parse

#: Bytes of data in one answer; the asker comes again for more.
PAGE = 512 * 1024
#: Bytes that one entry may have: it must fit into a message.
LARGEST = 512 * 1024
#: Characters of an entry's name.
_NAME = 200
#: Names that may be asked for at once.
_NAMES = 100


class Mine:
    """Answers the services ``mine_put``, ``mine_get`` and ``mine_drop``, and operators."""

    def __init__(
        self, *, store: Store, fleet: Fleet, groups: Groups, settings: ControllerSettings, clock: Clock
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._groups = groups
        self._room = Room(settings.mine.entries, settings.mine.bytes)
        self._clock = clock

    # --- what agents ask -----------------------------------------------------------------------------

    async def put(self, key: AgentKey, question: MinePut) -> MineKept:
        """Keep what an agent says of itself. Raises NotAllowed, Conflict, UsageError."""
        for name, entry in question.entries.items():
            _check(name, entry)
        lacking = await self._store.mine.put(
            key, question.entries, only=question.only, at=self._clock.now(), room=self._room
        )
        return MineKept(lacking=tuple(lacking))

    async def get(self, key: AgentKey, question: MineGet) -> MineFound:
        """Return what the agents meant have put there, as far as the asker may read it.

        Raises NotAllowed, and UsageError for a target that means nothing.
        """
        asker = await self._known(key)
        if len(question.functions) > _NAMES:
            raise UsageError(f"at most {_NAMES} names at once")
        meant = self._fleet.resolve(question.target, question.kind, question.delimiter)
        found, more = await self._store.mine.get(
            list(meant.members), question.functions, after=question.after, limit=PAGE
        )
        readers = Readers(asker, self._groups, self._clock.now())
        data: dict[str, dict[str, msgspec.Raw]] = {name: {} for name in question.functions}
        for one in found:
            if readers.may(one.allow, one.allow_kind):
                data[one.function][meant.members[one.key]] = msgspec.Raw(one.data)
        after = (found[-1].key, found[-1].function) if more else None
        return MineFound(data=msgspec.json.encode(data), after=after)

    async def drop(self, key: AgentKey, question: MineDrop) -> MineKept:
        """Forget what an agent has put there. Raises NotAllowed."""
        await self._known(key)
        await self._store.mine.drop([key], question.functions)
        return MineKept()

    async def _known(self, key: AgentKey) -> Agent:
        agent = await self._fleet.find(key)
        if agent is None:
            raise NotAllowed("this key is not accepted here", hint="join again")
        return agent

    # --- what operators ask --------------------------------------------------------------------------

    async def list(self, members: Mapping[AgentKey, str]) -> list[MineItem]:
        """Return what these agents have in the mine, by name, without the data."""
        places = await self._store.mine.list(members.keys())
        return sorted((_item(place, members[place.key]) for place in places), key=_order)

    async def read(self, members: Mapping[AgentKey, str], functions: Collection[str]) -> dict[str, Any]:
        """Return ``{function: {agent: data}}`` of these agents, whoever may read it."""
        data: dict[str, dict[str, msgspec.Raw]] = {name: {} for name in functions}
        after, more = None, True
        while more:
            found, more = await self._store.mine.get(list(members), functions, after=after, limit=PAGE)
            for one in found:
                data[one.function][members[one.key]] = msgspec.Raw(one.data)
                after = (one.key, one.function)
        return data

    async def delete(self, decision: Decision, functions: Collection[str] | None) -> int:
        """Forget what the decision's targets have under these names, or all; return how many entries."""
        decision.require(Action.MINE_CHANGE)
        return await self._store.mine.drop(decision.targets.members.keys(), functions)


class Readers:
    """Whether one agent is among those an entry is meant for.

    What counts is its name and the grains its join token gave it: those its controllers know to be so. What
    an agent says of itself opens nothing.
    """

    def __init__(self, agent: Agent, groups: Groups, now: float) -> None:
        index = Index()
        index.put(agent.key, agent.name, agent.grains | {"id": agent.name})
        index.set_presence(agent.key, True, now)
        self._resolver = Resolver(index, groups.nodegroups, groups.clusters(), now)
        self._answers: dict[tuple[str, str], bool] = {}

    def may(self, allow: str, kind: str) -> bool:
        """Tell whether the target ``allow`` means the agent; what is no target means nobody."""
        if not allow:
            return True
        found = self._answers.get((allow, kind))
        if found is None:
            found = self._answers[allow, kind] = self._resolve(allow, kind)
        return found

    def _resolve(self, allow: str, kind: str) -> bool:
        try:
            return bool(self._resolver.bits(parse(allow, Kind(kind))))
        except (SalternError, ValueError):  # a node group that is no more, a kind that never was
            return False


def _check(name: str, entry: MineEntry) -> None:
    """Refuse what nobody could read. Raises UsageError, Conflict."""
    if not name or len(name) > _NAME:
        raise UsageError(f"the name of an entry in the mine has 1 to {_NAME} characters")
    if entry.allow:
        _check_target(name, entry.allow, entry.allow_kind)
    if entry.data is None:
        return
    if len(entry.data) > LARGEST:
        raise Conflict(
            f"{name} returned {len(entry.data)} bytes; an entry of the mine has at most {LARGEST}",
            hint="mine a function that returns only what others need",
        )
    try:
        msgspec.json.decode(entry.data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"{name}: what came is not JSON: {error}") from None


def _check_target(name: str, allow: str, kind: str) -> None:
    if kind not in list(Kind):
        raise UsageError(f"{name}: there is no kind of target {kind!r}", hint="allow_tgt_type names one")
    try:
        parse(allow, Kind(kind))
    except SalternError as error:
        raise UsageError(f"{name}: allow_tgt means nobody: {error.message}", hint=error.hint) from None


def _item(place: Place, name: str) -> MineItem:
    return MineItem(
        key=place.key,
        name=name,
        function=place.function,
        updated=place.updated,
        size=place.size,
        allow=place.allow,
        allow_kind=place.allow_kind,
    )


def _order(item: MineItem) -> tuple[str, ...]:
    return item.name, item.key, item.function
