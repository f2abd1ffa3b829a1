"""How the host resolves names."""

from __future__ import annotations

import ipaddress
from typing import Any

from saltern.sdk import Host

_FILES = ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf")


def collect(host: Host) -> dict[str, Any]:
    """Return ``dns``: the settings of resolv.conf(5), systemd-resolved's own where it runs."""
    text = next((text for text in (host.text(path, "") for path in _FILES) if text), "")
    return {"dns": _parse(text)} if text else {}


def _parse(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {"nameserver": [], "sortlist": [], "domain": "", "search": [], "options": []}
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if len(words) > 1:
            _note(found, words[0].lower(), words[1:])
    servers = list(dict.fromkeys(found.pop("nameserver")))
    return {
        "nameservers": servers,
        "ip4_nameservers": [server for server in servers if ":" not in server],
        "ip6_nameservers": [server for server in servers if ":" in server],
        **found,
    }


def _note(found: dict[str, Any], directive: str, words: list[str]) -> None:
    if directive == "nameserver" and _is_address(words[0]):
        found[directive].append(words[0])
    elif directive == "domain":
        found[directive] = words[0]
    elif directive in ("search", "sortlist"):
        found[directive] = words
    elif directive == "options":
        found[directive] += [word for word in words if word not in found[directive]]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
