"""The kernel's routing tables, from /proc."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import Literal

import msgspec

from saltern.sdk.host import Host

Family = Literal["inet", "inet6"]

_UP, _GATEWAY, _HOST, _REJECT = 0x1, 0x2, 0x4, 0x200
_LETTERS = ((_UP, "U"), (_GATEWAY, "G"), (_HOST, "H"), (_REJECT, "!"))


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One route. ``gateway`` is empty for a network that is directly reached."""

    family: Family
    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    gateway: str
    interface: str
    metric: int
    flags: str  # as ``route`` writes them: UG

    @property
    def is_default(self) -> bool:
        """Tell whether everything without a better route goes here."""
        return self.network.prefixlen == 0 and "!" not in self.flags


def routes(host: Host, family: Family | None = None) -> list[Route]:
    """Return the routes of a family, or of both, in the order of the kernel's tables."""
    found = [] if family == "inet6" else list(_version_4(host.text("/proc/net/route", "")))
    return found if family == "inet" else [*found, *_version_6(host.text("/proc/net/ipv6_route", ""))]


def default_routes(host: Host, family: Family | None = None) -> list[Route]:
    """Return the default routes, the one the kernel prefers first."""
    return sorted((route for route in routes(host, family) if route.is_default), key=lambda one: one.metric)


def _version_4(table: str) -> Iterator[Route]:
    for line in table.splitlines()[1:]:
        name, destination, gateway, flags, _, _, metric, mask, *_ = line.split()
        prefix = int(mask, 16).bit_count()
        yield Route(
            family="inet",
            network=ipaddress.IPv4Network((_address_4(destination), prefix)),
            gateway=_address_4(gateway) if int(flags, 16) & _GATEWAY else "",
            interface=name,
            metric=int(metric),
            flags=_letters(int(flags, 16)),
        )


def _version_6(table: str) -> Iterator[Route]:
    for line in table.splitlines():
        destination, prefix, _, _, gateway, metric, _, _, flags, name = line.split()
        yield Route(
            family="inet6",
            network=ipaddress.IPv6Network((bytes.fromhex(destination), int(prefix, 16))),
            gateway=str(ipaddress.IPv6Address(bytes.fromhex(gateway))) if int(flags, 16) & _GATEWAY else "",
            interface=name,
            metric=int(metric, 16),
            flags=_letters(int(flags, 16)),
        )


def _address_4(text: str) -> str:
    return str(ipaddress.IPv4Address(struct.pack("=I", int(text, 16))))


def _letters(flags: int) -> str:
    return "".join(letter for bit, letter in _LETTERS if flags & bit)
