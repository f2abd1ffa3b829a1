"""The host's own names. The hosts file is asked first; only then the network, and never for long."""

from __future__ import annotations

import ipaddress
from typing import Any

from saltern.sdk import Command, Host, NotFound

#: Seconds that asking the network may take, for each of the two questions.
PATIENCE = 1.0


def collect(host: Host) -> dict[str, Any]:
    """Return ``localhost``, ``fqdn``, ``host``, ``domain``, and ``fqdn_ip4``, ``fqdn_ip6``, ``fqdns``."""
    short = host.uname().node
    known = _hosts_file(host)
    name, addresses = _own_name(host, short, known)
    addresses = [one for one in dict.fromkeys(addresses) if one not in ("", "::")]
    first, _, domain = name.partition(".")
    return {
        "localhost": short,
        "fqdn": name,
        "host": first,
        "domain": domain,
        "fqdn_ip4": [address for address in addresses if ":" not in address],
        "fqdn_ip6": [address for address in addresses if ":" in address],
        "fqdns": sorted(_names_of_addresses(host, known)),
    }


Known = list[tuple[str, list[str]]]


def _hosts_file(host: Host) -> Known:
    """Return address and names of each line of /etc/hosts."""
    lines = (line.partition("#")[0].split() for line in host.text("/etc/hosts", "").splitlines())
    return [(words[0], words[1:]) for words in lines if len(words) > 1]


def _own_name(host: Host, short: str, known: Known) -> tuple[str, list[str]]:
    """Return the full name and its addresses."""
    mine = [(address, names) for address, names in known if short in names]
    if mine:
        return _full_name(short, mine[0][1]), [address for address, _ in mine]
    found = [line.split() for line in _ask(host, "ahosts", short).splitlines()]
    canonical = next((words[2] for words in found if len(words) > 2), short)
    return canonical, [words[0] for words in found if words]


def _full_name(short: str, names: list[str]) -> str:
    """Return the canonical of some names: the first, unless it is only ``localhost``."""
    real = [name for name in names if not name.startswith("localhost")]
    return next((name for name in real if name.startswith(f"{short}.")), real[0] if real else short)


def _names_of_addresses(host: Host, known: Known) -> set[str]:
    """Return the full names that the host's own addresses have, as far as the hosts file knows."""
    own = {at.address for one in host.interfaces() for at in one.addresses if _is_global(at.address)}
    return {name for address, names in known if address in own for name in names if "." in name}


def _is_global(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_loopback or parsed.is_link_local)


def _ask(host: Host, database: str, key: str) -> str:
    """Ask the system's resolver by getent(1), which can be stopped; nothing when it knows nothing."""
    try:
        done = host.execute(Command(argv=("getent", database, key), timeout=PATIENCE))
    except NotFound:  # a system without getent
        return ""
    return done.stdout.decode(errors="replace") if done.retcode == 0 else ""
