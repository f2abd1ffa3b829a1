"""What ``firewall-cmd`` says of zones and services, and how it is told to change them."""

from __future__ import annotations

import re

from saltern.library._firewall import checked, demanded, word
from saltern.sdk import BadArgument, Host

#: What a zone has, one a line below its name; lines of their own for those that may hold spaces.
Settings = dict[str, list[str]]


def argv(permanent: bool, *words: str) -> tuple[str, ...]:
    """Return a command line of ``firewall-cmd``."""
    return ("firewall-cmd", *(["--permanent"] if permanent else []), *words)


def run(host: Host, permanent: bool, *words: str) -> str:
    """Run ``firewall-cmd`` and return its output. Raises CommandFailed, also when firewalld doesn't run."""
    return demanded(host, *argv(permanent, *words))


def change(host: Host, zone: str | None, what: str, permanent: bool) -> bool:
    """Change a zone, the default one unless named. Raises CommandFailed."""
    at = [] if zone is None else [f"--zone={checked(zone, 'zone')}"]
    run(host, permanent, *at, what)
    return True


def change_service(host: Host, service: str, how: str, value: str) -> bool:
    """Change a service permanently. Raises CommandFailed."""
    run(host, True, f"--service={checked(service, 'service')}", f"--{how}={word(value, how)}")
    return True


def parse(text: str) -> dict[str, Settings]:
    """Return the settings of zones as ``--list-all`` and ``--list-all-zones`` write them."""
    found: dict[str, Settings] = {}
    settings: Settings = {}
    values: list[str] = []
    for line in text.splitlines():
        if line and not line[0].isspace():
            settings = found.setdefault(line.split(" (")[0].strip(), {})
        elif line.startswith("\t"):
            values.append(line.strip())
        elif line.strip():
            name, _, rest = line.strip().partition(":")
            values = settings.setdefault(name, [])
            values += [rest.strip()] if name == "rich rules" and rest.strip() else rest.split()
    return found


_FORWARD = re.compile(
    r"port=(?P<src>[^:]*):proto=(?P<proto>[^:]*):toport=(?P<dest>[^:]*):toaddr=(?P<addr>.*)"
)


def forward(src: str, dest: str, proto: str, dstaddr: str) -> str:
    """Return a forwarded port as firewalld writes it."""
    return f"port={_plain(src)}:proto={_plain(proto)}:toport={_plain(dest)}:toaddr={word(dstaddr, 'dstaddr')}"


def parse_forward(text: str) -> str:
    """Return ``80:8080:tcp[:address]``, as Salt has it, as firewalld writes it. Raises BadArgument."""
    if text.startswith("port="):
        return text
    parts = str(text).split(":", 3)
    if len(parts) < 3:
        raise BadArgument(f"{text!r} is no forwarded port", hint="80:8080:tcp or 80:8080:tcp:192.0.2.1")
    return forward(parts[0], parts[1], parts[2], parts[3] if len(parts) > 3 else "")


def shown_forward(line: str) -> dict[str, str]:
    """Return a forwarded port as people see it. Raises BadArgument."""
    found = _FORWARD.fullmatch(line.strip())
    if found is None:
        raise BadArgument(f"{line!r} is no forwarded port")
    return {
        "Source port": found["src"],
        "Protocol": found["proto"],
        "Destination port": found["dest"],
        "Destination address": found["addr"],
    }


def _plain(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]*", str(value)):
        raise BadArgument(f"{value!r} is no port or protocol")
    return str(value)
