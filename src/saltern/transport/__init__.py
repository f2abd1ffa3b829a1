"""The fabric: NATS connections and the embedded broker."""

import sys


def _import_nats_lean() -> None:
    """Import nats-py without aiohttp, which it takes, where it is installed, for WebSockets.

    We use none, and an agent beside a controller is 11 MB smaller without.
    """
    name = "aiohttp"
    if name in sys.modules:
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        import nats.aio.transport  # noqa: F401
    finally:
        del sys.modules[name]


_import_nats_lean()
