"""From what an SLS says of a rule to the statement that ``nft`` takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saltern.library._firewall import names, word
from saltern.sdk import BadArgument

#: Families as Salt names them, and as nft does.
FAMILIES = {
    "ipv4": "ip",
    "ip": "ip",
    "ip4": "ip",
    "ipv6": "ip6",
    "ip6": "ip6",
    "inet": "inet",
    "arp": "arp",
    "bridge": "bridge",
    "netdev": "netdev",
}
#: What an SLS says beside the rule itself.
ABOUT = frozenset({"table", "chain", "family", "save", "position", "policy", "rule"})
_KNOWN = frozenset(
    """comment connstate counter daddr destination dport dports icmp-type icmpv6-type if jump limit log-prefix
    of proto protocol reject-with saddr source sport sports to-destination to-port to-ports
    to-source""".split()  # noqa: SIM905  a list of words is easier to read
)


def build(options: Mapping[str, Any], family: str) -> str:
    """Return a rule's statement. Raises BadArgument for an argument that is none of a rule."""
    given = {name.replace("_", "-"): value for name, value in options.items() if name not in ABOUT}
    unknown = sorted(set(given) - _KNOWN)
    if unknown:
        raise BadArgument(
            f"{unknown[0]!r} is no argument of a rule", hint="rule: '…' takes nft's own language"
        )
    return " ".join([*_matches(given, family), *_verdict(given)])


def _matches(given: Mapping[str, Any], family: str) -> Iterator[str]:
    if "if" in given:
        yield f"meta iifname {_quoted(given['if'])}"
    if "of" in given:
        yield f"meta oifname {_quoted(given['of'])}"
    yield from _addresses(given, family)
    if "connstate" in given:
        yield f"ct state {_set([str(one).lower() for one in names(given['connstate'])])}"
    yield from _protocol(given)
    if "limit" in given:
        yield f"limit rate {word(given['limit'], 'limit')}"


def _addresses(given: Mapping[str, Any], family: str) -> Iterator[str]:
    for name, field in _ADDRESSES.items():
        if name in given:
            addresses = [word(one, name) for one in names(given[name])]
            version = "ip6" if family == "ip6" or any(":" in one for one in addresses) else "ip"
            yield f"{version} {field} {addresses[0] if len(addresses) == 1 else _set(addresses)}"


_ADDRESSES = {"source": "saddr", "saddr": "saddr", "destination": "daddr", "daddr": "daddr"}


def _protocol(given: Mapping[str, Any]) -> Iterator[str]:
    protocol = given.get("proto", given.get("protocol"))
    ports = [
        (name.rstrip("s"), given[name]) for name in ("dport", "dports", "sport", "sports") if name in given
    ]
    if ports and protocol is None:
        raise BadArgument("a port needs the protocol it is of", hint="proto: tcp")
    for field, value in ports:
        wanted = [str(one).replace(":", "-") for one in names(value)]
        yield f"{word(protocol, 'proto')} {field} {_set(wanted)}"
    types = [name for name in ("icmp-type", "icmpv6-type") if name in given]
    for name in types:
        yield f"{name.partition('-')[0]} type {_set(names(given[name]))}"
    if protocol is not None and not ports and not types:
        yield f"meta l4proto {word(protocol, 'proto')}"


def _verdict(given: Mapping[str, Any]) -> Iterator[str]:
    if given.get("counter"):
        yield "counter"
    if "jump" in given:
        yield _jump(given, word(given["jump"], "jump"))
    if "comment" in given:
        yield f"comment {_quoted(given['comment'])}"


def _jump(given: Mapping[str, Any], target: str) -> str:
    """Return what becomes of a packet: words in lower case are nft's own, others name a chain."""
    prefix = f" prefix {_quoted(given['log-prefix'])}" if "log-prefix" in given else ""
    to = next((given[name] for name in _TO if name in given), None)
    if target == "log":
        return f"log{prefix}"
    if prefix:
        raise BadArgument("log-prefix is for jump: log")
    if target == "reject" and "reject-with" in given:
        return f"reject with {word(given['reject-with'], 'reject-with')}"
    if target == "redirect" and to is not None:
        return f"redirect to :{word(to, 'to-port')}"
    if target in ("dnat", "snat") and to is not None:
        return f"{target} to {word(to, 'address')}"
    return target if target in _VERDICTS or " " in target else f"jump {target}"


_TO = ("to-port", "to-ports", "to-source", "to-destination")
_VERDICTS = frozenset(
    {"accept", "drop", "continue", "return", "reject", "masquerade", "redirect", "queue", "notrack"}
)


def _set(values: list[Any]) -> str:
    if not values:
        raise BadArgument("a list of ports, states or addresses is empty")
    return "{ " + ", ".join(word(one, "value") for one in values) + " }"


def _quoted(value: Any) -> str:
    text = word(value, "text")
    if '"' in text:
        raise BadArgument(f"{text!r} holds a quote, which nft can't take")
    return f'"{text}"'
