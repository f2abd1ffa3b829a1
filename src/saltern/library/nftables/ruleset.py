"""The kernel's tables as ``nft`` shows and changes them.

What nft takes for a rule and what it shows of one differ. Whether a chain has a rule is found out by
having nft compile the rule, without adding it, and comparing that with what the kernel holds.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from saltern.library._firewall import asked, checked, demanded, said, word
from saltern.library.nftables.rule import FAMILIES
from saltern.sdk import BadArgument, CommandFailed, Host

#: A rule as the kernel holds it: one instruction a line, sets in place of their names.
Compiled = tuple[str, ...]

#: Where distributions keep the rules that are loaded at a start.
_SAVED = {"RedHat": "/etc/sysconfig/nftables.conf", "Alpine": "/etc/nftables.nft"}

_MISSING = "No such file or directory"
_COUNTED = re.compile(r"\[ counter pkts \d+ bytes \d+ \]|\[ quota [^]]*consumed \d+[^]]*\]")
_LOOKUP = re.compile(r"(lookup .*set )(\S+)(.*?)(?: 0x0)? \]")
#: ``ip filter input 5 3``: a rule, its handle, and the one it stands behind.
_RULE = re.compile(r"\w+ \S+ [^@\s]\S*(?: (\d+))?(?: \d+)?")
#: ``ip filter @__set0`` in a list, ``__set%d filter 0`` of a rule that is only compiled.
_SET = re.compile(r"\w+ \S+ @(\S+)")
_NEW_SET = re.compile(r"(__(?:set|map)%d) \S+ \w+( size \d+)?")


class Held(msgspec.Struct, frozen=True):
    """A rule of a chain, and the handle it goes by."""

    handle: int
    rule: Compiled


def family_of(family: str) -> str:
    """Return a family as nft names it. Raises BadArgument."""
    if family not in FAMILIES:
        raise BadArgument(f"{family!r} is no family", hint=f"one of {', '.join(FAMILIES)}")
    return FAMILIES[family]


def place(family: str, table: str, chain: str = "") -> tuple[str, ...]:
    """Return the words that name a table or a chain. Raises BadArgument."""
    found = (family_of(family), checked(table, "table"))
    return (*found, checked(chain, "chain")) if chain else found


def run(host: Host, *words: str) -> str:
    """Run ``nft`` and return its output. Raises CommandFailed."""
    return demanded(host, "nft", *words)


def load(host: Host, statement: str) -> None:
    """Have nft do what a statement says. Raises BadArgument, CommandFailed."""
    demanded(host, "nft", "-f", "-", stdin=f"{word(statement, 'rule')}\n")


def listing(host: Host, kind: str, at: tuple[str, ...]) -> list[dict[str, Any]] | None:
    """Return what nft lists of a table or a chain; None when it isn't there. Raises CommandFailed."""
    done = asked(host, "nft", "-j", "list", kind, *at)
    if done.retcode != 0:
        if _MISSING in said(done):
            return None
        raise CommandFailed(f"nft: {said(done)}", retcode=done.retcode)
    found: list[dict[str, Any]] = json.loads(done.stdout)["nftables"]
    return found


def chain(host: Host, at: tuple[str, ...]) -> dict[str, Any] | None:
    """Return a chain: ``{name, handle}``, at a hook also ``{type, hook, prio, policy}``; None for none."""
    entries = listing(host, "chain", at)
    return None if entries is None else next((one["chain"] for one in entries if "chain" in one), None)


def held(host: Host, at: tuple[str, ...]) -> list[Held]:
    """Return the rules of a chain that is there, in their order. Raises CommandFailed."""
    text = run(host, "-a", "--debug=netlink", "list", "chain", *at)
    before, _, _ = text.partition(f"\ntable {at[0]} {at[1]} {{")
    sets, blocks = _read(before)
    return [Held(handle, _resolved(rule, sets)) for handle, rule in blocks]


def compiled(host: Host, at: tuple[str, ...], rule: str) -> Compiled | None:
    """Return what nft makes of a rule, without adding it; None when it names what isn't there yet.

    Raises BadArgument for what is no rule.
    """
    words = ("nft", "-c", "--debug=netlink", "-f", "-")
    done = asked(host, *words, stdin=f"add rule {' '.join(at)} {word(rule, 'rule')}\n")
    if done.retcode != 0:
        if _MISSING in said(done):
            return None
        raise BadArgument(f"nft does not understand the rule {rule!r}: {said(done)}")
    sets, blocks = _read(done.stdout.decode(errors="replace"))
    if len(blocks) != 1:
        raise BadArgument(f"{rule!r} is not one rule")
    return _resolved(blocks[0][1], sets)


def find(host: Host, at: tuple[str, ...], rule: str) -> int | None:
    """Return the handle of a chain's rule; None when it has no such rule. Raises BadArgument."""
    wanted = compiled(host, at, rule)
    if wanted is None:
        return None
    return next((one.handle for one in held(host, at) if one.rule == wanted), None)


def saved_path(host: Host) -> str:
    """Return where this platform keeps the rules for its next start."""
    return _SAVED.get(str(host.grains.get("os_family")), "/etc/nftables.conf")


def saved_text(host: Host) -> str:
    """Return what would be saved: the rules as they are now, without what they counted."""
    return f"#!/usr/sbin/nft -f\n\nflush ruleset\n\n{run(host, '-s', 'list', 'ruleset')}"


class _Named(msgspec.Struct):
    """A set in nft's account: one of a rule that is only compiled has no name yet."""

    name: str
    elements: list[str] = []


def _read(text: str) -> tuple[list[_Named], list[tuple[int, list[str]]]]:
    """Return the sets, and the rules with their handles, in nft's account of its messages."""
    sets: list[_Named] = []
    blocks: list[tuple[int, list[str]]] = []
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("element "):
            sets[-1].elements += [one.strip() for one in bare.split("element ") if one.strip()]
        elif bare.startswith(("[", "userdata")):
            blocks[-1][1].append(bare)
        elif made := _NEW_SET.fullmatch(bare):
            sets += [] if made[2] else [_Named(made[1])]
        elif header := _SET.fullmatch(bare):
            sets.append(_Named(header[1]))
        elif header := _RULE.fullmatch(bare):
            blocks.append((int(header[1] or 0), []))
    return sets, blocks


def _resolved(rule: list[str], sets: list[_Named]) -> Compiled:
    """Put the elements of unnamed sets in place of their names, and forget what was counted."""
    unnamed = iter([one for one in sets if "%" in one.name])
    named = {one.name: one for one in sets}

    def lookup(found: re.Match[str]) -> str:
        name = found[2]
        if not name.startswith(("__set", "__map")):
            return f"{found[1]}{name}{found[3]} ]"
        elements = (next(unnamed) if "%" in name else named[name]).elements
        return f"{found[1]}{{{', '.join(sorted(elements))}}}{found[3]} ]"

    plain = (_COUNTED.sub("[ counted ]", line).replace(" level 4 ]", " ]") for line in rule)
    return tuple(_LOOKUP.sub(lookup, re.sub(r"\s+\]", " ]", line)) for line in plain)
