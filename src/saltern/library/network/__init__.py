"""The network as this host sees it: interfaces, addresses, routes, sockets, and who answers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from saltern.library import _addresses, _sockets
from saltern.library._addresses import AddressKind, Table
from saltern.sdk import BadArgument, Command, Host
from saltern.sdk.routes import Family
from saltern.sdk.routes import default_routes as _default_routes
from saltern.sdk.routes import routes as _routes

ALIASES = {
    "hwaddr": "hw_addr",
    "ipaddrs": "ip_addrs",
    "ipaddrs6": "ip_addrs6",
    "ipneighs": "ip_neighs",
    "ipneighs6": "ip_neighs6",
}


def interfaces(host: Host) -> dict[str, Table]:
    """Return the interfaces by name: ``{up, hwaddr, inet: […], inet6: […]}``.

    ``inet`` holds ``{address, netmask, broadcast, label}``, ``inet6`` ``{address, prefixlen, scope}``.

    Example:
        saltern run '*' network.interfaces
    """
    return {one.name: _addresses.shown(one) for one in host.interfaces()}


def interface(host: Host, iface: str) -> list[Table]:
    """Return an interface's IPv4 addresses: ``{address, netmask, broadcast, label}`` each.

    Example:
        saltern run '*' network.interface eth0
    """
    return [
        _addresses.shown_4(address)
        for address in _addresses.named(host, iface).addresses
        if address.family == "inet"
    ]


def interface_ip(host: Host, iface: str) -> str:
    """Return an interface's first IPv4 address; empty where it has none.

    Example:
        saltern run '*' network.interface_ip eth0
    """
    return next((address["address"] for address in interface(host, iface)), "")


def hw_addr(host: Host, iface: str) -> str:
    """Return an interface's hardware address; empty where it has none.

    Example:
        saltern run '*' network.hw_addr eth0
    """
    return _addresses.named(host, iface).hardware


def ip_addrs(
    host: Host,
    interface: str | None = None,
    include_loopback: bool = False,
    cidr: str | None = None,
    type: AddressKind | None = None,
) -> list[str]:
    """Return the IPv4 addresses, of one interface or all, within a network, public or private ones only.

    Example:
        saltern run '*' network.ip_addrs cidr=10.0.0.0/8
    """
    return _addresses.addresses(host, "inet", interface, include_loopback, cidr, type)


def ip_addrs6(
    host: Host, interface: str | None = None, include_loopback: bool = False, cidr: str | None = None
) -> list[str]:
    """Return the IPv6 addresses, of one interface or all, within a network.

    Example:
        saltern run '*' network.ip_addrs6
    """
    return _addresses.addresses(host, "inet6", interface, include_loopback, cidr, None)


def subnets(host: Host, interfaces: list[str] | str | None = None) -> list[str]:
    """Return the IPv4 networks the host is in, of some interfaces or all: ``192.0.2.0/24``.

    Example:
        saltern run '*' network.subnets interfaces=eth0
    """
    wanted = [interfaces] if isinstance(interfaces, str) else interfaces
    return _addresses.networks(host, "inet", wanted)


def subnets6(host: Host) -> list[str]:
    """Return the IPv6 networks the host is in.

    Example:
        saltern run '*' network.subnets6
    """
    return _addresses.networks(host, "inet6", None)


def ip_networks(
    host: Host, interface: str | None = None, include_loopback: bool = False, verbose: bool = False
) -> list[str] | dict[str, Table]:
    """Return the IPv4 networks the host is in; ``verbose`` with address, netmask and size.

    Example:
        saltern run '*' network.ip_networks verbose=True
    """
    wanted = [interface] if interface else None
    found = _addresses.networks(host, "inet", wanted, include_loopback)
    return {network: _addresses.described(network) for network in found} if verbose else found


def in_subnet(host: Host, cidr: str) -> bool:
    """Tell whether the host has an address in a network.

    Example:
        saltern run '*' network.in_subnet 192.0.2.0/24
    """
    family: Family = "inet" if _addresses.parse_network(cidr).version == 4 else "inet6"
    return bool(_addresses.addresses(host, family, None, True, cidr, None))


def ip_in_subnet(host: Host, ip_addr: str, cidr: str) -> bool:
    """Tell whether an address lies in a network.

    Example:
        saltern run '*' network.ip_in_subnet 172.16.2.3 172.16.0.0/12
    """
    return _addresses.parse_address(ip_addr) in _addresses.parse_network(cidr)


def is_private(host: Host, ip_addr: str) -> bool:
    """Tell whether an address is one of those never seen in the internet.

    Example:
        saltern run '*' network.is_private 10.0.0.3
    """
    return _addresses.parse_address(ip_addr).is_private


def is_loopback(host: Host, ip_addr: str) -> bool:
    """Tell whether an address is the host's own way to itself.

    Example:
        saltern run '*' network.is_loopback 127.0.0.1
    """
    return _addresses.parse_address(ip_addr).is_loopback


def reverse_ip(host: Host, ip_addr: str) -> str:
    """Return the name under which DNS keeps an address's name.

    Example:
        saltern run '*' network.reverse_ip 192.0.2.4
    """
    return _addresses.parse_address(ip_addr).reverse_pointer


def calc_net(host: Host, ip_addr: str, netmask: str | None = None) -> str:
    """Return the network an address is in, from its netmask or prefix length.

    Example:
        saltern run '*' network.calc_net 172.17.0.5 255.255.255.240
    """
    return str(_addresses.parse_network(f"{ip_addr}/{netmask}" if netmask else ip_addr))


def convert_cidr(host: Host, cidr: str) -> dict[str, str]:
    """Return a network taken apart: ``{network, netmask, broadcast}``.

    Example:
        saltern run '*' network.convert_cidr 172.31.0.0/16
    """
    network = _addresses.parse_network(cidr)
    return {
        "network": str(network.network_address),
        "netmask": str(network.netmask),
        "broadcast": str(network.broadcast_address),
    }


def ifacestartswith(host: Host, cidr: str) -> list[str]:
    """Return the interfaces that have an IPv4 address beginning with a text.

    Example:
        saltern run '*' network.ifacestartswith 10.0
    """
    return [
        one.name
        for one in host.interfaces()
        if any(address.family == "inet" and address.address.startswith(cidr) for address in one.addresses)
    ]


def iphexval(host: Host, ip: str) -> str:
    """Return an IPv4 address as eight hexadecimal digits.

    Example:
        saltern run '*' network.iphexval 10.0.0.1
    """
    return f"{int(_addresses.parse_address(ip)):08X}"


def routes(host: Host, family: Family | None = None) -> list[dict[str, str]]:
    """Return the routes: ``{addr_family, destination, gateway, netmask, flags, interface}`` each.

    Example:
        saltern run '*' network.routes inet
    """
    return [_addresses.shown_route(route) for route in _routes(host, family)]


def default_route(host: Host, family: Family | None = None) -> list[dict[str, str]]:
    """Return the default routes, the preferred one first.

    Example:
        saltern run '*' network.default_route
    """
    return [_addresses.shown_route(route) for route in _default_routes(host, family)]


def get_route(host: Host, ip: str) -> dict[str, str | None]:
    """Return the way the kernel takes to an address: ``{destination, gateway, interface, source}``.

    Example:
        saltern run '*' network.get_route 192.0.2.9
    """
    words = host.run("ip", "route", "get", str(_addresses.parse_address(ip))).splitlines()[0].split()
    pairs = dict(pairwise(words))
    return {
        "destination": str(_addresses.parse_address(ip)),
        "gateway": pairs.get("via"),
        "interface": pairs.get("dev"),
        "source": pairs.get("src"),
    }


def arp(host: Host) -> dict[str, str]:
    """Return the IPv4 neighbours' addresses by hardware address.

    Example:
        saltern run '*' network.arp
    """
    rows = (line.split() for line in host.text("/proc/net/arp", "").splitlines()[1:])
    return {row[3]: row[0] for row in rows if len(row) > 3 and row[3] != "00:00:00:00:00:00"}


def ip_neighs(host: Host) -> dict[str, str]:
    """Return the IPv4 neighbours' addresses by hardware address, as ip(8) knows them.

    Example:
        saltern run '*' network.ip_neighs
    """
    return _neighbours(host, "-4")


def ip_neighs6(host: Host) -> dict[str, str]:
    """Return the IPv6 neighbours' addresses by hardware address, as ip(8) knows them.

    Example:
        saltern run '*' network.ip_neighs6
    """
    return _neighbours(host, "-6")


def netstat(host: Host) -> list[dict[str, str]]:
    """Return the sockets: ``{proto, recv-q, send-q, local-address, remote-address, state, …}`` each.

    Example:
        saltern run '*' network.netstat
    """
    return [socket.shown() for socket in _sockets.sockets(host)]


def active_tcp(host: Host) -> dict[int, dict[str, Any]]:
    """Return the established TCP connections, numbered: ``{local_addr, local_port, remote_addr, …}``.

    Example:
        saltern run '*' network.active_tcp
    """
    found = (one for one in _sockets.sockets(host) if one.is_tcp and one.state == "ESTABLISHED")
    return dict(enumerate(one.ends() for one in found))


def get_hostname(host: Host) -> str:
    """Return the host's name as the kernel has it.

    Example:
        saltern run '*' network.get_hostname
    """
    return host.uname().node


def get_fqdn(host: Host) -> str:
    """Return the host's full name.

    Example:
        saltern run '*' network.get_fqdn
    """
    return str(host.grains["fqdn"])


def fqdns(host: Host) -> dict[str, list[str]]:
    """Return the full names of the host's addresses: ``{fqdns: […]}``.

    Example:
        saltern run '*' network.fqdns
    """
    return {"fqdns": list(host.grains.get("fqdns", []))}


def ping(host: Host, host_: str, timeout: float | None = None, return_boolean: bool = False) -> str | bool:
    """Ping another host four times; return what ping(8) writes, or only whether it answered.

    Example:
        saltern run '*' network.ping web1.example.com timeout=3 return_boolean=True
    """
    argv = ["ping", "-c", "4", *(["-W", f"{max(1, round(timeout))}"] if timeout else []), _name(host_)]
    done = host.execute(Command(argv=tuple(argv), timeout=60.0, merge=True, stream=not return_boolean))
    if return_boolean:
        return done.retcode == 0
    host.fail(done.retcode)
    return done.stdout.decode(errors="replace").rstrip()


def traceroute(host: Host, host_: str) -> list[Table]:
    """Return the way to another host, hop by hop: ``{count, hostname, ip, ms1, ms2, ms3}`` each.

    Example:
        saltern run '*' network.traceroute web1.example.com
    """
    lines = host.run("traceroute", _name(host_), timeout=300.0).splitlines()
    return [_hop(line.split()) for line in lines if line.split()[:1] and line.split()[0].isdigit()]


def dig(host: Host, host_: str) -> str:
    """Return what dig(1) finds out about a name.

    Example:
        saltern run '*' network.dig example.com
    """
    return host.run("dig", _name(host_)).strip()


def connect(host: Host, host_: str, port: int, timeout: float = 5.0) -> dict[str, Any]:
    """Try to open a TCP connection to another host; return ``{result, comment}``.

    Example:
        saltern run '*' network.connect db1.example.com 5432
    """
    why = host.reach(_name(host_), port, timeout)
    if not why:
        return {"result": True, "comment": f"Successfully connected to {host_} on tcp port {port}"}
    host.fail(1)
    return {"result": False, "comment": f"Unable to connect to {host_} on tcp port {port}: {why}"}


def _neighbours(host: Host, version: str) -> dict[str, str]:
    rows = (line.split() for line in host.run("ip", version, "neighbour", "show").splitlines())
    return {row[row.index("lladdr") + 1]: row[0] for row in rows if "lladdr" in row}


def _hop(words: list[str]) -> Table:
    """Take apart ``3  name (192.0.2.1)  0.5 ms  0.6 ms  0.5 ms``; a silent hop has no name."""
    times = [float(word) for word, unit in pairwise(words) if unit == "ms"]
    named = len(words) > 2 and words[2].startswith("(")
    hop: Table = {"count": int(words[0]), "hostname": words[1] if named else "*"}
    hop["ip"] = words[2].strip("()") if named else None
    return hop | {f"ms{number}": time for number, time in enumerate(times, start=1)}


def _name(text: str) -> str:
    """Return a host's name or address; what looks like an option of a program is refused."""
    if text.startswith("-") or not text or any(character.isspace() for character in text):
        raise BadArgument(f"{text!r} is no name or address of a host")
    return text
