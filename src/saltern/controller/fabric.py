"""The controller's own connections to the fabric, kept up for as long as it lives."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from saltern.foundation.errors import SalternError, Unavailable
from saltern.identity.authority import Authority
from saltern.transport import server, streams
from saltern.transport.connection import Connection, Credential, Endpoint, connect

log = logging.getLogger("saltern.fabric")


#: Before this version JetStream's API obeyed requests it did not fully understand.
OLDEST_BROKER = (2, 12)


#: Seconds in which a connection is tried again at once.
_PERSIST = 3.0


class Fabric:
    """Two connections, to the common account and to the system account; both or none.

    ``on_open`` runs each time they are up, before anybody may use them; ``on_lost`` when they are gone.
    ``account`` returns the account's JWT as it must be now.
    """

    def __init__(
        self,
        authority: Authority,
        endpoint: Endpoint,
        *,
        account: Callable[[], Awaitable[str]],
        on_open: Callable[[Connection, Connection], Awaitable[None]],
        on_lost: Callable[[], None],
        space: int,
        replicas: int = 1,
    ) -> None:
        self._authority = authority
        self.endpoint = endpoint
        self._account = account
        self._on_open = on_open
        self._on_lost = on_lost
        self._space = space
        self._replicas = replicas
        self._pair: tuple[Connection, Connection] | None = None
        self._problem = "it has not been reached yet"
        self._telling = asyncio.Lock()
        self.up = asyncio.Event()

    @property
    def connection(self) -> Connection:
        """The connection to the common account. Raises Unavailable while there is none."""
        return self._connections()[0]

    @property
    def system(self) -> Connection:
        """The connection to the system account. Raises Unavailable while there is none."""
        return self._connections()[1]

    def _connections(self) -> tuple[Connection, Connection]:
        if self._pair is None:
            raise Unavailable(
                f"the broker is not there: {self._problem}", hint="it is tried again all the time"
            )
        return self._pair

    async def run(self) -> None:
        """Connect, and again whenever the connection is lost, until cancelled."""
        pause = 0.05
        while True:
            try:
                pair = await self._open()
            except SalternError as error:
                self._problem = str(error)
                log.warning("no broker: %s", error)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
                pause = min(pause * 2, 5.0)
                continue
            pause = 0.05
            log.info("connected to the broker at %s", pair[0].server)
            try:
                await _either(pair)
                self._problem = "the connection was lost"
                log.warning("the connection to the broker was lost")
            finally:
                self._pair = None
                self.up.clear()
                self._on_lost()
                await asyncio.gather(*(each.close() for each in pair))

    async def _open(self) -> tuple[Connection, Connection]:
        opened: list[Connection] = []
        try:
            for jwt, name in (
                (self._authority.system_user_jwt(), "controller-system"),
                (self._authority.controller_jwt(), "controller"),
            ):
                opened.append(await self._connect(jwt, name))
                if name == "controller-system":
                    await self._tell_account(opened[0])
            system, connection = opened
            _require_version(connection)
            await streams.ensure(connection, self._space, self._replicas)
            self._pair = (connection, system)
            await self._on_open(connection, system)
        except BaseException:
            self._pair = None
            for each in opened:
                await each.close()
            raise
        self.up.set()
        return connection, system

    async def _connect(self, jwt: str, name: str) -> Connection:
        """Raises NotAllowed, Unavailable. When a fleet wants in too, many are turned away: so persist."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PERSIST
        while True:
            try:
                return await connect(
                    self.endpoint,
                    Credential(jwt, self._authority.user),
                    name=name,
                    inbox=f"_ctl.{self._authority.user.public[:12]}",
                    timeout=30.0,
                    buffer=64 * 1024 * 1024,
                )
            except Unavailable:
                if loop.time() >= deadline:
                    raise
            await asyncio.sleep(0.05)

    async def refresh_account(self) -> None:
        """Tell the broker who is revoked, as of now. Raises Unavailable when it does not take it."""
        await self._tell_account(self.system)

    async def _tell_account(self, system: Connection) -> None:
        """One after another: who read the revocations first must not overwrite what was told after that."""
        async with self._telling:
            await server.update_account(system, await self._account())


def _require_version(connection: Connection) -> None:
    """Raise Unavailable for a broker that would take its own answers for commands (see ADR 0009)."""
    version = connection.client.connected_server_version
    if (version.major, version.minor) < OLDEST_BROKER:
        raise Unavailable(
            f"the broker at {connection.server} is nats-server {version}, which is too old",
            hint="2.12 is the oldest that is safe here",
        )


async def _either(pair: tuple[Connection, Connection]) -> None:
    waits = [asyncio.create_task(each.closed.wait()) for each in pair]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
