"""firewalld: zones with their services, ports, sources and rules, now and after a restart.

Functions change what is permanent, as Salt's do; ``permanent=False`` what holds until the next reload.
"""

from __future__ import annotations

from saltern.library._firewall import asked, checked, demanded, said, word
from saltern.library.firewalld import zones
from saltern.sdk import BadArgument, CommandFailed, Host

REQUIRES = ("firewall-cmd",)


def version(host: Host) -> str:
    """Return firewalld's version.

    Example:
        saltern run '*' firewalld.version
    """
    return demanded(host, "firewall-cmd", "--version").strip()


def default_zone(host: Host) -> str:
    """Return the zone of interfaces and sources that no other names.

    Example:
        saltern run '*' firewalld.default_zone
    """
    return demanded(host, "firewall-cmd", "--get-default-zone").strip()


def set_default_zone(host: Host, zone: str) -> bool:
    """Choose the default zone, now and permanently. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.set_default_zone internal
    """
    demanded(host, "firewall-cmd", f"--set-default-zone={checked(zone, 'zone')}")
    return True


def reload_rules(host: Host) -> bool:
    """Have what is permanent hold now. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.reload_rules
    """
    demanded(host, "firewall-cmd", "--reload")
    return True


def make_permanent(host: Host) -> bool:
    """Have what holds now hold permanently. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.make_permanent
    """
    demanded(host, "firewall-cmd", "--runtime-to-permanent")
    return True


def get_zones(host: Host, permanent: bool = True) -> list[str]:
    """Return the names of the zones.

    Example:
        saltern run '*' firewalld.get_zones
    """
    return zones.run(host, permanent, "--get-zones").split()


def list_zones(host: Host, permanent: bool = True) -> dict[str, dict[str, list[str]]]:
    """Return all zones with what is set in each, in the shape of ``list_all``.

    Example:
        saltern run '*' firewalld.list_zones
    """
    return zones.parse(zones.run(host, permanent, "--list-all-zones"))


def list_all(host: Host, zone: str | None = None, permanent: bool = True) -> dict[str, dict[str, list[str]]]:
    """Return what is set in a zone, the default one unless named: ``{zone: {services: […], ports: […] …}}``.

    Raises CommandFailed.

    Example:
        saltern run '*' firewalld.list_all public
    """
    return zones.parse(zones.run(host, permanent, *_zone(zone), "--list-all"))


def new_zone(host: Host, zone: str, restart: bool = True) -> bool:
    """Make a zone; ``restart`` has it hold at once. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.new_zone backend
    """
    zones.run(host, True, f"--new-zone={checked(zone, 'zone')}")
    return reload_rules(host) if restart else True


def delete_zone(host: Host, zone: str, restart: bool = True) -> bool:
    """Remove a zone. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.delete_zone backend
    """
    zones.run(host, True, f"--delete-zone={checked(zone, 'zone')}")
    return reload_rules(host) if restart else True


def get_services(host: Host, permanent: bool = True) -> list[str]:
    """Return the names of all services that firewalld knows.

    Example:
        saltern run '*' firewalld.get_services
    """
    return zones.run(host, permanent, "--get-services").split()


def new_service(host: Host, name: str, restart: bool = True) -> bool:
    """Make a service without ports. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.new_service my-app
    """
    zones.run(host, True, f"--new-service={checked(name, 'service')}")
    return reload_rules(host) if restart else True


def delete_service(host: Host, name: str, restart: bool = True) -> bool:
    """Remove a service. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.delete_service my-app
    """
    zones.run(host, True, f"--delete-service={checked(name, 'service')}")
    return reload_rules(host) if restart else True


def get_service_ports(host: Host, service: str) -> list[str]:
    """Return the ports of a service. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.get_service_ports ssh
    """
    return zones.run(host, True, f"--service={checked(service, 'service')}", "--get-ports").split()


def get_service_protocols(host: Host, service: str) -> list[str]:
    """Return the protocols of a service. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.get_service_protocols vrrp
    """
    return zones.run(host, True, f"--service={checked(service, 'service')}", "--get-protocols").split()


def add_service_port(host: Host, service: str, port: str) -> bool:
    """Add a port to a service. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.add_service_port my-app 8080/tcp
    """
    return zones.change_service(host, service, "add-port", port)


def remove_service_port(host: Host, service: str, port: str) -> bool:
    """Remove a port from a service. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.remove_service_port my-app 8080/tcp
    """
    return zones.change_service(host, service, "remove-port", port)


def add_service_protocol(host: Host, service: str, protocol: str) -> bool:
    """Add a protocol to a service. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.add_service_protocol my-app gre
    """
    return zones.change_service(host, service, "add-protocol", protocol)


def remove_service_protocol(host: Host, service: str, protocol: str) -> bool:
    """Remove a protocol from a service. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.remove_service_protocol my-app gre
    """
    return zones.change_service(host, service, "remove-protocol", protocol)


def list_services(host: Host, zone: str | None = None, permanent: bool = True) -> list[str]:
    """Return the services a zone lets in.

    Example:
        saltern run '*' firewalld.list_services public
    """
    return zones.run(host, permanent, *_zone(zone), "--list-services").split()


def add_service(host: Host, service: str, zone: str | None = None, permanent: bool = True) -> bool:
    """Let a service in. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.add_service ssh public
    """
    return zones.change(host, zone, f"--add-service={word(service, 'service')}", permanent)


def remove_service(host: Host, service: str, zone: str | None = None, permanent: bool = True) -> bool:
    """Let a service in no longer. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.remove_service ssh public
    """
    return zones.change(host, zone, f"--remove-service={word(service, 'service')}", permanent)


def list_ports(host: Host, zone: str, permanent: bool = True) -> list[str]:
    """Return the ports a zone lets in: ``8080/tcp``.

    Example:
        saltern run '*' firewalld.list_ports public
    """
    return zones.run(host, permanent, *_zone(zone), "--list-ports").split()


def add_port(host: Host, zone: str, port: str, permanent: bool = True) -> bool:
    """Let a port in. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.add_port public 8080/tcp
    """
    return zones.change(host, zone, f"--add-port={word(port, 'port')}", permanent)


def remove_port(host: Host, zone: str, port: str, permanent: bool = True) -> bool:
    """Let a port in no longer. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.remove_port public 8080/tcp
    """
    return zones.change(host, zone, f"--remove-port={word(port, 'port')}", permanent)


def get_interfaces(host: Host, zone: str, permanent: bool = True) -> list[str]:
    """Return a zone's interfaces.

    Example:
        saltern run '*' firewalld.get_interfaces public
    """
    return zones.run(host, permanent, *_zone(zone), "--list-interfaces").split()


def add_interface(host: Host, zone: str, interface: str, permanent: bool = True) -> bool:
    """Put an interface into a zone. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.add_interface internal eth1
    """
    return zones.change(host, zone, f"--add-interface={word(interface, 'interface')}", permanent)


def remove_interface(host: Host, zone: str, interface: str, permanent: bool = True) -> bool:
    """Take an interface out of a zone. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.remove_interface internal eth1
    """
    return zones.change(host, zone, f"--remove-interface={word(interface, 'interface')}", permanent)


def get_sources(host: Host, zone: str, permanent: bool = True) -> list[str]:
    """Return the networks that belong to a zone.

    Example:
        saltern run '*' firewalld.get_sources internal
    """
    return zones.run(host, permanent, *_zone(zone), "--list-sources").split()


def add_source(host: Host, zone: str, source: str, permanent: bool = True) -> bool:
    """Put a network into a zone. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.add_source internal 192.0.2.0/24
    """
    return zones.change(host, zone, f"--add-source={word(source, 'source')}", permanent)


def remove_source(host: Host, zone: str, source: str, permanent: bool = True) -> bool:
    """Take a network out of a zone. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.remove_source internal 192.0.2.0/24
    """
    return zones.change(host, zone, f"--remove-source={word(source, 'source')}", permanent)


def get_rich_rules(host: Host, zone: str, permanent: bool = True) -> list[str]:
    """Return a zone's rich rules.

    Example:
        saltern run '*' firewalld.get_rich_rules public
    """
    return zones.run(host, permanent, *_zone(zone), "--list-rich-rules").splitlines()


def add_rich_rule(host: Host, zone: str, rule: str, permanent: bool = True) -> bool:
    """Add a rich rule. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.add_rich_rule public 'rule family="ipv4" source address="192.0.2.1" drop'
    """
    return zones.change(host, zone, f"--add-rich-rule={word(rule, 'rule')}", permanent)


def remove_rich_rule(host: Host, zone: str, rule: str, permanent: bool = True) -> bool:
    """Remove a rich rule. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.remove_rich_rule public 'rule family="ipv4" source address="192.0.2.1" drop'
    """
    return zones.change(host, zone, f"--remove-rich-rule={word(rule, 'rule')}", permanent)


def get_masquerade(host: Host, zone: str | None = None, permanent: bool = True) -> bool:
    """Tell whether a zone hides the addresses behind it. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.get_masquerade external
    """
    done = asked(host, *zones.argv(permanent, *_zone(zone), "--query-masquerade"))
    answer = done.stdout.decode(errors="replace").strip()
    if answer not in ("yes", "no"):
        raise CommandFailed(f"firewall-cmd: {said(done)}", retcode=done.retcode)
    return answer == "yes"


def add_masquerade(host: Host, zone: str | None = None, permanent: bool = True) -> bool:
    """Hide the addresses behind a zone. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.add_masquerade external
    """
    return zones.change(host, zone, "--add-masquerade", permanent)


def remove_masquerade(host: Host, zone: str | None = None, permanent: bool = True) -> bool:
    """Hide the addresses behind a zone no longer. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.remove_masquerade external
    """
    return zones.change(host, zone, "--remove-masquerade", permanent)


def get_icmp_types(host: Host, permanent: bool = True) -> list[str]:
    """Return the kinds of ICMP that firewalld knows.

    Example:
        saltern run '*' firewalld.get_icmp_types
    """
    return zones.run(host, permanent, "--get-icmptypes").split()


def list_icmp_block(host: Host, zone: str, permanent: bool = True) -> list[str]:
    """Return the kinds of ICMP a zone blocks.

    Example:
        saltern run '*' firewalld.list_icmp_block public
    """
    return zones.run(host, permanent, *_zone(zone), "--list-icmp-blocks").split()


def block_icmp(host: Host, zone: str, icmp: str, permanent: bool = True) -> bool:
    """Block a kind of ICMP. Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' firewalld.block_icmp public echo-request
    """
    if icmp not in get_icmp_types(host, permanent):
        raise BadArgument(f"{icmp!r} is no kind of ICMP", hint="firewalld.get_icmp_types lists them")
    return zones.change(host, zone, f"--add-icmp-block={icmp}", permanent)


def allow_icmp(host: Host, zone: str, icmp: str, permanent: bool = True) -> bool:
    """Block a kind of ICMP no longer. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.allow_icmp public echo-request
    """
    return zones.change(host, zone, f"--remove-icmp-block={word(icmp, 'icmp')}", permanent)


def list_port_fwd(host: Host, zone: str, permanent: bool = True) -> list[dict[str, str]]:
    """Return a zone's forwarded ports: ``{Source port, Protocol, Destination port, Destination address}``.

    Example:
        saltern run '*' firewalld.list_port_fwd public
    """
    lines = zones.run(host, permanent, *_zone(zone), "--list-forward-ports").splitlines()
    return [zones.shown_forward(line) for line in lines if line.strip()]


def add_port_fwd(
    host: Host,
    zone: str,
    src: str,
    dest: str,
    proto: str = "tcp",
    dstaddr: str = "",
    permanent: bool = True,
) -> bool:
    """Forward a port. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.add_port_fwd public 80 8080 tcp 192.0.2.1
    """
    return zones.change(
        host, zone, f"--add-forward-port={zones.forward(src, dest, proto, dstaddr)}", permanent
    )


def remove_port_fwd(
    host: Host,
    zone: str,
    src: str,
    dest: str,
    proto: str = "tcp",
    dstaddr: str = "",
    permanent: bool = True,
) -> bool:
    """Forward a port no longer. Raises CommandFailed.

    Example:
        saltern run '*' firewalld.remove_port_fwd public 80 8080 tcp 192.0.2.1
    """
    gone = f"--remove-forward-port={zones.forward(src, dest, proto, dstaddr)}"
    return zones.change(host, zone, gone, permanent)


def _zone(zone: str | None) -> list[str]:
    return [] if zone is None else [f"--zone={checked(zone, 'zone')}"]
