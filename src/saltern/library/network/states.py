"""Interfaces, routes and the host's name, kept in the platform's own files."""

from __future__ import annotations

import difflib
import ipaddress
import posixpath
import re
from typing import Any, Literal

from saltern.library._firewall import demanded
from saltern.library.network import files
from saltern.library.network.files import Files, Interface, Kind, Route
from saltern.sdk import BadArgument, Changes, Conflict, Done, Host, Moment, NotSupported, State

Text = str | int
Many = str | list[str] | None

_MAIN = "/etc/network/interfaces"


class Managed(State, frozen=True, kw_only=True):
    """Keep an interface in the platform's files; ``name`` is the interface's.

    Those are ifupdown's, systemd-networkd's, netplan's, ``ifcfg`` files or NetworkManager's, as the host has
    them. ``type`` is ``eth``, ``bond`` (``slaves``, ``mode``), ``slave`` (``master``), ``bridge`` (``ports``)
    or ``vlan`` (``name: eth0.100``, or ``phys`` and ``vlan_id``). ``noifupdown: true`` only writes.

    Example:
        - network.managed:
            name: eth0
            type: eth
            proto: static
            ipaddr: 192.0.2.10
            netmask: 255.255.255.0
            gateway: 192.0.2.1
            dns: [192.0.2.53]
    """

    type: Kind = "eth"
    enabled: bool = True
    proto: Literal["static", "dhcp", "none", "manual"] = "none"
    ipaddr: str | None = None
    ipaddrs: list[str] = []  # noqa: RUF012  msgspec copies it
    netmask: Text | None = None
    gateway: str | None = None
    ipv6proto: Literal["static", "dhcp", "none", "manual"] = "none"
    ipv6addr: str | None = None
    ipv6netmask: Text = 64
    ipv6gateway: str | None = None
    dns: Many = None
    search: Many = None
    mtu: int | None = None
    macaddr: str | None = None
    master: str | None = None
    slaves: Many = None
    mode: str = "active-backup"
    ports: Many = None
    phys: str | None = None
    vlan_id: int | None = None
    noifupdown: bool = False

    def check(self, host: Host) -> Changes:
        """Return the difference of its files as ``interface``. Raises BadArgument, NotSupported, Conflict."""
        how = files.style(host)
        wanted = how.interface(self._interface())
        if how.name == "ifupdown":
            _refuse_a_second(host, self.name)
        shown = _difference(host, wanted)
        return Changes({"interface": shown} if shown else {}, mend=wanted)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Write them, and start the interface anew. Raises CommandFailed."""
        how = files.style(host)
        _write(host, changes.mend, how.mode)
        done: dict[str, Any] = dict(changes)
        if self.enabled and not self.noifupdown:
            files.restart(host, how, self.name)
            done["status"] = f"Interface {self.name} restart to validate"
        return Done(changes=done, comment=f"Interface {self.name} updated.")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        if moment is Moment.WOULD:
            return f"Interface {self.name} is set to be updated:\n{changes['interface']}"
        return f"Interface {self.name} is up to date."

    def _interface(self) -> Interface:
        parent, number = self._vlan()
        gateways = [one for one in (self.gateway, self.ipv6gateway) if one]
        return Interface(
            name=files.device(self.name),
            kind=self.type,
            enabled=self.enabled,
            dynamic=self.proto == "dhcp",
            dynamic6=self.ipv6proto == "dhcp",
            addresses=self._addresses(),
            gateways=tuple(str(_parsed(ipaddress.ip_address, one)) for one in gateways),
            dns=tuple(str(_parsed(ipaddress.ip_address, one)) for one in _many(self.dns)),
            search=files.plain(_many(self.search), "search"),
            mtu=self.mtu,
            mac=files.plain([self.macaddr], "macaddr")[0] if self.macaddr else "",
            master=files.device(self.master) if self.master else "",
            parent=parent,
            vlan=number,
            ports=tuple(map(files.device, _many(self.ports) or _many(self.slaves))),
            mode=files.plain([self.mode], "mode")[0],
        )

    def _addresses(self) -> tuple[str, ...]:
        if self.proto == "static" and not (self.ipaddr or self.ipaddrs):
            raise BadArgument(
                f"{self.name}: proto is static, and no address is given", hint="ipaddr: 192.0.2.10"
            )
        written = [_with_prefix(one, self.netmask) for one in [self.ipaddr, *self.ipaddrs] if one]
        written += [_with_prefix(self.ipv6addr, self.ipv6netmask)] if self.ipv6addr else []
        return tuple(str(_parsed(ipaddress.ip_interface, one)) for one in written)

    def _vlan(self) -> tuple[str, int | None]:
        if self.type != "vlan":
            return "", None
        parent, _, number = self.name.rpartition(".")
        vlan = self.vlan_id or (int(number) if number.isdigit() else 0)
        if not (self.phys or parent) or not 0 < vlan < 4095:
            raise BadArgument(
                f"{self.name}: of which interface, and which number?", hint="phys: eth0, vlan_id: 100"
            )
        return files.device(self.phys or parent), vlan


class Routes(State, frozen=True, kw_only=True):
    """Keep the routes of an interface; ``name`` is the interface's. These are all it has in its files.

    Example:
        - network.routes:
            name: eth0
            routes:
              - {name: lab, ipaddr: 198.51.100.0, netmask: 255.255.255.0, gateway: 192.0.2.254}
    """

    routes: list[dict[str, Text]]
    noifupdown: bool = False

    def check(self, host: Host) -> Changes:
        """Return the difference of its files as ``network_routes``. Raises BadArgument, NotSupported."""
        wanted = files.style(host).routes(files.device(self.name), [_route(one) for one in self.routes])
        shown = _difference(host, wanted)
        return Changes({"network_routes": shown} if shown else {}, mend=wanted)

    def apply(self, host: Host, changes: Changes) -> None:
        """Write them, and start the interface anew. Raises CommandFailed."""
        how = files.style(host)
        _write(host, changes.mend, 0o755 if how.name == "ifupdown" else how.mode)
        if not self.noifupdown:
            files.restart(host, how, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Interface {self.name} routes are up to date.",
            Moment.WOULD: f"Interface {self.name} routes are set to be updated.",
            Moment.DONE: f"Interface {self.name} routes updated.",
        }[moment]


class System(State, frozen=True, kw_only=True):
    """Keep the host's name, and on RHEL what ``/etc/sysconfig/network`` says.

    ``apply_hostname: true`` has the name hold at once. ``gateway``, ``gatewaydev``, ``nozeroconf`` and
    ``enabled: false`` are for hosts with such a file.

    Example:
        - network.system: {name: name of the host, hostname: web1.example.com, apply_hostname: true}
    """

    enabled: bool = True
    hostname: str | None = None
    apply_hostname: bool = False
    gateway: str | None = None
    gatewaydev: str | None = None
    nozeroconf: bool | None = None
    retain_settings: bool = True

    def check(self, host: Host) -> Changes:
        """Return the files' difference as ``network_settings``, and ``hostname``. Raises BadArgument."""
        wanted = self._files(host)
        shown = _difference(host, wanted)
        changes: dict[str, Any] = {"network_settings": shown} if shown else {}
        if self.apply_hostname and self.hostname:
            now = demanded(host, "hostname").strip()
            changes |= {"hostname": {"old": now, "new": self.hostname}} if now != self.hostname else {}
        return Changes(changes, mend=wanted)

    def apply(self, host: Host, changes: Changes) -> None:
        """Write them, and set the name. Raises CommandFailed."""
        _write(host, changes.mend, 0o644)
        if "hostname" in changes and self.hostname:
            demanded(host, "hostname", self.hostname)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Global network settings are up to date.",
            Moment.WOULD: "Global network settings are set to be updated.",
            Moment.DONE: "Global network settings are updated.",
        }[moment]

    def _files(self, host: Host) -> Files:
        found: Files = {}
        if self.hostname is not None:
            if len(self.hostname) > 64 or not re.fullmatch(
                r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", self.hostname
            ):
                raise BadArgument(f"{self.hostname!r} is no name of a host")
            found["/etc/hostname"] = f"{self.hostname}\n"
        settings = self._settings()
        if host.grains.get("os_family") == "RedHat":
            found["/etc/sysconfig/network"] = self._sysconfig(host, settings)
        elif len(settings) > 1 or not self.enabled:
            raise NotSupported(
                "this host has no /etc/sysconfig/network", hint="network.managed takes a gateway"
            )
        return found

    def _settings(self) -> dict[str, str]:
        found = {"NETWORKING": "yes" if self.enabled else "no"}
        found |= {"GATEWAY": str(_parsed(ipaddress.ip_address, self.gateway))} if self.gateway else {}
        found |= {"GATEWAYDEV": files.device(self.gatewaydev)} if self.gatewaydev else {}
        found |= {} if self.nozeroconf is None else {"NOZEROCONF": "yes" if self.nozeroconf else "no"}
        return found

    def _sysconfig(self, host: Host, settings: dict[str, str]) -> str:
        lines = host.text("/etc/sysconfig/network", "").splitlines() if self.retain_settings else []
        kept = [line for line in lines if line.partition("=")[0].strip() not in settings]
        return "".join(
            f"{line}\n" for line in [*kept, *(f"{key}={value}" for key, value in settings.items())]
        )


def _difference(host: Host, wanted: Files) -> str:
    """Return how files differ from what they shall be; empty text when they don't."""
    found: list[str] = []
    for path, content in wanted.items():
        before = host.text(path, "").splitlines(keepends=True)
        found += difflib.unified_diff(before, content.splitlines(keepends=True), path, path)
    return "".join(found)


def _write(host: Host, wanted: Files, mode: int) -> None:
    for path, content in wanted.items():
        host.make_directory(posixpath.dirname(path))
        host.write(path, content.encode(), mode)


def _refuse_a_second(host: Host, name: str) -> None:
    main = host.text(_MAIN, "")
    if re.search(rf"^\s*iface\s+{re.escape(name)}\s", main, re.MULTILINE):
        raise Conflict(f"{_MAIN} has an entry for {name}", hint="take it out: it would hold beside this one")
    if not re.search(r"^\s*source(-directory)?\s+(/etc/network/)?interfaces\.d", main, re.MULTILINE):
        raise Conflict(
            f"{_MAIN} does not read interfaces.d", hint="have a line: source /etc/network/interfaces.d/*"
        )


def _many(given: Many) -> list[str]:
    if given is None:
        return []
    return given.replace(",", " ").split() if isinstance(given, str) else list(given)


def _with_prefix(address: str, netmask: Text | None) -> str:
    if "/" in address:
        return address
    if netmask is None:
        raise BadArgument(
            f"{address} has no netmask", hint="netmask: 255.255.255.0, or ipaddr: 192.0.2.10/24"
        )
    return f"{address}/{netmask}"


def _parsed(kind: Any, text: str) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        raise BadArgument(f"{text!r}: {error}") from None


def _route(given: dict[str, Text]) -> Route:
    unknown = sorted(set(given) - {"name", "ipaddr", "netmask", "gateway", "metric"})
    if unknown or "ipaddr" not in given:
        problem = f"has no {unknown[0]!r}" if unknown else "needs ipaddr"
        raise BadArgument(f"a route {problem}", hint="ipaddr, netmask, gateway, metric")
    written = _with_prefix(str(given["ipaddr"]), given.get("netmask"))
    gateway = str(given["gateway"]) if given.get("gateway") else ""
    return Route(
        network=str(_parsed(ipaddress.ip_network, written)),
        gateway=str(_parsed(ipaddress.ip_address, gateway)) if gateway else "",
        metric=int(given["metric"]) if "metric" in given else None,
    )
