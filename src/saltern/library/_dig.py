"""What the name service says, asked with the program dig."""

from __future__ import annotations

import ipaddress
import re

from saltern.sdk import BadArgument, Host, NotSupported

#: Names and addresses that are asked about or asked; nothing that dig could take for an option.
_NAME = re.compile(r"[A-Za-z0-9_*.:][A-Za-z0-9_*.:-]*")
_SECONDS = 30.0


def ask(host: Host, name: str, kind: str, nameserver: str | None = None, *options: str) -> list[str]:
    """Return the lines of the short answer. Raises NotSupported without dig, BadArgument, CommandFailed."""
    if host.which("dig") is None:
        raise NotSupported("names are asked for with dig", hint="install dnsutils or bind-utils")
    for one in (name, *([nameserver] if nameserver else [])):
        if not _NAME.fullmatch(one):
            raise BadArgument(f"{one!r} is no name or address")
    server = (f"@{nameserver}",) if nameserver else ()
    answer = host.run("dig", "+short", *options, *server, name, kind, timeout=_SECONDS)
    return [line.strip() for line in answer.splitlines() if line.strip() and not line.startswith(";")]


def addresses(host: Host, name: str, kind: str, nameserver: str | None = None) -> list[str]:
    """Return the addresses of a name, without the aliases on the way."""
    return [line for line in ask(host, name, kind, nameserver) if is_address(line)]


def servers(host: Host, domain: str, resolve: bool, nameserver: str | None = None) -> list[str]:
    """Return a domain's name servers, or with ``resolve`` their addresses."""
    found = ask(host, domain, "NS", nameserver)
    if not resolve:
        return found
    return [address for name in found for address in addresses(host, name, "A", nameserver)]


def exchangers(host: Host, domain: str, resolve: bool, nameserver: str | None = None) -> list[list[str]]:
    """Return a domain's mail servers: preference and name each, or with ``resolve`` its first address."""
    found = [line.split() for line in ask(host, domain, "MX", nameserver)]
    if not resolve:
        return found
    return [[one[0], address] for one in found for address in addresses(host, one[1], "A", nameserver)[:1]]


def senders(host: Host, domain: str, record: str, nameserver: str | None = None) -> list[str]:
    """Return the networks that may send mail for a domain, and of those it includes or is sent on to."""
    seen: set[str] = set()
    found: list[str] = []
    waiting = [domain]
    while waiting and len(seen) < 10:  # RFC 7208: no more lookups
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        for text in texts(host, name, nameserver, record):
            words = text.split() if text.startswith("v=spf1") else []
            found += [word.lstrip("+").partition(":")[2] for word in words if re.match(r"\+?ip[46]:", word)]
            waiting += [re.split("[:=]", word, maxsplit=1)[1] for word in words if _sent_on(word)]
    return found


def texts(host: Host, name: str, nameserver: str | None = None, kind: str = "TXT") -> list[str]:
    """Return a name's texts, each put together from its parts."""
    return ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', line)) for line in ask(host, name, kind, nameserver)]


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _sent_on(word: str) -> bool:
    return re.match(r"\+?include:|redirect=", word) is not None
