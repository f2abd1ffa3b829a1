"""Plans over a fleet: made, sealed once all agents have looked, approved, applied once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from saltern.controller.store import tables
from saltern.controller.store.sql import bulk
from saltern.controller.store.values import plain
from saltern.foundation.errors import NotFound
from saltern.model.ids import AgentKey
from saltern.model.plan import FleetPlan, PlannedAgent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from saltern.controller.store.database import Database

_PLANS, _AGENTS = tables.plans, tables.plan_agents
_FIELDS = FleetPlan.__struct_fields__
_COLUMNS = [_PLANS.c[name] for name in _FIELDS]
_AGENT_FIELDS = PlannedAgent.__struct_fields__
_AGENT_COLUMNS = [_AGENTS.c[name] for name in _AGENT_FIELDS]
_JSON = ("states", "pillar", "exclude")
_INSERT_AGENTS = sa.insert(_AGENTS)

#: Bytes of ``told`` that go into an order; a plan with more is applied by its fingerprint alone.
_MOST_TOLD = 512 * 1024


class Plans:
    """All plans. Whoever changes one says what it must still be; of several at once one succeeds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, plan: FleetPlan) -> None:
        """Record a new plan."""
        row: dict[str, object] = {name: getattr(plan, name) for name in _FIELDS}
        row |= {name: msgspec.json.encode(row[name]).decode() for name in _JSON}
        row |= {name: plain(str(row[name])) for name in ("target", "saltenv", "creator")}
        await self._database.write(lambda connection: connection.execute(sa.insert(_PLANS), row) and None)

    async def get(self, id: str) -> FleetPlan:
        """Return the plan. Raises NotFound."""
        return await self._database.read(lambda connection: _get(connection, id))

    async def recent(self, limit: int) -> list[FleetPlan]:
        """Return up to ``limit`` plans, newest first."""
        query = sa.select(*_COLUMNS).order_by(_PLANS.c.created.desc(), _PLANS.c.id).limit(limit)
        return await self._database.read(lambda connection: [_plan(row) for row in connection.execute(query)])

    async def agents(self, id: str) -> list[PlannedAgent]:
        """Return what a sealed plan says of its agents, by name."""
        query = sa.select(*_AGENT_COLUMNS).where(_AGENTS.c.plan == id).order_by(_AGENTS.c.name, _AGENTS.c.key)
        return await self._database.read(
            lambda connection: [_agent(row) for row in connection.execute(query)]
        )

    async def agent(self, id: str, key: AgentKey) -> PlannedAgent | None:
        """Return what a sealed plan says of one agent; None when it says nothing."""
        query = sa.select(*_AGENT_COLUMNS).where(_AGENTS.c.plan == id, _AGENTS.c.key == key)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return _agent(row) if row else None

    async def part(self, id: str, key: AgentKey) -> dict[str, Any]:
        """Return the arguments that an agent gets besides a job's when that applies a plan: its own part."""
        agent = await self.agent(id, key)
        if agent is None:
            return {}
        told = agent.told if len(msgspec.json.encode(agent.told)) <= _MOST_TOLD else ()
        return {"fingerprint": agent.fingerprint, "planned": told}

    async def seal(self, id: str, fingerprint: str, agents: Sequence[PlannedAgent]) -> FleetPlan:
        """Record what all agents would do, unless that is on record; return the plan. Raises NotFound."""
        return await self._database.write(lambda connection: _seal(connection, id, fingerprint, agents))

    async def approve(self, id: str, fingerprint: str, by: str, at: float, reason: str) -> bool:
        """Record who approved the plan with that fingerprint; False when it is no longer to be approved."""
        values = {"approved_by": plain(by), "approved_at": at, "reason": plain(reason)}
        return await self._set(id, fingerprint, values)

    async def apply(self, id: str, fingerprint: str, by: str, at: float, jid: str) -> bool:
        """Record that the plan is applied now; False when it has been already, or is another."""
        return await self._set(
            id, fingerprint, {"applied_by": plain(by), "applied_at": at, "applied_jid": jid}
        )

    async def unapply(self, id: str, jid: str) -> None:
        """Take back that a plan is applied in the job ``jid``: that job has not come about."""
        back = sa.update(_PLANS).where(_PLANS.c.id == id, _PLANS.c.applied_jid == jid)
        values = {"applied_by": "", "applied_at": None, "applied_jid": ""}
        await self._database.write(lambda connection: connection.execute(back.values(**values)) and None)

    async def _set(self, id: str, fingerprint: str, values: Mapping[str, object]) -> bool:
        change = sa.update(_PLANS).where(
            _PLANS.c.id == id, _PLANS.c.fingerprint == fingerprint, _PLANS.c.applied_jid == ""
        )
        return await self._database.write(
            lambda connection: connection.execute(change.values(**values)).rowcount == 1
        )

    async def forget(self, *, before: float) -> int:
        """Remove plans that expired before that time; return how many."""
        return await self._database.write(lambda connection: _forget(connection, before))


def _get(connection: sa.Connection, id: str) -> FleetPlan:
    row = connection.execute(sa.select(*_COLUMNS).where(_PLANS.c.id == id)).first()
    if row is None:
        raise NotFound(f"there is no plan {id!r}", hint="see `saltern plan list`")
    return _plan(row)


def _plan(row: Sequence[Any]) -> FleetPlan:
    values = dict(zip(_FIELDS, row, strict=True))
    values |= {name: msgspec.json.decode(str(values[name])) for name in _JSON}
    return msgspec.convert(values, FleetPlan)


def _agent(row: Sequence[Any]) -> PlannedAgent:
    values = dict(zip(_AGENT_FIELDS, row, strict=True))
    values["told"] = msgspec.json.decode(str(values["told"]))
    return msgspec.convert(values, PlannedAgent)


def _seal(connection: sa.Connection, id: str, fingerprint: str, agents: Sequence[PlannedAgent]) -> FleetPlan:
    mark = sa.update(_PLANS).where(_PLANS.c.id == id, _PLANS.c.fingerprint == "")
    if connection.execute(mark.values(fingerprint=fingerprint)).rowcount:
        bulk(connection, _INSERT_AGENTS, [_row(id, agent) for agent in agents])
    return _get(connection, id)


def _row(id: str, agent: PlannedAgent) -> dict[str, object]:
    row: dict[str, object] = msgspec.structs.asdict(agent)
    return row | {
        "plan": id,
        "told": msgspec.json.encode(agent.told).decode(),
        "error": plain(agent.error),
    }


def _forget(connection: sa.Connection, before: float) -> int:
    old = sa.select(_PLANS.c.id).where(_PLANS.c.expires < before)
    connection.execute(sa.delete(_AGENTS).where(_AGENTS.c.plan.in_(old)))
    return connection.execute(sa.delete(_PLANS).where(_PLANS.c.expires < before)).rowcount
