"""The real API over a fake controller, served from a thread: for tests of clients."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from saltern.api.limits import Limits
from saltern.api.server import Server, serve
from saltern.testing.controller import FakeController

T = TypeVar("T")


class Served:
    """A served controller. Touch it from other threads through ``do`` only."""

    def __init__(
        self, controller: FakeController, path: Path, limits: Limits, service_uid: int | None
    ) -> None:
        self.controller = controller
        self.path = path
        self._limits = limits
        self._service_uid = service_uid
        self._loop = uvloop.new_event_loop()  # as the controller does
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: Server | None = None

    def up(self) -> None:
        """Start to serve (again)."""
        if not self._thread.is_alive():
            self._thread.start()
        self._server = self._wait(
            serve(self.controller, self.path, service_uid=self._service_uid, limits=self._limits)
        )

    def down(self) -> None:
        """Stop serving; the controller keeps what it knows."""
        server, self._server = self._server, None
        if server is not None:
            self._wait(server.close(grace=0.2))

    def do(self, action: Callable[[], T]) -> T:
        """Run ``action`` where the controller runs, and return its result."""

        async def run() -> T:
            return action()

        return self._wait(run())

    def end(self) -> None:
        """Stop everything."""
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)


@contextmanager
def served(
    controller: FakeController,
    path: Path,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    *,
    service_uid: int | None = None,
) -> Iterator[Served]:
    """Serve ``controller`` on ``path`` while entered."""
    thing = Served(controller, path, limits, service_uid)
    thing.up()
    try:
        yield thing
    finally:
        thing.end()
