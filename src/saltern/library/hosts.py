"""Names of hosts and their addresses, as /etc/hosts has them.

Comments and the order of the lines stay; a line is written anew only when what it says changes.
"""

from __future__ import annotations

import re
from typing import Any

from saltern.library._hostsfile import (
    names_of,
    read,
    with_comment,
    with_names,
    with_pair,
    without_pair,
    write,
)
from saltern.sdk import Host


def list_hosts(host: Host) -> dict[str, Any]:
    """Return ``{address: {aliases, comment}}``, and comments on lines of their own as ``comment-0`` and on.

    Example:
        saltern run '*' hosts.list_hosts
    """
    found: dict[str, Any] = {}
    for line in read(host):
        if not line.ip:
            if line.text.strip():
                found[f"comment-{sum(one.startswith('comment-') for one in found)}"] = [line.text.strip()]
            continue
        entry = found.setdefault(line.ip, {"aliases": []})
        entry["aliases"] += [name for name in line.names if name not in entry["aliases"]]
        if line.comment:
            entry["comment"] = line.comment
    return found


def get_ip(host: Host, host_: str) -> str:
    """Return the first address that a name has in the file; empty when it has none.

    Example:
        saltern run '*' hosts.get_ip web1
    """
    return next((line.ip for line in read(host) if host_ in line.names), "")


def get_alias(host: Host, ip: str) -> list[str]:
    """Return an address's names.

    Example:
        saltern run '*' hosts.get_alias 127.0.0.1
    """
    return names_of(read(host), ip)


def has_pair(host: Host, ip: str, alias: list[str] | str) -> bool:
    """Tell whether an address has a name, or all of several.

    Example:
        saltern run '*' hosts.has_pair 127.0.0.1 localhost
    """
    return set(_listed(alias)) <= set(names_of(read(host), ip))


def set_host(host: Host, ip: str, alias: list[str] | str, comment: str | None = None) -> bool:
    """Have an address carry these names and no others; without any its line goes. Raises BadArgument.

    Example:
        saltern run '*' hosts.set_host 10.0.0.1 web1,web1.example.com
    """
    write(host, with_names(read(host), ip, _listed(alias), comment))
    return True


def set_comment(host: Host, ip: str, comment: str) -> bool:
    """Have an address's line end in a comment; False when the file has no such address.

    Example:
        saltern run '*' hosts.set_comment 10.0.0.1 'the web server'
    """
    lines = read(host)
    if not names_of(lines, ip):
        return False
    write(host, with_comment(lines, ip, comment))
    return True


def add_host(host: Host, ip: str, alias: list[str] | str) -> bool:
    """Give an address further names. Raises BadArgument.

    Example:
        saltern run '*' hosts.add_host 10.0.0.1 web1
    """
    lines = read(host)
    for one in _listed(alias):
        lines = with_pair(lines, ip, one)
    write(host, lines)
    return True


def rm_host(host: Host, ip: str, alias: list[str] | str) -> bool:
    """Take names from an address; its line goes with the last one.

    Example:
        saltern run '*' hosts.rm_host 10.0.0.1 web1
    """
    lines = read(host)
    for one in _listed(alias):
        lines = without_pair(lines, ip, one)
    write(host, lines)
    return True


def _listed(alias: list[str] | str) -> list[str]:
    return alias if isinstance(alias, list) else [one for one in re.split(r"[,\s]+", alias) if one]
