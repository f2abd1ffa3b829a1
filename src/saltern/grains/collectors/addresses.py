"""Network interfaces and their addresses."""

from __future__ import annotations

from typing import Any

from saltern.sdk import Host


def collect(host: Host) -> dict[str, Any]:
    """Return ``ip_interfaces``, ``ip4_…``, ``ip6_…``, ``hwaddr_interfaces``, and all addresses, sorted."""
    interfaces = host.interfaces()
    four = {one.name: [at.address for at in one.addresses if at.family == "inet"] for one in interfaces}
    six = {one.name: [at.address for at in one.addresses if at.family == "inet6"] for one in interfaces}
    return {
        "ip_interfaces": {name: [*four[name], *six[name]] for name in four},
        "ip4_interfaces": four,
        "ip6_interfaces": six,
        "hwaddr_interfaces": {one.name: one.hardware for one in interfaces if one.hardware},
        "ipv4": _sorted(four),
        "ipv6": _sorted(six),
    }


def _sorted(addresses: dict[str, list[str]]) -> list[str]:
    import ipaddress

    parsed = {ipaddress.ip_address(address) for some in addresses.values() for address in some}
    return [str(address) for address in sorted(parsed, key=int)]
