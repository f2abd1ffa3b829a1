"""The name service, the hosts file, and zone files."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from saltern.library import _dig
from saltern.sdk import BadArgument, Host

_TYPES = ("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")


def check_ip(host: Host, ip_addr: str) -> bool:
    """Tell whether a text is an IP address.

    Example:
        saltern run '*' dnsutil.check_ip 127.0.0.1
    """
    return _dig.is_address(ip_addr)


def A(host: Host, host_: str, nameserver: str | None = None) -> list[str]:
    """Return the IPv4 addresses of a name.

    Example:
        saltern run '*' dnsutil.A www.example.com
    """
    return _dig.addresses(host, host_, "A", nameserver)


def AAAA(host: Host, host_: str, nameserver: str | None = None) -> list[str]:
    """Return the IPv6 addresses of a name.

    Example:
        saltern run '*' dnsutil.AAAA www.example.com
    """
    return _dig.addresses(host, host_, "AAAA", nameserver)


def NS(host: Host, domain: str, resolve: bool = True, nameserver: str | None = None) -> list[str]:
    """Return the addresses of a domain's name servers; without ``resolve`` their names.

    Example:
        saltern run '*' dnsutil.NS example.com
    """
    return _dig.servers(host, domain, resolve, nameserver)


def SPF(host: Host, domain: str, record: str = "SPF", nameserver: str | None = None) -> list[str]:
    """Return the networks that may send mail for a domain; they are kept as texts (``TXT``) nowadays.

    Example:
        saltern run '*' dnsutil.SPF example.com
    """
    found = _dig.senders(host, domain, record, nameserver)
    return found or _dig.senders(host, domain, "TXT", nameserver)


def MX(host: Host, domain: str, resolve: bool = False, nameserver: str | None = None) -> list[list[str]]:
    """Return a domain's mail servers: preference and name each, or with ``resolve`` its address.

    Example:
        saltern run '*' dnsutil.MX example.com
    """
    return _dig.exchangers(host, domain, resolve, nameserver)


def parse_hosts(host: Host, hostsfile: str = "/etc/hosts", hosts: str | None = None) -> dict[str, list[str]]:
    """Return the names of each address in a hosts file, or in the text ``hosts``.

    Example:
        saltern run '*' dnsutil.parse_hosts
    """
    text = host.text(hostsfile) if hosts is None else hosts
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if address:
            found.setdefault(address, []).extend(names)
    return found


def hosts_append(
    host: Host,
    hostsfile: str = "/etc/hosts",
    ip_addr: str | None = None,
    entries: str | list[str] | None = None,
) -> str:
    """Add names of an address to a hosts file, those that it has not yet; return what was added.

    Example:
        saltern run '*' dnsutil.hosts_append /etc/hosts 192.0.2.1 'ad1.example.com,ad1'
    """
    if not ip_addr or not _dig.is_address(ip_addr):
        raise BadArgument(f"{ip_addr!r} is no IP address")
    with _locked(host):
        known = parse_hosts(host, hostsfile).get(ip_addr, [])
        wanted = [name for name in _names(entries) if name not in known]
        if not wanted:
            return f"No additional hosts were added to {hostsfile}"
        line = f"{ip_addr} {' '.join(wanted)}"
        text = host.text(hostsfile)
        start = text if not text or text.endswith("\n") else text + "\n"
        host.write(hostsfile, f"{start}{line}\n".encode())
    return f"The following line was added to {hostsfile}:\n{line}"


def hosts_remove(
    host: Host, hostsfile: str = "/etc/hosts", entries: str | list[str] | None = None
) -> list[str]:
    """Take names out of a hosts file, and lines that have none left; return the names that were there.

    Example:
        saltern run '*' dnsutil.hosts_remove /etc/hosts ad1.example.com,ad1
    """
    unwanted = set(_names(entries))
    gone: list[str] = []
    with _locked(host):
        lines = []
        for line in host.text(hostsfile).splitlines(keepends=True):
            names = line.partition("#")[0].split()[1:]
            here = [name for name in names if name in unwanted]
            gone += here
            lines.append(_without(line, unwanted) if here else line)
        if gone:
            host.write(hostsfile, "".join(lines).encode())
    return gone


def _locked(host: Host) -> AbstractContextManager[None]:
    host.make_directory(host.data, mode=0o700)
    return host.lock(f"{host.data}/.hosts.lock")


def _without(line: str, unwanted: set[str]) -> str:
    """Return a line without these names; nothing when it has none left."""
    content, mark, comment = line.rstrip("\n").partition("#")
    address, *names = content.split()
    kept = [name for name in names if name not in unwanted]
    return " ".join([address, *kept, *([mark + comment] if mark else [])]) + "\n" if kept else ""


def _names(entries: str | list[str] | None) -> list[str]:
    """Return names given as a list, or with commas between. Raises BadArgument for what is none."""
    found = entries.split(",") if isinstance(entries, str) else entries or []
    names = [name.strip() for name in found if name.strip()]
    for name in names:
        if any(character.isspace() or character == "#" for character in name):
            raise BadArgument(f"{name!r} is no name of a host")
    return names


def parse_zone(host: Host, zonefile: str | None = None, zone: str | None = None) -> dict[str, Any]:
    """Return what a zone file, or the text ``zone``, says, by kind of record.

    ``ORIGIN``, ``TTL``, of the SOA ``NETWORK, SOURCE, CONTACT, SERIAL, REFRESH, RETRY, EXPIRE, MINTTL``;
    ``NS`` and ``TXT`` are lists, ``MX`` a list of ``{priority, host}``, the others map names to values.

    Example:
        saltern run '*' dnsutil.parse_zone /var/lib/named/example.com.zone
    """
    if zonefile:
        zone = host.text(zonefile)
    if zone is None:
        raise BadArgument("dnsutil.parse_zone needs a zonefile or a zone")
    found: dict[str, Any] = {}
    owner = ""
    for line in _joined(zone):
        words = line.split()
        if words[0].startswith("$"):
            found[words[0][1:].upper()] = words[1] if len(words) > 1 else ""
            continue
        if not line[0].isspace():
            owner = _whole(words.pop(0), str(found.get("ORIGIN", "")))
        _record(found, owner, words)
    return found


def _joined(zone: str) -> list[str]:
    """Return the lines without comments, those in parentheses as one."""
    lines: list[str] = []
    depth = 0
    for raw in zone.splitlines():
        line = raw.partition(";")[0].rstrip()
        if not line.strip():
            continue
        if depth > 0:
            lines[-1] += " " + line
        else:
            lines.append(line)
        depth += line.count("(") - line.count(")")
    return [line.replace("(", " ").replace(")", " ") for line in lines]


def _record(found: dict[str, Any], owner: str, words: list[str]) -> None:
    while words and words[0].upper() not in _TYPES:  # the time to live and the class, in either order
        words.pop(0)
    if not words:
        return
    kind, *values = words
    kind = kind.upper()
    if kind == "SOA":
        names = ("SOURCE", "CONTACT", "SERIAL", "REFRESH", "RETRY", "EXPIRE", "MINTTL")
        read = [int(one) if one.isdigit() and place > 2 else one for place, one in enumerate(values)]
        found |= {"NETWORK": "IN", **dict(zip(names, read, strict=False))}
    elif kind == "MX":
        found.setdefault("MX", []).append({"priority": values[0], "host": " ".join(values[1:])})
    elif kind in ("NS", "TXT"):
        found.setdefault(kind, []).append(" ".join(values))
    else:
        found.setdefault(kind, {})[owner] = " ".join(values)


def _whole(name: str, origin: str) -> str:
    if name == "@":
        return origin
    return name if name.endswith(".") or not origin else f"{name}.{origin}"
