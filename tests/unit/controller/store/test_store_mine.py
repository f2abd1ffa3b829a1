"""The mine in the store: by key, bounded, gone with its agent."""

from __future__ import annotations

import hashlib
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

import pytest

from saltern.controller.store import Room, Store
from saltern.foundation.errors import Conflict, NotAllowed
from saltern.messages.v1 import MineEntry
from saltern.model.agent import KeyState
from saltern.model.ids import AgentKey
from saltern.testing.stored import agent, agent_key

T = TypeVar("T")

ROOM = Room(entries=5, bytes=1000)


class Run(Protocol):
    def __call__(self, what: Coroutine[Any, Any, T], /) -> T: ...


def entry(data: bytes, allow: str = "") -> MineEntry:
    return MineEntry(digest=hashlib.sha256(data).digest(), data=data, allow=allow)


def known(data: bytes) -> MineEntry:
    return MineEntry(digest=hashlib.sha256(data).digest())


def put(store: Store, run: Run, number: int, only: bool = False, **entries: MineEntry) -> list[str]:
    key = agent_key(number)
    return run(store.mine.put(key, entries, only=only, at=5.0, room=ROOM))


def found(store: Store, run: Run, keys: list[AgentKey], *names: str) -> dict[tuple[AgentKey, str], bytes]:
    rows, more = run(store.mine.get(keys, names, limit=10_000))
    assert not more
    return {(row.key, row.function): row.data for row in rows}


@pytest.fixture
def fleet(store: Store, run: Run) -> list[AgentKey]:
    for number in (1, 2, 3):
        run(store.agents.add(agent(number)))
    return [agent_key(number) for number in (1, 2, 3)]


def test_what_is_put_is_found_by_key_and_name(store: Store, run: Run, fleet: list[AgentKey]) -> None:
    assert put(store, run, 1, f=entry(b"1", "web*"), g=entry(b"2")) == []
    put(store, run, 2, f=entry(b"3"))
    one, two, three = fleet
    assert found(store, run, fleet, "f") == {(one, "f"): b"1", (two, "f"): b"3"}
    assert found(store, run, [one, three], "f", "g") == {(one, "f"): b"1", (one, "g"): b"2"}
    assert found(store, run, fleet, "none") == found(store, run, [], "f") == {}
    listed = run(store.mine.list({one}))
    assert [(place.function, place.allow, place.updated) for place in listed] == [
        ("f", "web*", 5.0),
        ("g", "", 5.0),
    ]


def test_only_what_differs_is_asked_for(store: Store, run: Run, fleet: list[AgentKey]) -> None:
    put(store, run, 1, f=entry(b"1"), g=entry(b"2"))
    assert put(store, run, 1, f=known(b"1"), g=known(b"other"), h=known(b"3")) == ["g", "h"]
    assert found(store, run, fleet, "g") == {(fleet[0], "g"): b"2"}


def test_the_others_are_forgotten_when_that_is_asked(store: Store, run: Run, fleet: list[AgentKey]) -> None:
    put(store, run, 1, f=entry(b"1"), g=entry(b"2"))
    put(store, run, 2, g=entry(b"3"))
    assert put(store, run, 1, only=True, f=known(b"1")) == []
    assert set(found(store, run, fleet, "f", "g")) == {(fleet[0], "f"), (fleet[1], "g")}
    assert put(store, run, 1, only=True) == []
    assert set(found(store, run, fleet, "f", "g")) == {(fleet[1], "g")}


@pytest.mark.parametrize(
    "entries",
    [
        {"big": entry(b"x" * 1001)},
        {"a" * 990: entry(b"x" * 20)},
        {f"f{number}": entry(b"1") for number in range(6)},
    ],
)
def test_nobody_has_more_than_its_room(
    store: Store, run: Run, fleet: list[AgentKey], entries: dict[str, MineEntry]
) -> None:
    put(store, run, 1, old=entry(b"1"))
    with pytest.raises(Conflict, match="an agent may have 5 of 1000"):
        run(store.mine.put(fleet[0], entries, only=True, at=6.0, room=ROOM))
    assert found(store, run, fleet, "old", *entries) == {(fleet[0], "old"): b"1"}


def test_in_pages(store: Store, run: Run, fleet: list[AgentKey]) -> None:
    for number in (1, 2, 3):
        put(store, run, number, f=entry(b"x" * 100), g=entry(b"y" * 10))
    seen: list[tuple[AgentKey, str]] = []
    after, more, pages = None, True, 0
    while more:
        rows, more = run(store.mine.get(fleet, ["f", "g"], after=after, limit=115))
        seen += [(row.key, row.function) for row in rows]
        after, pages = seen[-1], pages + 1
    assert seen == [(key, name) for key in sorted(fleet) for name in ("f", "g")]
    assert pages == 3


def test_an_agent_takes_its_entries_along(store: Store, run: Run, fleet: list[AgentKey]) -> None:
    put(store, run, 1, f=entry(b"1"))
    put(store, run, 2, f=entry(b"2"))
    run(store.agents.delete(fleet[0]))
    assert set(found(store, run, fleet, "f")) == {(fleet[1], "f")}
    run(store.agents.add(agent(1)))
    assert set(found(store, run, fleet, "f")) == {(fleet[1], "f")}


def test_only_who_is_accepted_puts_anything_there(store: Store, run: Run, fleet: list[AgentKey]) -> None:
    run(store.agents.add(agent(4, state=KeyState.PENDING)))
    run(store.agents.set_state(fleet[0], KeyState.REVOKED, at=1.0))
    for number in (1, 4, 5):
        with pytest.raises(NotAllowed):
            put(store, run, number, f=entry(b"1"))


def test_drop(store: Store, run: Run, fleet: list[AgentKey]) -> None:
    for number in (1, 2):
        put(store, run, number, f=entry(b"1"), g=entry(b"2"))
    assert run(store.mine.drop([fleet[0]], ["f", "none"])) == 1
    assert run(store.mine.drop(fleet, ["f"])) == 1
    assert run(store.mine.drop(fleet[:2], None)) == 2
    assert found(store, run, fleet, "f", "g") == {}
