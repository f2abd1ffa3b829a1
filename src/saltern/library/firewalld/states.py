"""Zones and services kept as they shall be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from saltern.library import firewalld
from saltern.library._firewall import checked
from saltern.library.firewalld import zones
from saltern.sdk import Changes, Host, Moment, State


class _Part(msgspec.Struct, frozen=True):
    """What a zone has many of: its argument, its line in firewalld's lists, and the option's name."""

    argument: str
    line: str
    option: str


_PARTS = (
    _Part("services", "services", "service"),
    _Part("ports", "ports", "port"),
    _Part("port_fwd", "forward-ports", "forward-port"),
    _Part("interfaces", "interfaces", "interface"),
    _Part("sources", "sources", "source"),
    _Part("rich_rules", "rich rules", "rich-rule"),
    _Part("block_icmp", "icmp-blocks", "icmp-block"),
)


class Present(State, frozen=True, kw_only=True):
    """Keep a zone; ``name`` is the zone's. What changes is permanent, and holds at once.

    ``services``, ``ports``, ``port_fwd`` (``80:8080:tcp:192.0.2.1``), ``interfaces``, ``sources``,
    ``rich_rules`` and ``block_icmp`` are what it shall have; ``prune_services``, … remove the others.
    ``masquerade`` and ``default`` are left alone unless given.

    Example:
        - firewalld.present:
            name: backend
            services: [ssh]
            ports: [8080/tcp, 9000-9010/udp]
            sources: [192.0.2.0/24]
            prune_ports: true
    """

    block_icmp: list[str] | None = None
    prune_block_icmp: bool = False
    default: bool | None = None
    masquerade: bool | None = None
    ports: list[str | int] | None = None
    prune_ports: bool = False
    port_fwd: list[str] | None = None
    prune_port_fwd: bool = False
    services: list[str] | None = None
    prune_services: bool = False
    interfaces: list[str] | None = None
    prune_interfaces: bool = False
    sources: list[str] | None = None
    prune_sources: bool = False
    rich_rules: list[str] | None = None
    prune_rich_rules: bool = False

    def check(self, host: Host) -> Changes:
        """Return what is otherwise: ``{argument: {old, new}}``. Raises CommandFailed, BadArgument."""
        zone = checked(self.name, "zone")
        is_new = zone not in firewalld.get_zones(host)
        now = {} if is_new else firewalld.list_all(host, zone).get(zone, {})
        found: dict[str, Any] = {zone: {"old": zone, "new": zone}} if is_new else {}
        for part, old, new in self._lists(now):
            if old != new:
                found[part.argument] = {"old": old, "new": new}
        return Changes(found | self._switches(host, now))

    def apply(self, host: Host, changes: Changes) -> None:
        """Change what is otherwise, permanently, and have it hold. Raises CommandFailed."""
        if self.name in changes:
            firewalld.new_zone(host, self.name, restart=False)
        for part in _PARTS:
            if part.argument in changes:
                self._set(host, part, changes[part.argument]["old"], changes[part.argument]["new"])
        if "masquerade" in changes:
            how = "add" if self.masquerade else "remove"
            zones.change(host, self.name, f"--{how}-masquerade", permanent=True)
        firewalld.reload_rules(host)
        if "default" in changes:
            firewalld.set_default_zone(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"'{self.name}' is already in the desired state.",
            Moment.WOULD: f"Configuration for '{self.name}' will change.",
            Moment.DONE: f"'{self.name}' was configured.",
        }[moment]

    def _lists(self, now: zones.Settings) -> Iterator[tuple[_Part, list[str], list[str]]]:
        """Give each part that is asked for with what it has and what it shall have."""
        for part in _PARTS:
            given = getattr(self, part.argument)
            prune = getattr(self, f"prune_{part.argument}")
            if given is None and not prune:
                continue
            old = sorted(_same(part, one) for one in now.get(part.line, []))
            wanted = {_same(part, str(one)) for one in given or []}
            yield part, old, sorted(wanted if prune else wanted | set(old))

    def _switches(self, host: Host, now: zones.Settings) -> dict[str, Any]:
        found: dict[str, Any] = {}
        hides = now.get("masquerade") == ["yes"]
        if self.masquerade is not None and self.masquerade != hides:
            found["masquerade"] = {"old": hides, "new": self.masquerade}
        if self.default:
            default = firewalld.default_zone(host)
            found |= {"default": {"old": default, "new": self.name}} if default != self.name else {}
        return found

    def _set(self, host: Host, part: _Part, old: list[str], new: list[str]) -> None:
        for how, values in (("remove", set(old) - set(new)), ("add", set(new) - set(old))):
            for value in sorted(values):
                zones.change(host, self.name, f"--{how}-{part.option}={value}", permanent=True)


def _same(part: _Part, value: str) -> str:
    """Return a value as firewalld writes it, however it was written."""
    if part.argument == "port_fwd":
        return zones.parse_forward(value)
    if part.argument == "rich_rules":
        return _rich(value)
    return f"{value}/tcp" if part.argument == "ports" and value.isdigit() else value


def _rich(rule: str) -> str:
    """Return a rich rule with the quotes that firewalld writes, and one space between its words."""
    return re.sub(r"""(\S+?)=(["']?)([^"'\s]+)\2(?=\s|$)""", r'\1="\3"', " ".join(rule.split()))


class Service(State, frozen=True, kw_only=True):
    """Keep a service that zones may let in: exactly these ports and protocols, those that are given.

    Example:
        - firewalld.service: {name: my-app, ports: [8080/tcp, 8443/tcp]}
    """

    ports: list[str] | None = None
    protocols: list[str] | None = None

    def check(self, host: Host) -> Changes:
        """Return what is otherwise: ``{ports: {old, new}, protocols: {old, new}}``. Raises CommandFailed."""
        name = checked(self.name, "service")
        is_new = name not in firewalld.get_services(host)
        found: dict[str, Any] = {"service": {"old": "", "new": name}} if is_new else {}
        old_ports = [] if is_new else firewalld.get_service_ports(host, name)
        old_protocols = [] if is_new else firewalld.get_service_protocols(host, name)
        for what, old, new in (
            ("ports", old_ports, self.ports),
            ("protocols", old_protocols, self.protocols),
        ):
            if new is not None and set(old) != set(new):
                found[what] = {"old": sorted(old), "new": sorted(set(new))}
        return Changes(found)

    def apply(self, host: Host, changes: Changes) -> None:
        """Change what is otherwise, and have it hold. Raises CommandFailed."""
        if "service" in changes:
            firewalld.new_service(host, self.name, restart=False)
        for what, option in (("ports", "port"), ("protocols", "protocol")):
            both = changes.get(what, {"old": [], "new": []})
            for value in sorted(set(both["old"]) - set(both["new"])):
                zones.change_service(host, self.name, f"remove-{option}", value)
            for value in sorted(set(both["new"]) - set(both["old"])):
                zones.change_service(host, self.name, f"add-{option}", value)
        firewalld.reload_rules(host)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"The service {self.name} is in the desired state",
            Moment.WOULD: f"Configuration for the service {self.name} will change.",
            Moment.DONE: f"The service {self.name} was configured.",
        }[moment]
