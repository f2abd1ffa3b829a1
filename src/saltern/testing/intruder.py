"""Connections to a site's fabric for tests that mean harm: with an agent's credential, or all there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from saltern.foundation.clock import SystemClock
from saltern.identity import permissions
from saltern.identity.authority import Authority
from saltern.testing.conditions import eventually
from saltern.testing.site import PATIENCE, Site, SiteAgent
from saltern.transport.connection import Connection, Credential, Message, connect


class Heard(NamedTuple):
    """What was heard on the fabric: subject and data, in order."""

    messages: list[Message]

    def on(self, subject: str) -> list[bytes]:
        """Return what came on one subject."""
        return [message.data for message in self.messages if message.subject == subject]


def authority(site: Site) -> Authority:
    """Return the site's keys, as whoever steals the controller's directory has them."""
    return Authority(site.controller.layout.controller / "keys", SystemClock())


@asynccontextmanager
async def as_agent(agent: SiteAgent, name: str = "intruder") -> AsyncIterator[Connection]:
    """Connect with an agent's own key and credential."""
    credential = agent.identity.credential()
    connection = await connect(
        credential.endpoint(),
        agent.identity.login(credential),
        name=name,
        inbox=permissions.agent_inbox(agent.key),
        timeout=PATIENCE,
    )
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def as_controller(site: Site, agent: SiteAgent) -> AsyncIterator[Connection]:
    """Connect with all rights; ``agent`` is one that knows the way."""
    keys = authority(site)
    connection = await connect(
        agent.identity.credential().endpoint(),
        Credential(keys.controller_jwt(), keys.user),
        name="test",
        inbox="_test",
        timeout=PATIENCE,
    )
    try:
        yield connection
    finally:
        await connection.close()


async def listen(connection: Connection, *subjects: str) -> Heard:
    """Hear these subjects from now on, as far as the broker lets us."""
    heard = Heard([])

    async def note(message: Message) -> None:
        heard.messages.append(message)

    for subject in subjects:
        await connection.subscribe(subject, note)
    await connection.flush()
    return heard


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait, letting the event loop run, until ``condition()`` is true."""
    await asyncio.to_thread(eventually, condition, within=PATIENCE, what=what)
