"""Filters on addresses and networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAMES = {
    "global": "global",
    "public": "global",
    "link-local": "link_local",
    "linklocal": "link_local",
    "link_local": "link_local",
    "ll": "link_local",
    "loopback": "loopback",
    "lo": "loopback",
    "multicast": "multicast",
    "private": "private",
    "reserved": "reserved",
    "site-local": "site_local",
    "site_local": "site_local",
    "sl": "site_local",
    "unspecified": "unspecified",
}


def _parsed(value: Any) -> Any:
    """Return an address, or an address with its network; None for what is neither."""
    for kind in (ipaddress.ip_address, ipaddress.ip_interface):
        try:
            return kind(value)
        except ValueError:
            continue
    return None


def _is(address: Any, option: str) -> bool:
    """Tell whether an address is of a kind; unknown kinds are ignored, as Salt does."""
    name = _NAMES.get(option.strip())
    if name is None:
        return True
    if name == "global":
        return not address.is_private
    return bool(getattr(address, f"is_{name}", False))


def _one(value: Any, version: int, options: str | None) -> str | None:
    """Return an address as text if it has the version and is of all the kinds in ``options``."""
    address = _parsed(value)
    if address is None or address.version != version:
        return None
    return str(address) if all(_is(address, option) for option in (options or "").split(",")) else None


def _of_version(value: Any, version: int, options: str | None) -> Any:
    if isinstance(value, str | bytes):
        return _one(value, version, options)
    if isinstance(value, list | tuple | Iterator):
        found = [_one(one, version, options) for one in value]
        return [one for one in found if one is not None]
    return None


def ipv4(value: Any, options: str | None = None) -> Any:
    """Return an IPv4 address, or those in a list; ``options`` such as ``private`` choose further."""
    return _of_version(value, 4, options)


def ipv6(value: Any, options: str | None = None) -> Any:
    """Return an IPv6 address, or those in a list; ``options`` such as ``private`` choose further."""
    return _of_version(value, 6, options)


def ipaddr(value: Any, options: str | None = None) -> Any:
    """Return an address, or those in a list, the IPv4 ones first."""
    value = list(value) if isinstance(value, Iterator) else value
    first, second = ipv4(value, options), ipv6(value, options)
    return first or second if first is None or second is None else first + second


def is_ipv4(value: Any, options: str | None = None) -> bool:
    """Tell whether a value is an IPv4 address of the kinds in ``options``."""
    return _one(value, 4, options) is not None


def is_ipv6(value: Any, options: str | None = None) -> bool:
    """Tell whether a value is an IPv6 address of the kinds in ``options``."""
    return _one(value, 6, options) is not None


def is_ip(value: Any, options: str | None = None) -> bool:
    """Tell whether a value is an address of the kinds in ``options``."""
    return is_ipv4(value, options) or is_ipv6(value, options)


def _each(function: Callable[[str], Any]) -> Callable[..., Any]:
    """Return a filter that applies a function to an address, or to each in a list; None if there is none."""

    def apply(value: Any, options: str | None = None, version: int | None = None) -> Any:
        found = _of_version(value, version, options) if version else ipaddr(value, options)
        if not found:
            return None
        if isinstance(found, list):
            results = [function(one) for one in found]
            return results if isinstance(value, list | tuple | Iterator) else results[0]
        return function(found)

    apply.__doc__ = function.__doc__
    return apply


def _host(text: str) -> str:
    """Return an address with the length of its network's prefix."""
    return str(ipaddress.ip_interface(text))


def _hosts(text: str) -> list[str]:
    """Return the addresses that hosts in a network may have."""
    return [str(host) for host in ipaddress.ip_network(text, strict=False).hosts()]


def _size(text: str) -> int:
    """Return how many addresses a network has."""
    return ipaddress.ip_network(text, strict=False).num_addresses


def filter_by_networks(values: Any, networks: Iterable[str] | None) -> Any:
    """Return the addresses that lie in any of the networks; of a mapping, each key's."""
    if networks is None:
        return values
    nets = [ipaddress.ip_network(network) for network in networks]
    if isinstance(values, Mapping):
        return {key: _inside(addresses, nets) for key, addresses in values.items()}
    if isinstance(values, Sequence) and not isinstance(values, str):
        return _inside(values, nets)
    raise ValueError(f"addresses are a list, or a mapping of lists, not a {type(values).__name__}")


def _inside(addresses: Iterable[str], nets: Sequence[Any]) -> list[str]:
    return [one for one in addresses for net in nets if ipaddress.ip_address(one) in net]


def ipwrap(data: Any) -> Any:
    """Return IPv6 addresses in brackets and anything else as it is."""
    if isinstance(data, list | tuple):
        return [ipwrap(one) for one in data]
    return f"[{_parsed(data)}]" if is_ipv6(data) else data


def mac_str_to_bytes(text: str) -> bytes:
    """Return the six bytes of a hardware address."""
    digits = text if len(text) == 12 else text.replace(text[2:3], "") if len(text) == 17 else ""
    if len(digits) != 12:
        raise ValueError(f"{text!r} is not a hardware address")
    return bytes.fromhex(digits)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "filter_by_networks": filter_by_networks,
    "ip_host": _each(_host),
    "ipaddr": ipaddr,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "ipwrap": ipwrap,
    "is_ip": is_ip,
    "is_ipv4": is_ipv4,
    "is_ipv6": is_ipv6,
    "mac_str_to_bytes": mac_str_to_bytes,
    "network_hosts": _each(_hosts),
    "network_size": _each(_size),
}
