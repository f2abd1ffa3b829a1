"""What platforms keep of an interface in files, and how they are told that it has changed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from saltern.library._firewall import demanded, word
from saltern.sdk import BadArgument, Host, NotSupported

Files = dict[str, str]  # content by path
Kind = Literal["eth", "bond", "slave", "vlan", "bridge"]


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """An interface as it shall be, whatever the platform: addresses have their prefix."""

    name: str
    kind: Kind = "eth"
    enabled: bool = True
    dynamic: bool = False
    dynamic6: bool = False
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    mtu: int | None = None
    mac: str = ""
    master: str = ""  # the bond it belongs to
    parent: str = ""  # of a vlan
    vlan: int | None = None
    ports: tuple[str, ...] = ()  # of a bridge or a bond
    mode: str = ""  # of a bond

    def of(self, version: int) -> list[str]:
        """Return the addresses of a version, with their prefixes."""
        return [one for one in self.addresses if ipaddress.ip_interface(one).version == version]

    def gateway(self, version: int) -> str:
        """Return the gateway of a version, or nothing."""
        found = (one for one in self.gateways if ipaddress.ip_address(one).version == version)
        return next(found, "")


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A route: a network with its prefix, and where packets to it go."""

    network: str
    gateway: str = ""
    metric: int | None = None


class Style(msgspec.Struct, frozen=True):
    """How a platform keeps interfaces: what it writes, and what it runs afterwards."""

    name: str
    interface: Callable[[Interface], Files]
    routes: Callable[[str, Sequence[Route]], Files]
    restart: Callable[[str], list[list[str]]]
    mode: int = 0o644


_DEVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,14}", re.ASCII)


def device(name: str) -> str:
    """Return an interface's name. Raises BadArgument for what is none."""
    if not _DEVICE.fullmatch(name):
        raise BadArgument(f"{name!r} is no name of an interface", hint="15 characters at most, no spaces")
    return name


def style(host: Host) -> Style:
    """Return how this host keeps its interfaces. Raises NotSupported."""
    if host.which("netplan") and host.exists("/etc/netplan"):
        return STYLES["netplan"]
    if host.exists("/etc/sysconfig/network-scripts") and host.which("ifup"):
        return STYLES["ifcfg"]
    if host.exists("/etc/NetworkManager/system-connections") and host.which("nmcli"):
        return STYLES["networkmanager"]
    if host.exists("/etc/network") and host.which("ifup"):
        return STYLES["ifupdown"]
    if host.exists("/etc/systemd/network") and host.which("networkctl"):
        return STYLES["networkd"]
    raise NotSupported(
        "this host keeps its interfaces in no way that is known", hint=f"known: {', '.join(STYLES)}"
    )


def restart(host: Host, how: Style, name: str) -> None:
    """Have the host take an interface's files in use. Raises CommandFailed."""
    for argv in how.restart(name):
        demanded(host, *argv)


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines if line)


# --- Debian's ifupdown --------------------------------------------------------------------------------


def _ifupdown(one: Interface) -> Files:
    auto = [f"auto {one.name}"] if one.enabled else []
    body = [
        *([f"    hwaddress {one.mac}"] if one.mac else []),
        *([f"    mtu {one.mtu}"] if one.mtu else []),
        *([f"    bond-master {one.master}"] if one.master else []),
        *(
            [f"    bond-slaves {' '.join(one.ports) or 'none'}", f"    bond-mode {one.mode}"]
            if one.kind == "bond"
            else []
        ),
        *([f"    bridge_ports {' '.join(one.ports) or 'none'}"] if one.kind == "bridge" else []),
        *([f"    vlan-raw-device {one.parent}"] if one.kind == "vlan" else []),
        *([f"    dns-nameservers {' '.join(one.dns)}"] if one.dns else []),
        *([f"    dns-search {' '.join(one.search)}"] if one.search else []),
    ]
    stanzas = [*_stanzas(one, 4, one.dynamic), *_stanzas(one, 6, one.dynamic6)]
    stanzas = stanzas or [f"iface {one.name} inet manual"]
    return {f"/etc/network/interfaces.d/{one.name}": _lines(*auto, stanzas[0], *body, *stanzas[1:])}


def _stanzas(one: Interface, version: int, dynamic: bool) -> Iterator[str]:
    family = "inet" if version == 4 else "inet6"
    if dynamic:
        yield f"iface {one.name} {family} dhcp"
    for number, address in enumerate(one.of(version)):
        way_out = one.gateway(version) if number == 0 else ""
        gateway = f"\n    gateway {way_out}" if way_out else ""
        yield f"iface {one.name} {family} static\n    address {address}{gateway}"


def _ifupdown_routes(name: str, routes: Sequence[Route]) -> Files:
    def script(verb: str) -> str:
        test = f'[ "$IFACE" = "{name}" ] || exit 0'
        return _lines("#!/bin/sh", test, *(f"ip route {verb} {_words(one, name)}" for one in routes))

    return {
        f"/etc/network/if-up.d/route-{name}": script("replace"),
        f"/etc/network/if-down.d/route-{name}": script("delete"),
    }


def _words(route: Route, name: str) -> str:
    via = f" via {route.gateway}" if route.gateway else ""
    return f"{route.network}{via} dev {name}{f' metric {route.metric}' if route.metric is not None else ''}"


# --- systemd-networkd -----------------------------------------------------------------------------------


def _networkd(one: Interface) -> Files:
    base = f"/etc/systemd/network/10-saltern-{one.name}"
    dhcp = {(True, True): "yes", (True, False): "ipv4", (False, True): "ipv6"}.get(
        (one.dynamic, one.dynamic6)
    )
    link = [f"MACAddress={one.mac}" if one.mac else "", f"MTUBytes={one.mtu}" if one.mtu else ""]
    link += [] if one.enabled else ["ActivationPolicy=manual"]
    network = [
        f"DHCP={dhcp}" if dhcp else "",
        *(f"Address={address}" for address in one.addresses),
        *(f"Gateway={gateway}" for gateway in one.gateways),
        *(f"DNS={server}" for server in one.dns),
        f"Domains={' '.join(one.search)}" if one.search else "",
        f"Bond={one.master}" if one.master else "",
    ]
    files = {f"{base}.network": _sections({"Match": [f"Name={one.name}"], "Link": link, "Network": network})}
    if one.kind in ("bond", "bridge", "vlan"):
        more = {"Bond": [f"Mode={one.mode}"]} if one.kind == "bond" else {}
        more |= {"VLAN": [f"Id={one.vlan}"]} if one.kind == "vlan" else {}
        files[f"{base}.netdev"] = _sections({"NetDev": [f"Name={one.name}", f"Kind={one.kind}"], **more})
    for port in one.ports:
        key = "Bridge" if one.kind == "bridge" else "Bond"
        files[f"{base}-{port}.network"] = _sections(
            {"Match": [f"Name={port}"], "Network": [f"{key}={one.name}"]}
        )
    if one.kind == "vlan":
        path = f"/etc/systemd/network/10-saltern-{one.parent}.network.d/{one.name}.conf"
        files[path] = _sections({"Network": [f"VLAN={one.name}"]})
    return files


def _networkd_routes(name: str, routes: Sequence[Route]) -> Files:
    blocks = "\n".join(_sections({"Route": _route_keys(one)}) for one in routes)
    return {f"/etc/systemd/network/10-saltern-{name}.network.d/routes.conf": blocks}


def _route_keys(one: Route) -> list[str]:
    return [
        f"Destination={one.network}",
        f"Gateway={one.gateway}" if one.gateway else "",
        f"Metric={one.metric}" if one.metric is not None else "",
    ]


def _sections(sections: Mapping[str, Sequence[str]]) -> str:
    blocks = [_lines(f"[{name}]", *lines) for name, lines in sections.items() if any(lines)]
    return "\n".join(blocks)


# --- netplan ------------------------------------------------------------------------------------------------


def _netplan(one: Interface) -> Files:
    found: dict[str, object] = {}
    found |= {"dhcp4": True} if one.dynamic else {}
    found |= {"dhcp6": True} if one.dynamic6 else {}
    found |= {"addresses": list(one.addresses)} if one.addresses else {}
    defaults = [{"to": "default", "via": gateway} for gateway in one.gateways]
    found |= {"routes": defaults} if defaults else {}
    servers = {"addresses": list(one.dns)} if one.dns else {}
    servers |= {"search": list(one.search)} if one.search else {}
    found |= {"nameservers": servers} if servers else {}
    found |= {"mtu": one.mtu} if one.mtu else {}
    found |= {"macaddress": one.mac} if one.mac else {}
    found |= {"interfaces": list(one.ports)} if one.kind in ("bond", "bridge") else {}
    found |= {"parameters": {"mode": one.mode}} if one.kind == "bond" else {}
    found |= {"id": one.vlan, "link": one.parent} if one.kind == "vlan" else {}
    found |= {} if one.enabled else {"activation-mode": "manual"}
    section = {"bond": "bonds", "bridge": "bridges", "vlan": "vlans"}.get(one.kind, "ethernets")
    return {f"/etc/netplan/90-saltern-{one.name}.yaml": _yaml(section, one.name, found)}


def _netplan_routes(name: str, routes: Sequence[Route]) -> Files:
    found = [
        {"to": one.network}
        | ({"via": one.gateway} if one.gateway else {})
        | ({"metric": one.metric} if one.metric is not None else {})
        for one in routes
    ]
    return {f"/etc/netplan/91-saltern-{name}-routes.yaml": _yaml("ethernets", name, {"routes": found})}


def _yaml(section: str, name: str, found: Mapping[str, object]) -> str:
    import yaml

    return yaml.safe_dump({"network": {"version": 2, section: {name: dict(found)}}}, sort_keys=False)


# --- RHEL's ifcfg and NetworkManager's keyfiles ----------------------------------------------------------


def _ifcfg(one: Interface) -> Files:
    settings = [
        f"DEVICE={one.name}",
        f"ONBOOT={'yes' if one.enabled else 'no'}",
        f"BOOTPROTO={'dhcp' if one.dynamic else 'none'}",
        *_numbered("IPADDR", [address.split("/")[0] for address in one.of(4)]),
        *_numbered("PREFIX", [address.split("/")[1] for address in one.of(4)]),
        f"GATEWAY={one.gateway(4)}" if one.gateway(4) else "",
        *(["IPV6INIT=yes"] if one.of(6) or one.dynamic6 else []),
        "DHCPV6C=yes" if one.dynamic6 else "",
        f"IPV6ADDR={one.of(6)[0]}" if one.of(6) else "",
        f'IPV6ADDR_SECONDARIES="{" ".join(one.of(6)[1:])}"' if one.of(6)[1:] else "",
        f"IPV6_DEFAULTGW={one.gateway(6)}" if one.gateway(6) else "",
        *(f"DNS{number}={server}" for number, server in enumerate(one.dns, 1)),
        f'DOMAIN="{" ".join(one.search)}"' if one.search else "",
        f"MTU={one.mtu}" if one.mtu else "",
        f"MACADDR={one.mac}" if one.mac else "",
        *([f"MASTER={one.master}", "SLAVE=yes"] if one.master else []),
        *(
            ["TYPE=Bond", "BONDING_MASTER=yes", f'BONDING_OPTS="mode={one.mode}"']
            if one.kind == "bond"
            else []
        ),
        *(["TYPE=Bridge"] if one.kind == "bridge" else []),
        *(["VLAN=yes", f"PHYSDEV={one.parent}", f"VLAN_ID={one.vlan}"] if one.kind == "vlan" else []),
    ]
    return {f"/etc/sysconfig/network-scripts/ifcfg-{one.name}": _lines(*settings)}


def _numbered(key: str, values: Sequence[str]) -> list[str]:
    return [f"{key}{number or ''}={value}" for number, value in enumerate(values)]


def _ifcfg_routes(name: str, routes: Sequence[Route]) -> Files:
    def lines(version: int) -> str:
        wanted = (one for one in routes if ipaddress.ip_network(one.network).version == version)
        return _lines(*(_words(one, name) for one in wanted))

    base = "/etc/sysconfig/network-scripts/route"
    return {f"{base}-{name}": lines(4)} | ({f"{base}6-{name}": lines(6)} if lines(6) else {})


def _keyfile(one: Interface) -> Files:
    kind = {"eth": "ethernet", "slave": "ethernet"}.get(one.kind, one.kind)
    connection = [
        f"id={one.name}",
        f"type={kind}",
        f"interface-name={one.name}",
        "" if one.enabled else "autoconnect=false",
        *([f"master={one.master}", "slave-type=bond"] if one.master else []),
    ]
    wired = [f"mtu={one.mtu}" if one.mtu else "", f"cloned-mac-address={one.mac}" if one.mac else ""]
    sections = {
        "connection": connection,
        "ethernet": wired,
        "bond": [f"mode={one.mode}"] if one.kind == "bond" else [],
        "vlan": [f"id={one.vlan}", f"parent={one.parent}"] if one.kind == "vlan" else [],
        "ipv4": _internet(one, 4, one.dynamic),
        "ipv6": _internet(one, 6, one.dynamic6),
    }
    return {f"/etc/NetworkManager/system-connections/{one.name}.nmconnection": _sections(sections)}


def _internet(one: Interface, version: int, dynamic: bool) -> list[str]:
    addresses, gateway = one.of(version), one.gateway(version)
    dns = [server for server in one.dns if ipaddress.ip_address(server).version == version]
    method = "auto" if dynamic else "manual" if addresses else "disabled" if version == 4 else "ignore"
    return [
        *(f"address{number}={address}" for number, address in enumerate(addresses, 1)),
        f"gateway={gateway}" if gateway else "",
        f"dns={';'.join(dns)};" if dns else "",
        f"dns-search={';'.join(one.search)};" if one.search and method != "disabled" else "",
        f"method={method}",
    ]


def _no_routes(name: str, routes: Sequence[Route]) -> Files:
    raise NotSupported(
        "routes of NetworkManager's connections are not kept yet", hint="nmcli connection modify"
    )


STYLES: Mapping[str, Style] = {
    one.name: one
    for one in (
        Style("netplan", _netplan, _netplan_routes, lambda name: [["netplan", "apply"]], 0o600),
        Style("ifcfg", _ifcfg, _ifcfg_routes, lambda name: [["ifdown", name], ["ifup", name]]),
        Style(
            "networkmanager",
            _keyfile,
            _no_routes,
            lambda name: [["nmcli", "connection", "reload"], ["nmcli", "connection", "up", name]],
            0o600,
        ),
        Style(
            "ifupdown",
            _ifupdown,
            _ifupdown_routes,
            lambda name: [["ifdown", "--force", name], ["ifup", name]],
        ),
        Style(
            "networkd",
            _networkd,
            _networkd_routes,
            lambda name: [["networkctl", "reload"], ["networkctl", "reconfigure", name]],
        ),
    )
}


def plain(values: Sequence[object], what: str) -> tuple[str, ...]:
    """Return values that may stand in such a file: no quotes, no control characters. Raises BadArgument."""
    found = tuple(word(one, what) for one in values)
    for one in found:
        if not re.fullmatch(r"[A-Za-z0-9_.:/-]+", one):
            raise BadArgument(f"{what}: {one!r} can't be one")
    return found
