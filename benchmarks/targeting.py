"""Targets over a large fleet: building the index, one change, and ten expressions beside a naive scan.

    python -m benchmarks.targeting [AGENTS]

The naive scan asks each agent in turn, as Salt's master does, with the grains already in memory.
"""

from __future__ import annotations

import gc
import random
import re
import sys
import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import psutil

from saltern.targeting import Index, Kind, parse, resolve
from saltern.targeting.expression import And, Expression, Fact, Glob, Names, Not, Or, Regex, Subnet
from saltern.targeting.match import holds

if TYPE_CHECKING:
    from collections.abc import Callable

EXPRESSIONS = (
    "*",
    "web*",
    "G@os:Debian",
    "G@os:Debian and web*",
    "E@(web|db)[0-9]+[45]\\.dc[12]",
    "G@ip_interfaces:eth0:10.1.*",
    "S@10.1.0.0/16 and not G@virtual:kvm",
    "P@osrelease:^(11|12)$ and G@roles:cache",
    "web* and G@os:Debian and not ( G@roles:db or G@num_cpus:64 )",
    "( ( web* and G@os_family:Debian ) or ( db* and not G@virtual:kvm ) ) and "
    "not ( G@dc:dc3 or P@osrelease:^9 or L@web000000.dc0.example.com ) and G@systemd:version:25*",
)
SYSTEMS = (("Debian", "12"), ("Debian", "11"), ("Ubuntu", "24.04"), ("RedHat", "9.4"), ("SUSE", "15.6"))


def grains(number: int, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """Return an agent's name and its 60 grains: 12 of them are its own, the rest it shares with many."""
    kind = ("web", "db", "cache", "app")[number % 4]
    dc = number % 7
    name = f"{kind}{number:06d}.dc{dc}.example.com"
    system, release = chance.choice(SYSTEMS)
    ip = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    mac = f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    own = {
        "id": name,
        "fqdn": name,
        "host": name.partition(".")[0],
        "localhost": name,
        "nodename": name,
        "machine_id": f"{chance.getrandbits(128):032x}",
        "uuid": f"{chance.getrandbits(128):032x}",
        "serialnumber": f"SN{number:09d}",
        "ipv4": ["127.0.0.1", ip],
        "fqdn_ip4": [ip],
        "ip_interfaces": {"eth0": [ip], "lo": ["127.0.0.1", "::1"]},
        "hwaddr_interfaces": {"eth0": mac, "lo": "00:00:00:00:00:00"},
    }
    shared = {
        "os": system,
        "os_family": "Debian" if system in ("Debian", "Ubuntu") else system,
        "osrelease": release,
        "osmajorrelease": int(release.partition(".")[0]),
        "kernel": "Linux",
        "kernelrelease": f"6.1.0-{chance.randrange(40)}-amd64",
        "num_cpus": chance.choice((2, 4, 8, 16, 32, 64)),
        "mem_total": chance.choice((4, 8, 16, 64, 256)) * 1024,
        "virtual": chance.choice(("kvm", "physical", "VMware")),
        "roles": chance.sample(("web", "db", "cache", "lb", "mon", "ci"), 2),
        "dc": f"dc{dc}",
        "rack": f"dc{dc}-r{number // 40 % 60}",
        "systemd": {"version": chance.choice(("247", "252", "255")), "features": "+PAM +AUDIT -SELINUX"},
        "locale_info": {"defaultlanguage": "en_GB", "defaultencoding": "UTF-8"},
        "disks": chance.choice((["sda"], ["sda", "sdb"], ["nvme0n1"])),
        "salternversion": "0.1.0",
    }
    rest = {f"fact{place:02d}": f"value{(number * 7 + place) % (place + 2)}" for place in range(32)}
    return name, own | shared | rest


def naive(expression: Expression, name: str, data: dict[str, Any]) -> bool:
    """Tell whether one agent is meant, by looking at its data."""
    match expression:
        case And():
            return all(naive(part, name, data) for part in expression.parts)
        case Or():
            return any(naive(part, name, data) for part in expression.parts)
        case Not():
            return not naive(expression.part, name, data)
        case Glob():
            return fnmatchcase(name, expression.pattern)
        case Regex():
            return re.match(expression.pattern, name) is not None
        case Names():
            return name in expression.names
        case Fact():
            return holds(expression, data)
        case Subnet():
            return in_network(expression.network, data)
    raise AssertionError(expression)


def in_network(network: str, data: dict[str, Any]) -> bool:
    """Tell whether an agent has an address in a network, as the standard library sees it."""
    import ipaddress

    inside = ipaddress.ip_network(network)
    return any(ipaddress.ip_address(address) in inside for address in data["ipv4"])


def took(work: Callable[[], Any], times: int = 1) -> tuple[float, Any]:
    """Return the shortest of several runs in milliseconds of CPU, and what came of it."""
    best, answer = float("inf"), None
    for _ in range(times):
        start = time.process_time()
        answer = work()
        best = min(best, time.process_time() - start)
    return best * 1000, answer


def main(count: int = 100_000) -> None:
    """Build the fleet, measure, and print the table."""
    process, chance = psutil.Process(), random.Random(4)
    gc.collect()
    before = process.memory_info().rss
    index = Index()
    spent = 0.0
    for number in range(count):
        name, data = grains(number, chance)
        start = time.process_time()
        index.put(f"U{number:055d}", name, data)
        spent += time.process_time() - start
    gc.collect()
    used = process.memory_info().rss - before
    print(
        f"{count:,} agents, 60 grains each: built in {spent:.1f} s ({spent / count * 1e6:.0f} us an agent),"
    )
    print(f"{used / 2**20:,.0f} MiB ({used / count / 1024:.1f} KiB an agent)")

    fleet = [(member.key, member.name, index.grains(member.key)) for member in index]
    key, name, data = fleet[count // 2]
    changed = data | {"kernelrelease": "6.9.1"}
    change = took(lambda: [index.put(key, name, grains) for grains in (changed, data)], 20)[0] / 2  # type: ignore[func-returns-value]
    print(f"one grain changed: {change * 1000:.0f} us\n")

    print(f"{'ms':>8} {'first':>8} {'naive ms':>10} {'times':>8} {'agents':>8}  expression")
    for text in EXPRESSIONS:
        expression = parse(text, Kind.COMPOUND)
        first = took(lambda expression=expression: resolve(expression, index))[0]  # type: ignore[misc]
        quick, keys = took(lambda expression=expression: resolve(expression, index), 5)  # type: ignore[misc]
        slow, names = took(
            lambda expression=expression: [k for k, name, data in fleet if naive(expression, name, data)]  # type: ignore[misc]
        )
        if keys != names:
            sys.exit(f"{text}: the index and the scan differ")
        print(f"{quick:8.2f} {first:8.2f} {slow:10.0f} {slow / quick:8.0f} {len(keys):8,}  {text}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
