"""Agents: who they are, how far their keys are trusted, and whether they are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from saltern.controller.store import tables, tokens
from saltern.controller.store.sql import upsert
from saltern.controller.store.values import Presence, plain
from saltern.foundation.errors import Conflict, NotAllowed, NotFound
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from saltern.controller.store.database import Database

_AGENTS = tables.agents
_FIELDS = Agent.__struct_fields__
_COLUMNS = [_AGENTS.c[name] for name in _FIELDS]

#: What a key's state may become. A revoked key never returns.
_NEXT = {
    KeyState.PENDING: {KeyState.ACCEPTED, KeyState.REJECTED, KeyState.REVOKED},
    KeyState.REJECTED: {KeyState.PENDING, KeyState.ACCEPTED, KeyState.REVOKED},
    KeyState.ACCEPTED: {KeyState.REVOKED},
    KeyState.REVOKED: set[KeyState](),
}


class Agents:
    """The agents the controller knows, and the keys it will never trust again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, agent: Agent, *, token: str | None = None) -> Agent:
        """Take in ``agent``, spending a use of the join ``token`` if given; return it as it is now known.

        One transaction: no use is lost, none is spent twice. An agent already known as accepted costs no
        use, so a join whose answer was lost may be tried again; a pending or rejected one that comes with
        a token becomes what ``agent`` says. Raises NotAllowed when the key was revoked or the token is not
        valid at ``agent.created``, Conflict when another accepted agent has the name or the key is known
        under another name.
        """
        return await self._database.write(lambda connection: _add(connection, agent, token))

    async def get(self, key: AgentKey) -> Agent | None:
        """Return the agent with that key; None when there is none."""
        return await self._database.read(lambda connection: _get(connection, key))

    async def by_name(self, name: str) -> list[Agent]:
        """Return all agents that go by ``name``, in whatever state; at most one is accepted."""
        query = sa.select(*_COLUMNS).where(_AGENTS.c.name == name).order_by(_AGENTS.c.created)
        return await self._database.read(lambda connection: _rows(connection, query))

    async def list(self, *states: KeyState) -> list[Agent]:
        """Return all agents, or those in one of ``states``, by name and age."""
        query = sa.select(*_COLUMNS)
        if states:
            query = query.where(_AGENTS.c.state.in_([state.value for state in states]))
        found = await self._database.read(lambda connection: _rows(connection, query))
        return sorted(found, key=lambda agent: (agent.name, agent.created))

    async def count(self, state: KeyState) -> int:
        """Return how many agents are in ``state``."""
        query = sa.select(sa.func.count()).select_from(_AGENTS).where(_AGENTS.c.state == state.value)
        return await self._database.read(lambda connection: int(connection.execute(query).scalar_one()))

    async def set_state(self, key: AgentKey, state: KeyState, *, at: float) -> Agent:
        """Trust the key as ``state`` says and return the agent; a revoked key is remembered for ever.

        Raises NotFound, and Conflict when the present state does not allow it or the name is taken.
        """
        return await self._database.write(lambda connection: _set_state(connection, key, state, at))

    async def delete(self, key: AgentKey) -> Agent:
        """Forget the agent and return what it was; a revoked key stays revoked. Raises NotFound."""
        return await self._database.write(lambda connection: _delete(connection, key))

    async def touch(self, batch: Sequence[Presence]) -> None:
        """Record who came, went, or was heard of; keys nobody knows are passed over."""
        if batch:
            await self._database.write(lambda connection: _touch(connection, batch))

    async def all_offline(self, *, at: float) -> None:
        """Record that nobody is connected: for the start of a controller, before the broker tells."""
        query = sa.update(_AGENTS).where(_AGENTS.c.online).values(online=False, since=at)
        await self._database.write(lambda connection: connection.execute(query) and None)

    async def revoked(self) -> dict[AgentKey, float]:
        """Return every key that was ever revoked, and when."""
        query = sa.select(tables.revoked_keys.c.key, tables.revoked_keys.c.at)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {AgentKey(key): at for key, at in rows}


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[Agent]:
    return [_agent(row) for row in connection.execute(query)]


def _agent(row: sa.Row[Any]) -> Agent:
    values = dict(zip(_FIELDS, row, strict=True))
    values["grains"] = msgspec.json.decode(str(values["grains"]))
    return msgspec.convert(values, Agent)


def _row(agent: Agent) -> dict[str, object]:
    row = {name: getattr(agent, name) for name in _FIELDS}
    row["state"] = agent.state.value
    row["grains"] = plain(msgspec.json.encode(agent.grains).decode())
    return row | {name: plain(row[name]) for name in ("name", "version", "address", "instance")}


def _get(connection: sa.Connection, key: AgentKey, *, lock: bool = False) -> Agent | None:
    query = sa.select(*_COLUMNS).where(_AGENTS.c.key == key)
    found = _rows(connection, query.with_for_update() if lock else query)
    return found[0] if found else None


def _existing(connection: sa.Connection, key: AgentKey) -> Agent:
    agent = _get(connection, key, lock=True)
    if agent is None:
        raise NotFound(f"no agent has the key {key}", hint="list them with: saltern key list")
    return agent


def _add(connection: sa.Connection, agent: Agent, token: str | None) -> Agent:
    if _is_revoked(connection, agent.key):
        raise NotAllowed(
            f"the key {agent.fingerprint} of {agent.name} was revoked",
            hint="a revoked key never returns: remove the agent's key on its host and join again",
        )
    known = _get(connection, agent.key, lock=True)
    if known is not None and known.name != agent.name:
        raise Conflict(
            f"the key {known.fingerprint} is already known as {known.name}, not {agent.name}",
            hint=f"saltern key delete {known.name}, then join again",
        )
    if known is not None and (token is None or known.state is KeyState.ACCEPTED):
        return known
    if token is not None:
        tokens.spend(connection, token, agent.created)
    _free_name(connection, agent)
    upsert(connection, _AGENTS, _row(agent))
    return agent


def _is_revoked(connection: sa.Connection, key: AgentKey) -> bool:
    query = sa.select(tables.revoked_keys.c.key).where(tables.revoked_keys.c.key == key)
    return connection.execute(query).first() is not None


def _free_name(connection: sa.Connection, agent: Agent) -> None:
    """Raise Conflict when ``agent`` is to be accepted and another one with its name is."""
    if agent.state is not KeyState.ACCEPTED:
        return
    if connection.dialect.name == "postgresql":  # two who want one name come after each other
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(agent.name, 0))))
    query = sa.select(_AGENTS.c.fingerprint).where(
        _AGENTS.c.name == agent.name, _AGENTS.c.state == KeyState.ACCEPTED.value, _AGENTS.c.key != agent.key
    )
    holder = connection.execute(query).scalar()
    if holder is not None:
        raise Conflict(
            f"the name {agent.name} belongs to another accepted agent, with the key {holder}",
            hint=f"if that one is gone: saltern key delete {agent.name}; else give this one another name",
        )


def _set_state(connection: sa.Connection, key: AgentKey, state: KeyState, at: float) -> Agent:
    agent = _existing(connection, key)
    if state is agent.state:
        return agent
    if state not in _NEXT[agent.state]:
        raise Conflict(
            f"{agent.name} is {agent.state.value} and cannot become {state.value}", hint=_way_out(agent)
        )
    after = msgspec.structs.replace(agent, state=state)
    _free_name(connection, after)
    connection.execute(sa.update(_AGENTS).where(_AGENTS.c.key == key).values(state=state.value))
    if state is KeyState.REVOKED:
        upsert(connection, tables.revoked_keys, {"key": key, "at": at}, replace=False)
    return after


def _way_out(agent: Agent) -> str:
    if agent.state is KeyState.REVOKED:
        return "a revoked key never returns: remove the agent's key on its host and join again"
    return f"an accepted agent can be revoked: saltern key revoke {agent.name}"


def _delete(connection: sa.Connection, key: AgentKey) -> Agent:
    agent = _existing(connection, key)
    connection.execute(sa.delete(_AGENTS).where(_AGENTS.c.key == key))
    return agent


def _touch(connection: sa.Connection, batch: Sequence[Presence]) -> None:
    given = sa.bindparam
    columns = _AGENTS.c
    statement = (
        sa.update(_AGENTS)
        .where(columns.key == given("of"))
        .values(
            online=given("is_online"),
            since=sa.case((columns.online == given("is_online"), columns.since), else_=given("at")),
            last_seen=given("at"),
            **{
                name: sa.func.coalesce(sa.cast(given(f"new_{name}"), sa.Text), columns[name])
                for name in ("instance", "version", "address")
            },
        )
    )
    connection.execute(
        statement, [_touched(presence) for presence in sorted(batch, key=lambda each: each.key)]
    )


def _touched(presence: Presence) -> dict[str, object]:
    optional = {name: getattr(presence, name) for name in ("instance", "version", "address")}
    return {
        "of": presence.key,
        "is_online": presence.online,
        "at": presence.at,
        **{f"new_{name}": None if text is None else plain(text) for name, text in optional.items()},
    }
