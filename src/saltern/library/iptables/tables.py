"""The kernel's tables as ``iptables`` and ``ip6tables`` show and change them, and where they are saved."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Sequence
from typing import Literal

import msgspec

from saltern.library._firewall import asked, checked, demanded, said
from saltern.library.iptables.rule import likeness
from saltern.sdk import BadArgument, CommandFailed, Host

Family = Literal["ipv4", "ipv6"]

_PROGRAM = {"ipv4": "iptables", "ipv6": "ip6tables"}
#: A rule that names what isn't there yet: it can't be in its chain either.
_NOT_YET = ("does not exist", "No chain/target/match", "doesn't exist")
_COUNTERS = re.compile(r"^\[\d+:\d+\] | \[\d+:\d+\]$", re.MULTILINE)


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """A chain: its policy (empty for those that people made) and its rules, each its words."""

    policy: str
    rules: tuple[tuple[str, ...], ...]


def run(host: Host, family: Family, table: str, *words: str) -> str:
    """Run ``iptables`` on a table and return its output. Raises BadArgument, CommandFailed."""
    return demanded(host, _PROGRAM[family], "--wait", "-t", checked(table, "table"), *words)


def is_there(host: Host, family: Family, table: str, chain: str, rule: Sequence[str]) -> bool:
    """Tell whether a chain has a rule. Raises BadArgument for a rule that iptables doesn't understand."""
    argv = ("--wait", "-t", checked(table, "table"), "-C", checked(chain, "chain"), *rule)
    done = asked(host, _PROGRAM[family], *argv)
    if done.retcode in (0, 1) or any(words in said(done) for words in _NOT_YET):
        return done.retcode == 0
    if done.retcode == 2:
        raise BadArgument(f"{shlex.join(rule)}: {said(done).splitlines()[0]}")
    raise CommandFailed(f"{_PROGRAM[family]}: {said(done)}", retcode=done.retcode)


def chain(host: Host, family: Family, table: str, name: str) -> Chain | None:
    """Return a chain; None when the table has none of that name."""
    argv = ("--wait", "-t", checked(table, "table"), "-S", checked(name, "chain"))
    done = asked(host, _PROGRAM[family], *argv)
    if done.retcode != 0:
        if done.retcode == 1:
            return None
        raise CommandFailed(f"{_PROGRAM[family]}: {said(done)}", retcode=done.retcode)
    return parse(f"*{table}\n{done.stdout.decode(errors='replace')}")[table].get(name)


def chains(host: Host, family: Family, table: str) -> dict[str, Chain]:
    """Return the chains of a table. Raises CommandFailed."""
    return parse(f"*{table}\n{run(host, family, table, '-S')}").get(table, {})


def place(host: Host, family: Family, table: str, name: str, position: int) -> int:
    """Return a place counted from the start of a chain. Raises BadArgument."""
    if position == 0:
        raise BadArgument("position 0 is none", hint="the first is 1, the one before the last rule -1")
    if position > 0:
        return position
    found = chain(host, family, table, name)
    return max(1, (len(found.rules) if found else 0) + 1 + position)


def running(host: Host, family: Family) -> str:
    """Return all tables as ``iptables-save`` writes them."""
    return demanded(host, f"{_PROGRAM[family]}-save")


def parse(text: str) -> dict[str, dict[str, Chain]]:
    """Return tables, and the chains of each, of what ``iptables-save`` or ``-S`` has written."""
    found: dict[str, dict[str, Chain]] = {}
    table: dict[str, Chain] = {}
    for line in _COUNTERS.sub("", text).splitlines():
        if line.startswith("*"):
            table = found.setdefault(line[1:].strip(), {})
        elif line.startswith(":"):
            name, _, policy = line[1:].partition(" ")
            table[name] = Chain(policy=policy.split()[0].strip("-") if policy else "", rules=())
        elif line.startswith(("-P ", "-N ")):
            _, name, *rest = line.split()
            table[name] = Chain(policy=rest[0] if rest else "", rules=())
        elif line.startswith("-A "):
            _, name, *rule = shlex.split(line.replace("\\'", "'"))  # iptables-save escapes more than shells
            old = table.get(name, Chain(policy="", rules=()))
            table[name] = Chain(policy=old.policy, rules=(*old.rules, tuple(rule)))
    return found


def saved_path(host: Host, family: Family) -> str:
    """Return where this platform keeps rules for its next start."""
    version = "v4" if family == "ipv4" else "v6"
    if host.grains.get("os_family") in ("RedHat", "Suse"):
        return f"/etc/sysconfig/{_PROGRAM[family]}"
    if host.grains.get("os_family") == "Arch":
        return f"/etc/iptables/{_PROGRAM[family]}.rules"
    if host.grains.get("os_family") in ("Alpine", "Gentoo"):
        return f"/etc/iptables/rules{'' if family == 'ipv4' else '6'}-save"
    return f"/etc/iptables/rules.{version}"


def save(host: Host, family: Family, path: str = "") -> str:
    """Write all tables to a file, by default the platform's; return the path. Raises CommandFailed."""
    path = path or saved_path(host, family)
    host.make_directory(posixpath.dirname(path))
    host.write(path, running(host, family).encode(), 0o600)
    return path


def saved(host: Host, family: Family, path: str = "") -> dict[str, dict[str, Chain]]:
    """Return the tables in a file, by default the platform's; none when it isn't there."""
    return parse(host.text(path or saved_path(host, family), ""))


def is_saved(host: Host, family: Family, path: str, table: str, name: str, rule: Sequence[str]) -> bool:
    """Tell whether a file holds a rule, or all that is in the kernel."""
    kept = saved(host, family, path)
    there = kept.get(table, {}).get(name, Chain(policy="", rules=()))
    wanted = likeness(list(rule))
    return any(likeness(list(one)) == wanted for one in there.rules) or kept == parse(running(host, family))
