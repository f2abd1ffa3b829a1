"""Interfaces and addresses, taken apart and written down."""

from __future__ import annotations

import ipaddress
from typing import Any, Literal

from saltern.sdk import Address, BadArgument, Host, Interface, NotFound
from saltern.sdk.routes import Family, Route

Table = dict[str, Any]
AddressKind = Literal["public", "private"]


def named(host: Host, name: str) -> Interface:
    known = {one.name: one for one in host.interfaces()}
    if name not in known:
        raise NotFound(f"no interface {name!r} on this host", hint=f"there are {', '.join(sorted(known))}")
    return known[name]


def addresses(
    host: Host,
    family: Family,
    interface: str | None,
    include_loopback: bool,
    cidr: str | None,
    kind: AddressKind | None,
) -> list[str]:
    chosen = [named(host, interface)] if interface else host.interfaces()
    network = parse_network(cidr) if cidr else None
    found = {parse_address(at.address) for one in chosen for at in one.addresses if at.family == family}
    return [
        str(address)
        for address in sorted(found, key=int)
        if (include_loopback or not address.is_loopback)
        and (network is None or address in network)
        and (kind is None or address.is_private == (kind == "private"))
    ]


def networks(
    host: Host, family: Family, names: list[str] | None, include_loopback: bool = False
) -> list[str]:
    chosen = [named(host, name) for name in names] if names else host.interfaces()
    found = {
        parse_network(f"{at.address}/{at.prefix}")
        for one in chosen
        for at in one.addresses
        if at.family == family and (include_loopback or not parse_address(at.address).is_loopback)
    }
    return [
        str(network) for network in sorted(found, key=lambda one: (int(one.network_address), one.prefixlen))
    ]


def described(network: str) -> Table:
    parsed = parse_network(network)
    return {
        "address": str(parsed.network_address),
        "netmask": str(parsed.netmask),
        "num_addresses": parsed.num_addresses,
        "prefixlen": parsed.prefixlen,
    }


def shown(one: Interface) -> Table:
    found: Table = {"up": one.up}
    if one.hardware:
        found["hwaddr"] = one.hardware
    four = [shown_4(address) for address in one.addresses if address.family == "inet"]
    six = [shown_6(address) for address in one.addresses if address.family == "inet6"]
    return found | ({"inet": four} if four else {}) | ({"inet6": six} if six else {})


def shown_4(address: Address) -> Table:
    netmask = str(parse_network(f"0.0.0.0/{address.prefix}").netmask)
    return {
        "address": address.address,
        "netmask": netmask,
        "broadcast": address.broadcast or None,
        "label": address.label,
    }


def shown_6(address: Address) -> Table:
    parsed = parse_address(address.address)
    scope = "host" if parsed.is_loopback else "link" if parsed.is_link_local else "global"
    return {"address": address.address, "prefixlen": str(address.prefix), "scope": scope}


def shown_route(route: Route) -> dict[str, str]:
    is_four = route.family == "inet"
    return {
        "addr_family": route.family,
        "destination": str(route.network.network_address) if is_four else str(route.network),
        "gateway": route.gateway or ("0.0.0.0" if is_four else "::"),  # noqa: S104  no bind, a route's gateway
        "netmask": str(route.network.netmask) if is_four else "",
        "flags": route.flags,
        "interface": route.interface,
    }


def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise BadArgument(f"{text!r} is no IP address") from None


def parse_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadArgument(f"{text!r} is no network", hint="write it as 192.0.2.0/24") from None
