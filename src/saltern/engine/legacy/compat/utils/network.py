"""``salt.utils.network``: addresses and names."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any


def is_ip(ip_addr: Any) -> bool:
    """Tell whether text is an address."""
    return is_ipv4(ip_addr) or is_ipv6(ip_addr)


def is_ipv4(ip_addr: Any) -> bool:
    """Tell whether text is an IPv4 address."""
    return _is(ipaddress.IPv4Address, ip_addr)


def is_ipv6(ip_addr: Any) -> bool:
    """Tell whether text is an IPv6 address."""
    return _is(ipaddress.IPv6Address, ip_addr)


is_ipv4_addr, is_ipv6_addr = is_ipv4, is_ipv6


def _is(kind: Any, value: Any) -> bool:
    try:
        kind(value)
    except ValueError:
        return False
    return True


def is_subnet(cidr: str) -> bool:
    """Tell whether text is a network."""
    return "/" in str(cidr) and _is(ipaddress.ip_network, cidr)


def in_subnet(cidr: str, addr: Any = None) -> bool:
    """Tell whether an address, one of some, or one of this machine's is in a network."""
    network = ipaddress.ip_network(cidr, strict=False)
    found = ip_addrs() if addr is None else addr if isinstance(addr, list) else [addr]
    return any(ipaddress.ip_address(one) in network for one in found)


def ip_addrs(interface: str | None = None, include_loopback: bool = False, **kwargs: Any) -> list[str]:
    """Return this machine's IPv4 addresses."""
    import psutil

    found = [
        one.address
        for name, addresses in psutil.net_if_addrs().items()
        for one in addresses
        if one.family == socket.AF_INET and interface in (None, name)
    ]
    return sorted(one for one in found if include_loopback or not ipaddress.ip_address(one).is_loopback)


def get_fqhostname() -> str:
    """Return this machine's full name."""
    return socket.getfqdn()


def get_hostname() -> str:
    """Return this machine's name."""
    return socket.gethostname()


def sanitize_host(host: str, underscore_ok: bool = False) -> str:
    """Return a name with nothing in it that a host's name does not have."""
    return "".join(
        one for one in host[:255] if one.isalnum() or one in ".-:" or (one == "_" and underscore_ok)
    )


def cidr_to_ipv4_netmask(cidr_bits: int) -> str:
    """Return the mask that a number of bits means."""
    return str(ipaddress.ip_network(f"0.0.0.0/{int(cidr_bits)}").netmask)


def get_net_start(ipaddr: str, netmask: str) -> str:
    """Return a network's own address."""
    return str(ipaddress.ip_interface(f"{ipaddr}/{netmask}").network.network_address)


def get_net_size(mask: str) -> int:
    """Return the bits of a mask."""
    return ipaddress.ip_network(f"0.0.0.0/{mask}").prefixlen


def mac2eui64(mac: str, prefix: str | None = None) -> str:
    """Return the interface identifier that a hardware address means, or the address in a network."""
    octets = [int(one, 16) for one in mac.replace("-", ":").split(":")]
    octets[0] ^= 2
    full = [*octets[:3], 0xFF, 0xFE, *octets[3:]]
    words = ":".join(f"{full[at] << 8 | full[at + 1]:04x}" for at in range(0, 8, 2))
    if prefix is None:
        return words
    network = ipaddress.IPv6Network(prefix, strict=False)
    return f"{network[int.from_bytes(bytes(full), 'big')]}/{network.prefixlen}"
