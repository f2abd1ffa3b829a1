"""This machine's network interfaces."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import psutil

from saltern.sdk.facts import Address, Interface


def interfaces() -> list[Interface]:
    """Return the interfaces with their addresses, in the kernel's order."""
    state = psutil.net_if_stats()
    return [_interface(name, found, state.get(name)) for name, found in psutil.net_if_addrs().items()]


def _interface(name: str, found: list[Any], state: Any) -> Interface:
    hardware = next((entry.address for entry in found if entry.family == psutil.AF_LINK), "")
    return Interface(
        name=name,
        up=bool(state and state.isup),
        hardware=hardware,
        mtu=state.mtu if state else 0,
        addresses=tuple(_addresses(name, found)),
    )


def _addresses(name: str, found: list[Any]) -> Iterator[Address]:
    for entry in found:
        if entry.family == socket.AF_INET:
            prefix = ipaddress.IPv4Network(f"0.0.0.0/{entry.netmask or '255.255.255.255'}").prefixlen
            yield Address(
                family="inet",
                address=entry.address,
                prefix=prefix,
                broadcast=entry.broadcast or "",
                label=name,
            )
        elif entry.family == socket.AF_INET6:
            mask = int(ipaddress.IPv6Address(entry.netmask or "ffff:" * 7 + "ffff"))
            yield Address(
                family="inet6", address=entry.address.partition("%")[0], prefix=mask.bit_count(), label=name
            )
