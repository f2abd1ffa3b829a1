"""IP addresses and networks as tests of an agent's address grains."""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache
from operator import methodcaller

from saltern.targeting.errors import TargetError
from saltern.targeting.patterns import Pattern, plain

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=512)
def question(text: str) -> tuple[str, Pattern]:
    """Return which grain to look at (``ipv4`` or ``ipv6``) and the test of the addresses in it.

    Raises TargetError for what is no address and no network.
    """
    try:
        address = ipaddress.ip_address(text)
        return f"ipv{address.version}", plain(str(address))
    except ValueError:
        network = _network(text)
    return f"ipv{network.version}", _inside(network)


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise TargetError(f"no address and no network: {error}", text, hint=_hint(text)) from None


def _hint(text: str) -> str:
    try:
        return f"did you mean {ipaddress.ip_network(text, strict=False)}?"
    except ValueError:
        return "write 192.0.2.7, 192.0.2.0/24, 2001:db8::7 or 2001:db8::/32"


def _inside(network: _Network) -> Pattern:
    """Return the test for addresses in ``network``: by how their text begins if that is enough."""
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    low, high = network.network_address.packed, network.broadcast_address.packed
    head = _head(network)
    if network.version == 4 and network.prefixlen in (8, 16, 24):
        return Pattern(str(network), methodcaller("startswith", head), prefix=head, only_prefix=True)

    def test(text: str) -> bool:
        try:
            return low <= socket.inet_pton(family, text) <= high
        except OSError:
            return False

    return Pattern(str(network), test, prefix=head)


def _head(network: _Network) -> str:
    """Return the text that every address of an IPv4 network begins with."""
    octets = str(network.network_address).split(".")[: network.prefixlen // 8]
    return "".join(f"{octet}." for octet in octets[:3]) if network.version == 4 else ""
