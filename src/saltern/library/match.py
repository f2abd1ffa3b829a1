"""Whether a target means this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from saltern.sdk import BadArgument, Host
from saltern.sdk.matching import Machine
from saltern.sdk.merge import over


def compound(host: Host, tgt: str, minion_id: str | None = None) -> bool:
    """Tell whether a compound target means this machine, or one called ``minion_id`` but else like it.

    Example:
        saltern run '*' match.compound 'G@os:Debian and not web*'
    """
    return matches(host, tgt, "compound", minion_id=minion_id)


def glob(host: Host, tgt: str, minion_id: str | None = None) -> bool:
    """Tell whether this machine's name, or ``minion_id``, fits a shell pattern.

    Example:
        saltern run '*' match.glob 'web*'
    """
    return matches(host, tgt, "glob", minion_id=minion_id)


def pcre(host: Host, tgt: str, minion_id: str | None = None) -> bool:
    """Tell whether this machine's name, or ``minion_id``, begins with a match of a regular expression.

    Example:
        saltern run '*' match.pcre 'web[0-9]+'
    """
    return matches(host, tgt, "pcre", minion_id=minion_id)


def list_(host: Host, tgt: str | list[str], minion_id: str | None = None) -> bool:
    """Tell whether this machine's name, or ``minion_id``, is in a list, or among names with commas between.

    Example:
        saltern run '*' match.list 'web1,web2'
    """
    names = tgt if isinstance(tgt, str) else ",".join(tgt)
    return matches(host, names, "list", minion_id=minion_id)


def grain(host: Host, tgt: str, delimiter: str = ":") -> bool:
    """Tell whether a grain fits a shell pattern: ``path:pattern``.

    Example:
        saltern run '*' match.grain 'os:Debian'
    """
    return matches(host, tgt, "grain", delimiter)


def grain_pcre(host: Host, tgt: str, delimiter: str = ":") -> bool:
    """Tell whether a grain fits a regular expression: ``path:pattern``.

    Example:
        saltern run '*' match.grain_pcre 'os:(Debian|Ubuntu)'
    """
    return matches(host, tgt, "grain_pcre", delimiter)


def pillar(host: Host, tgt: str, delimiter: str = ":") -> bool:
    """Tell whether a value of the pillar fits a shell pattern: ``path:pattern``.

    Example:
        saltern run '*' match.pillar 'cheese:foo'
    """
    return matches(host, tgt, "pillar", delimiter)


def pillar_pcre(host: Host, tgt: str, delimiter: str = ":") -> bool:
    """Tell whether a value of the pillar fits a regular expression: ``path:pattern``.

    Example:
        saltern run '*' match.pillar_pcre 'cheese:(swiss|american)'
    """
    return matches(host, tgt, "pillar_pcre", delimiter)


def ipcidr(host: Host, tgt: str) -> bool:
    """Tell whether this machine has an address, or one in a network.

    Example:
        saltern run '*' match.ipcidr 192.168.44.0/24
    """
    return matches(host, tgt, "ipcidr")


def filter_by(
    host: Host,
    lookup: dict[str, Any],
    tgt_type: str = "compound",
    minion_id: str | None = None,
    merge: dict[str, Any] | Literal[""] | None = None,
    merge_lists: bool = False,
    default: str = "default",
) -> Any:
    """Return the value under the first target that means this machine, else that under ``default``.

    ``merge`` is laid upon a mapping found.

    Example:
        saltern run '*' match.filter_by '{web*: Foo1, G@os:Debian: Foo2, default: Bar}'
    """
    machine = _machine(host, minion_id)
    chosen = next((value for target, value in lookup.items() if machine.matches(str(target), tgt_type)), None)
    return _with(lookup.get(default) if chosen is None else chosen, merge or None, merge_lists)


def search_by(
    host: Host, lookup: dict[str, list[str]], tgt_type: str = "compound", minion_id: str | None = None
) -> list[str] | None:
    """Return the keys one of whose targets means this machine; nothing when there are none.

    Example:
        saltern run '*' match.search_by '{web: [web*], db: [db*, G@role:db]}'
    """
    machine = _machine(host, minion_id)
    found = [key for key, targets in lookup.items() if any(machine.matches(one, tgt_type) for one in targets)]
    return found or None


def ifelse(
    host: Host,
    /,
    *args: Any,
    tgt_type: str = "compound",
    minion_id: str | None = None,
    merge: dict[str, Any] | None = None,
    merge_lists: bool = False,
) -> Any:
    """Return the value after the first target that means this machine, of pairs; else the last argument.

    ``merge`` is laid upon a mapping that a target led to.

    Example:
        saltern run '*' match.ifelse 'web*' 'a web server' 'db*' 'a database' 'something else'
    """
    if len(args) % 2 == 0:
        raise BadArgument("match.ifelse takes pairs of a target and a value, and a default at the end")
    machine = _machine(host, minion_id)
    pairs = zip(args[:-1:2], args[1::2], strict=True)
    for target, value in pairs:
        if machine.matches(str(target), tgt_type):
            return _with(value, merge, merge_lists)
    return args[-1]


def matches(
    host: Host, tgt: str, tgt_type: str = "compound", delimiter: str = ":", *, minion_id: str | None = None
) -> bool:
    """Tell whether a target of a kind means this machine.

    Example:
        saltern run '*' match.matches 'os:Debian' grain
    """
    return _machine(host, minion_id).matches(tgt, tgt_type, delimiter)


def _machine(host: Host, name: str | None) -> Machine:
    groups = host.supply.opts.get("nodegroups") or {}
    own = str(host.supply.opts.get("id") or host.grains.get("id", ""))
    return Machine(name or own, host.grains, lambda: host.supply.pillar, groups)


def _with(chosen: Any, merge: Mapping[str, Any] | None, lists: bool) -> Any:
    if not merge:
        return chosen
    if chosen is None:
        return dict(merge)
    if not isinstance(chosen, Mapping):
        raise BadArgument("merge needs a mapping to merge into; the choice is a plain value")
    return over(chosen, merge, lists=lists)
