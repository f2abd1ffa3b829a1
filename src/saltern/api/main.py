"""Runs a controller with its API, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal

from saltern.api.server import serve as serve_api
from saltern.controller.running import alone, load_settings, running
from saltern.controller.settings import ControllerSettings
from saltern.foundation.clock import SystemClock
from saltern.foundation.layout import Layout

log = logging.getLogger("saltern.controller")


async def serve(layout: Layout, chosen: ControllerSettings) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with alone(layout.controller):
        async with running(layout, chosen, SystemClock()) as controller:
            api = await serve_api(controller, layout.socket)
            log.info("the API is at %s", layout.socket)
            try:
                await stop.wait()
            finally:
                await api.close()


def run(layout: Layout) -> int:
    """Run a controller in this process; return the exit code."""
    chosen = load_settings(layout)
    logging.basicConfig(
        level=chosen.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for noisy in ("alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(layout, chosen))
    return 0
