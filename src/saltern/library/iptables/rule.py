"""From what an SLS says of a rule to the words that ``iptables`` takes, and back."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from saltern.library._firewall import checked, names, word
from saltern.sdk import BadArgument

#: What an SLS says beside the rule itself.
ABOUT = frozenset({"table", "chain", "family", "save", "position", "policy"})
#: Options that people may write otherwise.
_SHORT = {
    "if": "-i",
    "in-interface": "-i",
    "of": "-o",
    "out-interface": "-o",
    "proto": "-p",
    "protocol": "-p",
}
_RENAMED = {"connstate": "state"}
#: Which match an option belongs to, named for those who don't.
_MATCH = {
    "connstate": "state",
    "state": "state",
    "ctstate": "conntrack",
    "dports": "multiport",
    "sports": "multiport",
    "comment": "comment",
    "limit": "limit",
    "limit-burst": "limit",
    "mac-source": "mac",
    "src-range": "iprange",
    "dst-range": "iprange",
}
#: Options that take two words.
_TWO_WORDS = frozenset({"match-set", "tcp-flags", "add-set", "del-set", "map-set"})
#: Options of targets: they stand behind ``-j``.
_OF_TARGETS = frozenset(
    """add-set and-mark and-tos checksum-fill clamp-mss-to-pmtu ctevents ctmask del-set ecn-tcp-remove exist
    expevents gateway hl-dec hl-inc hl-set led-always-blink led-delay led-trigger-id log-ip-options log-level
    log-prefix log-tcp-options log-tcp-sequence log-uid map-mark map-prio map-queue map-set nflog-group
    nflog-prefix nflog-range nflog-size nflog-threshold nfmask notrack on-ip on-port or-mark or-tos persistent
    queue-balance queue-bypass queue-cpu-fanout queue-num random random-fully rateest-ewmalog
    rateest-interval rateest-name reject-with restore-mark save-mark selctx set-class set-dscp set-dscp-class
    set-mark set-mss set-tos set-xmark strip-options to to-destination to-port to-ports to-source
    tproxy-mark ttl-dec ttl-inc ttl-set ulog-cprange ulog-nlgroup ulog-prefix ulog-qthreshold xor-mark xor-tos
    zone""".split()  # noqa: SIM905  a list of words is easier to read
)
_OPTION = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)


def build(options: Mapping[str, Any]) -> list[str]:
    """Return the words of a rule, the command and the chain excepted. Raises BadArgument."""
    given = {_option(name): value for name, value in options.items() if name not in ABOUT}
    jump = [*_jump(given, "jump", "-j"), *_jump(given, "goto", "-g")]
    if any(name in given for name in ("dport", "sport", "dports", "sports")) and not _protocol(given):
        raise BadArgument("a port needs the protocol it is of", hint="proto: tcp")
    first = [word for name in _SHORT if name in given for word in _shown(_SHORT[name], name, given[name])]
    plain = [name for name in given if name not in _SHORT and name != "match"]
    before = [word for name in plain if name not in _OF_TARGETS for word in _written(name, given[name])]
    after = [word for name in plain if name in _OF_TARGETS for word in _written(name, given[name])]
    return [*first, *_matches(given), *before, *jump, *after]


def _option(name: str) -> str:
    option = name.replace("_", "-")
    if not _OPTION.fullmatch(option):
        raise BadArgument(f"{name!r} is no option of iptables")
    return option


def _jump(given: dict[str, Any], name: str, flag: str) -> list[str]:
    target = given.pop(name, None)
    return [] if target is None else [flag, checked(target, "target")]


def _protocol(given: Mapping[str, Any]) -> bool:
    return "proto" in given or "protocol" in given


def _matches(given: Mapping[str, Any]) -> list[str]:
    """Return ``-m`` for each match that is named, and for those whose options are there."""
    implied = (_MATCH[name] for name in given if name in _MATCH)
    wanted = dict.fromkeys([*(checked(one, "match") for one in names(given.get("match"))), *implied])
    return [word for one in wanted for word in ("-m", one)]


def _written(name: str, value: Any) -> Iterator[str]:
    if name == "match-set":
        for one in value if isinstance(value, list) else [value]:
            yield from ("-m", "set")
            yield from _shown("--match-set", name, one)
    else:
        yield from _shown(f"--{_RENAMED.get(name, name)}", name, value)


def _shown(flag: str, name: str, value: Any) -> list[str]:
    """Return an option with its value; ``!`` or ``not`` before a value goes before the option."""
    if value is None or value is True or value == "":
        return [flag]
    text = ",".join(word(one, name) for one in value) if isinstance(value, list) else word(value, name)
    negated = name != "comment" and re.match(r"(?:!|not )\s*", text)
    if negated:
        text = text[negated.end() :]
    words = text.split() if name in _TWO_WORDS else [text] if text else []
    return [*(["!"] if negated else []), flag, *words]


def parse(rule: str) -> list[str]:
    """Return the words of a rule written as for a shell. Raises BadArgument."""
    word(rule, "rule")
    try:
        found = shlex.split(rule)
    except ValueError as error:
        raise BadArgument(f"{rule!r} is no rule: {error}") from None
    if not found:
        raise BadArgument("a rule is needed", hint="rule='-p tcp --dport 22 -j ACCEPT'")
    return found


#: Long options as ``iptables-save`` writes them.
_SAVED = {
    "--source": "-s",
    "--src": "-s",
    "--destination": "-d",
    "--dst": "-d",
    "--jump": "-j",
    "--goto": "-g",
    "--match": "-m",
    "--protocol": "-p",
    "--in-interface": "-i",
    "--out-interface": "-o",
    "--destination-port": "--dport",
    "--source-port": "--sport",
    "--to-port": "--to-ports",
}


def likeness(words: list[str]) -> tuple[tuple[str, ...], ...]:
    """Return a rule in a form that doesn't depend on the order of its options, to be compared."""
    options: list[list[str]] = []
    negated = False
    for one in words:
        if one == "!":
            negated = True
        elif one.startswith("-") and len(one) > 1 and not one[1].isdigit():
            options.append([*(["!"] if negated else []), _SAVED.get(one, one)])
            negated = False
        elif options:
            options[-1].append(_value(options[-1][-1], one))
    return tuple(sorted(tuple(one) for one in options if one[0] != "-m"))


def _value(flag: str, value: str) -> str:
    if flag in ("-s", "-d"):
        return value.removesuffix("/32").removesuffix("/128")
    return ",".join(sorted(value.split(","))) if flag in ("--state", "--ctstate") else value
