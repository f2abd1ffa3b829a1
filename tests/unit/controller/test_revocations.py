"""Which revocations the broker is told of."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from saltern.controller.admission import Admission
from saltern.controller.fabric import Fabric
from saltern.controller.settings import ControllerSettings, Enrolment
from saltern.controller.store import Store
from saltern.identity.authority import Authority
from saltern.identity.keys import KeyPair, Kind
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey, fingerprint
from saltern.transport import server
from saltern.transport.connection import Endpoint

DAY = 86_400.0


class Clock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.time = 1_000 * DAY

    def now(self) -> float:
        """Return the time."""
        return self.time

    steady = now


async def revoked_in(store: Store, authority: Authority, clock: Clock, lifetime: str) -> set[str]:
    """Return the keys that the account's JWT revokes, under settings with that lifetime."""
    admission = Admission(
        authority=authority,
        endpoint=Endpoint(()),
        store=store,
        fleet=cast(Any, None),
        fabric=cast(Any, None),
        happenings=cast(Any, None),
        peers=cast(Any, None),
        settings=ControllerSettings(enrolment=Enrolment(credential_lifetime=lifetime)),
        clock=clock,
    )
    body = (await admission.account_jwt()).split(".")[1]
    claims = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return set(claims["nats"].get("revocations", {}))


async def play(directory: Path) -> list[bool]:
    """Revoke an agent under a long lifetime, shorten it, and let time pass; tell when it is listed."""
    clock = Clock()
    authority = Authority(directory / "keys", clock)
    key = AgentKey(KeyPair.new(Kind.USER).public)
    async with await Store.open(f"sqlite:///{directory / 'store.db'}", anchor=directory / "anchor") as store:
        await revoked_in(store, authority, clock, "30d")
        agent = Agent(
            key=key, name="web1", state=KeyState.ACCEPTED, fingerprint=fingerprint(key), created=clock.now()
        )
        await store.agents.add(agent)
        await store.agents.set_state(key, KeyState.REVOKED, at=clock.now())
        listed = []
        for later, lifetime in ((0, "30d"), (10, "1d"), (29, "1d"), (32, "1d")):
            clock.time = (1_000 + later) * DAY
            listed.append(key in await revoked_in(store, authority, clock, lifetime))
    return listed


def test_a_shorter_lifetime_brings_nobody_back(tmp_path: Path) -> None:
    """A credential issued for 30 days stays revoked for 30 days, and is then no good by itself."""
    assert asyncio.run(play(tmp_path)) == [True, True, True, False]


async def two_at_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Refresh the account twice, where the first to read is slower than the second; return what was told."""
    told: list[str] = []
    revoked: list[str] = []
    slow = asyncio.Event()

    async def account() -> str:
        read = ",".join(revoked)
        if len(revoked) == 1:
            await slow.wait()
        return read

    async def update_account(system: object, token: str) -> None:
        told.append(token)

    async def nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(server, "update_account", update_account)
    fabric = Fabric(
        cast(Any, None), Endpoint(()), account=account, on_open=nothing, on_lost=lambda: None, space=0
    )
    fabric._pair = cast(Any, (object(), object()))
    tasks = []
    for key in ("first", "second"):
        revoked.append(key)
        tasks.append(asyncio.create_task(fabric.refresh_account()))
        await asyncio.sleep(0)
    slow.set()
    await asyncio.gather(*tasks)
    return told


def test_what_the_broker_is_told_last_is_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who read the revocations before another one was made does not overwrite it."""
    assert asyncio.run(two_at_once(monkeypatch)) == ["first", "first,second"]
