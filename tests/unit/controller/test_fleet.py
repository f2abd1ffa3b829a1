"""The fleet in memory: names, trust, presence and grains, as they are now."""

from __future__ import annotations

import asyncio
import builtins
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.controller.fleet import Fleet
from saltern.controller.groups import Groups
from saltern.controller.presence import Change, Link, LinkId
from saltern.controller.store import Presence as Seen
from saltern.foundation.clock import SystemClock
from saltern.foundation.errors import SalternError, Unavailable
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey

KEYS = [AgentKey(f"U{letter}") for letter in "ABC"]


class Agents:
    """The store's agents, in memory; it can be out of order."""

    def __init__(self, *agents: Agent) -> None:
        self.rows = {agent.key: agent for agent in agents}
        self.seen: list[Seen] = []
        self.broken = False

    async def all_offline(self, *, at: float) -> None:
        """Nobody is there."""
        for key, agent in self.rows.items():
            self.rows[key] = msgspec.structs.replace(agent, online=False, since=at)

    async def list(self) -> list[Agent]:
        """Return all."""
        return [*self.rows.values()]

    async def get(self, key: AgentKey) -> Agent | None:
        """Return one."""
        return self.rows.get(key)

    async def touch(self, seen: builtins.list[Seen]) -> None:
        """Keep what was seen."""
        if self.broken:
            raise Unavailable("the disk is full")
        self.seen += seen


def agent(key: AgentKey, name: str, state: KeyState = KeyState.ACCEPTED, **fields: Any) -> Agent:
    return Agent(key=key, name=name, state=state, fingerprint="SHA256:x", created=1.0, **fields)


def loaded(*agents: Agent) -> tuple[Fleet, Agents, list[Change]]:
    store, told = Agents(*agents), list[Change]()

    class Store:
        """Has agents."""

    made = Store()
    made.agents = store  # type: ignore[attr-defined]
    fleet = Fleet(cast(Any, made), Groups({}, Path("none")), SystemClock(), told.append)
    asyncio.run(fleet.load())
    return fleet, store, told


def come(fleet: Fleet, key: AgentKey, number: int = 1, instance: str = "one") -> None:
    fleet.apply(fleet.presence.connected(Link(LinkId("s", number), key, instance, "192.0.2.1", 5.0)))
    fleet.welcome(key, instance, "9.9", 5.0)


def names(fleet: Fleet, expression: str = "*", kind: str = "glob") -> list[str]:
    return sorted(fleet.resolve(expression, kind).members.values())


def test_nobody_is_there_until_the_broker_says_so() -> None:
    fleet, _, _ = loaded(agent(KEYS[0], "web1", online=True, instance="one"))
    found = fleet.get(KEYS[0])
    assert found is not None
    assert not found.online
    come(fleet, KEYS[0])
    found = fleet.get(KEYS[0])
    assert found is not None
    assert (found.online, found.version, found.address, found.instance) == (True, "9.9", "192.0.2.1", "one")


def test_a_welcome_may_come_before_the_broker_reports_the_connection() -> None:
    fleet, store, _ = loaded(agent(KEYS[0], "web1", version="1.0"))
    fleet.welcome(KEYS[0], "one", "2.0", 5.0)
    assert not fleet.presence.online(KEYS[0])
    fleet.apply(fleet.presence.connected(Link(LinkId("s", 1), KEYS[0], "one", "192.0.2.1", 6.0)))
    asyncio.run(fleet.flush())
    assert [(seen.online, seen.version) for seen in store.seen] == [(True, "2.0")]


def test_what_an_earlier_controller_welcomed_is_welcome_still() -> None:
    fleet, _, told = loaded(agent(KEYS[0], "web1", instance="one"))
    fleet.apply(fleet.presence.replace([Link(LinkId("s", 1), KEYS[0], "one", "192.0.2.1", 5.0)], 6.0))
    assert fleet.presence.online(KEYS[0])
    assert told == [Change(KEYS[0], True, 5.0, "one", "192.0.2.1")]


@given(
    st.lists(
        st.tuples(st.sampled_from(KEYS), st.sampled_from(["web1", "web2"]), st.sampled_from(sorted(KeyState)))
    )
)
def test_targets_are_those_who_are_trusted_now(steps: list[tuple[AgentKey, str, KeyState]]) -> None:
    fleet, _, _ = loaded()
    known: dict[AgentKey, Agent] = {}
    for key, name, state in steps:
        holder = fleet.holder(name, besides=key)
        if state is KeyState.ACCEPTED and holder is not None:
            continue  # the store would refuse it
        known[key] = agent(key, known[key].name if key in known else name, state)
        if state is KeyState.ACCEPTED and fleet.holder(known[key].name, besides=key):
            known[key] = msgspec.structs.replace(known[key], state=KeyState.PENDING)
        fleet.put(known[key])
        trusted = {each.key: each.name for each in known.values() if each.state is KeyState.ACCEPTED}
        assert fleet.resolve("*", "glob").members == trusted
        for each in trusted:
            assert fleet.accepted(each) is not None
            assert fleet.holder(trusted[each], besides=AgentKey("nobody")) == known[each]


def test_who_is_dropped_is_nowhere_and_its_jobs_hear_of_it() -> None:
    fleet, store, told = loaded(agent(KEYS[0], "web1"))
    come(fleet, KEYS[0])
    told.clear()
    fleet.drop(KEYS[0])
    assert (len(fleet), names(fleet), fleet.name(KEYS[0])) == (0, [], KEYS[0])
    assert [(change.key, change.online) for change in told] == [(KEYS[0], False)]
    asyncio.run(fleet.flush())
    assert store.seen == []


def test_a_name_given_again_is_a_new_identity() -> None:
    fleet, _, _ = loaded(agent(KEYS[0], "web1", grains={"role": "db"}))
    fleet.set_grains(KEYS[0], {"secret": "old"})
    fleet.drop(KEYS[0])
    fleet.put(agent(KEYS[1], "web1"))
    assert names(fleet, "secret:old", "grain") == []
    assert names(fleet, "role:db", "grain") == []
    assert not fleet.has_grains(KEYS[1])


def test_an_agent_cannot_say_what_its_token_granted_nor_who_it_is() -> None:
    fleet, _, _ = loaded(agent(KEYS[0], "web1", grains={"role": "web"}))
    fleet.set_grains(KEYS[0], {"role": "db", "id": "db1", "os": "Debian"})
    assert names(fleet, "role:db", "grain") == []
    assert names(fleet, "id:db1", "grain") == []
    assert names(fleet, "role:web", "grain") == names(fleet, "os:Debian", "grain") == ["web1"]


@pytest.mark.parametrize("state", [KeyState.PENDING, KeyState.REJECTED, KeyState.REVOKED])
def test_who_is_not_trusted_has_no_grains(state: KeyState) -> None:
    fleet, _, _ = loaded(agent(KEYS[0], "web1", state))
    fleet.set_grains(KEYS[0], {"os": "Debian"})
    assert not fleet.has_grains(KEYS[0])
    assert names(fleet) == []


def test_an_empty_target_is_told_apart_from_a_wrong_one() -> None:
    fleet, _, _ = loaded(agent(KEYS[0], "web1"))
    assert fleet.resolve("nobody*", "glob").members == {}
    with pytest.raises(SalternError):
        fleet.resolve("(", "compound")


def test_what_cannot_be_written_now_is_written_later() -> None:
    fleet, store, _ = loaded(agent(KEYS[0], "web1"))
    come(fleet, KEYS[0])
    store.broken = True
    asyncio.run(fleet.flush())
    store.broken = False
    asyncio.run(fleet.flush())
    asyncio.run(fleet.flush())
    assert [(seen.key, seen.online, seen.version) for seen in store.seen] == [(KEYS[0], True, "9.9")]


def test_what_another_controller_changed_is_read_again() -> None:
    fleet, store, _ = loaded(agent(KEYS[0], "web1"))
    come(fleet, KEYS[0])
    store.rows[KEYS[0]] = agent(KEYS[0], "web1", KeyState.REVOKED)
    store.rows[KEYS[1]] = agent(KEYS[1], "web2")
    assert asyncio.run(fleet.find(KEYS[1])) == store.rows[KEYS[1]]
    asyncio.run(fleet.reload(KEYS[0]))
    assert names(fleet) == ["web2"]
    del store.rows[KEYS[1]]
    asyncio.run(fleet.reload(KEYS[1]))
    assert fleet.get(KEYS[1]) is None
