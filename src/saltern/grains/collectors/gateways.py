"""The way out of the local networks."""

from __future__ import annotations

from typing import Any

from saltern.sdk import Host
from saltern.sdk.routes import Family, default_routes


def collect(host: Host) -> dict[str, Any]:
    """Return ``ip4_gw`` and ``ip6_gw``: the gateway's address, true without one, false without a route."""
    four, six = _gateway(host, "inet"), _gateway(host, "inet6")
    return {"ip_gw": bool(four or six), "ip4_gw": four, "ip6_gw": six}


def _gateway(host: Host, family: Family) -> str | bool:
    found = default_routes(host, family)
    return (found[0].gateway or True) if found else False
