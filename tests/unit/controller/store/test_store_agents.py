"""Agents and join tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

import msgspec
import pytest

from saltern.controller.store import Presence, Store
from saltern.foundation.errors import Conflict, NotAllowed, NotFound
from saltern.model.agent import KeyState
from saltern.model.token import Token, TokenState
from saltern.testing.stored import agent, agent_key

T = TypeVar("T")


class Run(Protocol):
    def __call__(self, what: Coroutine[Any, Any, T], /) -> T: ...


def token(**fields: Any) -> Token:
    made = Token(
        id="UTOKEN", created=0.0, expires=1000.0, uses_left=1, creator="root", grains={"role": "web"}
    )
    return msgspec.structs.replace(made, **fields)


def test_an_agent_comes_back_as_it_was_added(store: Store, run: Run) -> None:
    one = agent(
        1, grains={"role": "{{ x }}"}, token="UTOKEN", version="1.0", address="10.0.0.1", instance="i"
    )
    assert run(store.agents.add(one)) == one
    assert run(store.agents.get(one.key)) == one
    assert run(store.agents.by_name(one.name)) == [one]
    assert run(store.agents.get(agent_key(2))) is None


def test_list_is_by_name_and_by_state(store: Store, run: Run) -> None:
    agents = [agent(2), agent(1), agent(3, state=KeyState.PENDING)]
    for each in agents:
        run(store.agents.add(each))
    assert [each.name for each in run(store.agents.list())] == [
        "web1.example",
        "web2.example",
        "web3.example",
    ]
    assert run(store.agents.list(KeyState.PENDING)) == [agents[2]]
    assert run(store.agents.count(KeyState.ACCEPTED)) == 2


def test_a_name_belongs_to_one_accepted_agent(store: Store, run: Run) -> None:
    first, second = agent(1, name="db"), agent(2, name="db", state=KeyState.PENDING)
    run(store.agents.add(first))
    run(store.agents.add(second))
    with pytest.raises(Conflict, match=first.fingerprint.replace("+", r"\+")) as caught:
        run(store.agents.set_state(second.key, KeyState.ACCEPTED, at=5.0))
    assert "saltern key delete db" in caught.value.hint
    with pytest.raises(Conflict):
        run(store.agents.add(agent(3, name="db")))
    run(store.agents.set_state(first.key, KeyState.REVOKED, at=6.0))
    assert run(store.agents.set_state(second.key, KeyState.ACCEPTED, at=7.0)).state is KeyState.ACCEPTED


def test_of_many_who_want_one_name_one_gets_it(store: Store, run: Run) -> None:
    async def all_at_once() -> list[object]:
        added = [store.agents.add(agent(number, name="db")) for number in range(20)]
        return list(await asyncio.gather(*added, return_exceptions=True))

    results = run(all_at_once())
    assert sum(not isinstance(each, BaseException) for each in results) == 1
    assert sum(isinstance(each, Conflict) for each in results) == 19


def test_a_revoked_key_never_returns(store: Store, run: Run) -> None:
    one = agent(1)
    run(store.agents.add(one))
    run(store.agents.set_state(one.key, KeyState.REVOKED, at=5.0))
    for state in (KeyState.ACCEPTED, KeyState.PENDING, KeyState.REJECTED):
        with pytest.raises(Conflict, match="cannot become"):
            run(store.agents.set_state(one.key, state, at=6.0))
    run(store.agents.delete(one.key))
    with pytest.raises(NotAllowed, match="was revoked"):
        run(store.agents.add(one))
    assert run(store.agents.revoked()) == {one.key: 5.0}


def test_states_that_do_not_follow_are_refused(store: Store, run: Run) -> None:
    run(store.agents.add(agent(1)))
    with pytest.raises(Conflict, match="accepted and cannot become pending"):
        run(store.agents.set_state(agent_key(1), KeyState.PENDING, at=1.0))
    with pytest.raises(NotFound):
        run(store.agents.set_state(agent_key(9), KeyState.ACCEPTED, at=1.0))
    with pytest.raises(NotFound):
        run(store.agents.delete(agent_key(9)))


def test_presence_tells_since_when(store: Store, run: Run) -> None:
    run(store.agents.add(agent(1)))
    key = agent_key(1)
    run(store.agents.touch([Presence(key=key, online=True, at=10.0, instance="a", version="2", address="h")]))
    run(
        store.agents.touch(
            [Presence(key=key, online=True, at=20.0), Presence(key=agent_key(9), online=True, at=1.0)]
        )
    )
    found = run(store.agents.get(key))
    assert found is not None
    assert (found.online, found.since, found.last_seen) == (True, 10.0, 20.0)
    assert (found.instance, found.version, found.address) == ("a", "2", "h")
    run(store.agents.all_offline(at=30.0))
    found = run(store.agents.get(key))
    assert found is not None
    assert (found.online, found.since, found.last_seen) == (False, 30.0, 20.0)


def test_hostile_words_are_stored_harmlessly(store: Store, run: Run) -> None:
    run(store.agents.add(agent(1, version="a\0b", address="\ud800é'; DROP TABLE agents; --")))
    found = run(store.agents.get(agent_key(1)))
    assert found is not None
    assert (found.version, found.address) == ("a\ufffdb", "?é'; DROP TABLE agents; --")


def test_a_token_comes_back_and_tells_its_state(store: Store, run: Run) -> None:
    run(store.tokens.create(token()))
    assert run(store.tokens.get("UTOKEN")) == token()
    with pytest.raises(Conflict):
        run(store.tokens.create(token()))
    assert run(store.tokens.spend("UTOKEN", 5.0)).state(5.0) is TokenState.SPENT
    assert run(store.tokens.revoke("UTOKEN", 6.0)).state(6.0) is TokenState.REVOKED
    assert run(store.tokens.revoke("UTOKEN", 7.0)).revoked == 6.0
    with pytest.raises(NotFound):
        run(store.tokens.revoke("UOTHER", 7.0))
    assert run(store.tokens.forget(before=2000.0)) == 1
    assert run(store.tokens.list()) == []


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"expires": 5.0}, "expired"),
        ({"uses_left": 0}, "already used up"),
        ({"revoked": 1.0}, "revoked"),
        ({"id": "UOTHER"}, "no such"),
    ],
)
def test_a_bad_token_is_refused_by_its_reason(
    store: Store, run: Run, fields: dict[str, Any], why: str
) -> None:
    run(store.tokens.create(token(**fields)))
    with pytest.raises(NotAllowed, match=why):
        run(store.tokens.spend("UTOKEN", 5.0))


def test_uses_are_exact_under_concurrency(store: Store, run: Run) -> None:
    run(store.tokens.create(token(uses_left=7)))

    async def all_at_once() -> list[object]:
        spent = [store.tokens.spend("UTOKEN", 5.0) for _ in range(40)]
        return list(await asyncio.gather(*spent, return_exceptions=True))

    results = run(all_at_once())
    left = sorted(each.uses_left for each in results if isinstance(each, Token) if each.uses_left is not None)
    assert left == list(range(7))
    assert sum(isinstance(each, NotAllowed) for each in results) == 33


def test_joining_spends_one_use_however_often_it_is_tried(store: Store, run: Run) -> None:
    run(store.tokens.create(token(uses_left=2)))
    run(store.agents.add(agent(1), token="UTOKEN"))
    run(store.agents.add(agent(1), token="UTOKEN"))
    left = run(store.tokens.get("UTOKEN"))
    assert left is not None
    assert left.uses_left == 1


def test_a_join_that_fails_spends_nothing(store: Store, run: Run) -> None:
    run(store.tokens.create(token(uses_left=2)))
    run(store.agents.add(agent(1, name="db")))
    with pytest.raises(Conflict):
        run(store.agents.add(agent(2, name="db"), token="UTOKEN"))
    left = run(store.tokens.get("UTOKEN"))
    assert left is not None
    assert left.uses_left == 2


def test_a_pending_agent_with_a_token_is_let_in(store: Store, run: Run) -> None:
    run(store.tokens.create(token(uses_left=None)))
    run(store.agents.add(agent(1, state=KeyState.PENDING)))
    assert run(store.agents.add(agent(1), token="UTOKEN")).state is KeyState.ACCEPTED
    assert run(store.agents.count(KeyState.PENDING)) == 0


def test_a_key_keeps_its_name(store: Store, run: Run) -> None:
    run(store.agents.add(agent(1)))
    with pytest.raises(Conflict, match=r"already known as web1\.example"):
        run(store.agents.add(agent(1, name="other")))


def test_meta_is_set_once_by_the_first(store: Store, run: Run) -> None:
    assert run(store.meta.get("a")) is None
    assert run(store.meta.set_once("a", "first")) == "first"
    assert run(store.meta.set_once("a", "second")) == "first"
    run(store.meta.set("a", "third"))
    assert run(store.meta.get("a")) == "third"
    run(store.meta.delete("a"))
    assert run(store.meta.get("a")) is None
