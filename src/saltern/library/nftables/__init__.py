"""The kernel's packet filter through ``nft``: tables, chains, rules and policies.

``family`` is ``ipv4``, ``ipv6``, ``inet``, ``arp``, ``bridge`` or ``netdev``.
"""

from __future__ import annotations

import json
import posixpath
from typing import Any

from saltern.library._firewall import checked, word
from saltern.library.nftables import ruleset
from saltern.library.nftables.rule import build
from saltern.sdk import BadArgument, Host, NotFound

REQUIRES = ("nft",)


def version(host: Host) -> str:
    """Return the program's version: ``v1.0.6``.

    Example:
        saltern run '*' nftables.version
    """
    return ruleset.run(host, "--version").split()[1]


def build_rule(
    host: Host,
    table: str = "filter",
    chain: str | None = None,
    command: str | None = None,
    position: int | None = None,
    full: bool = False,
    family: str = "ipv4",
    **kwargs: Any,
) -> str:
    """Return a rule as nft has it, from arguments as states take them.

    ``full`` puts the command (``add``, ``insert``), the table and the chain before it. Raises BadArgument.

    Example:
        saltern run '*' nftables.build_rule proto=tcp dport=22 jump=accept
    """
    rule = build(kwargs, ruleset.family_of(family))
    if not full:
        return rule
    if chain is None or command not in ("add", "insert"):
        raise BadArgument("full needs chain and command", hint="chain=input command=add")
    where = "" if position is None else f"position {position} "
    return f"{command} rule {' '.join(ruleset.place(family, table, chain))} {where}{rule}"


def get_rules(host: Host, family: str = "ipv4") -> list[str]:
    """Return the tables of a family as nft writes them.

    Example:
        saltern run '*' nftables.get_rules
    """
    at = ruleset.family_of(family)
    return [ruleset.run(host, "list", "table", at, name).strip() for name in list_tables(host, family)]


def get_rules_json(host: Host, family: str = "ipv4") -> list[dict[str, Any]]:
    """Return the tables, chains and rules of a family, each as nft describes it in JSON.

    Example:
        saltern run '*' nftables.get_rules_json family=inet
    """
    found = json.loads(ruleset.run(host, "-j", "list", "ruleset", ruleset.family_of(family)))
    return [one for one in found["nftables"] if "metainfo" not in one]


def get_saved_rules(host: Host, conf_file: str | None = None) -> list[str]:
    """Return the lines saved for the next start, without comments; none when there is no such file.

    Example:
        saltern run '*' nftables.get_saved_rules
    """
    lines = host.text(conf_file or ruleset.saved_path(host), "").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def list_tables(host: Host, family: str = "ipv4") -> list[str]:
    """Return the names of a family's tables.

    Example:
        saltern run '*' nftables.list_tables
    """
    text = ruleset.run(host, "list", "tables", ruleset.family_of(family))
    return [line.split()[2] for line in text.splitlines() if line.startswith("table ")]


def check_table(host: Host, table: str, family: str = "ipv4") -> bool:
    """Tell whether there is a table.

    Example:
        saltern run '*' nftables.check_table filter
    """
    return ruleset.listing(host, "table", ruleset.place(family, table)) is not None


def check_chain(host: Host, table: str, chain: str, family: str = "ipv4") -> bool:
    """Tell whether a table has a chain.

    Example:
        saltern run '*' nftables.check_chain filter input
    """
    return ruleset.chain(host, ruleset.place(family, table, chain)) is not None


def check(host: Host, table: str, chain: str, rule: str, family: str = "ipv4") -> bool:
    """Tell whether a chain has a rule, however it is written. Raises BadArgument.

    Example:
        saltern run '*' nftables.check filter input rule='tcp dport 22 accept'
    """
    return get_rule_handle(host, table, chain, rule, family) is not None


def get_rule_handle(host: Host, table: str, chain: str, rule: str, family: str = "ipv4") -> int | None:
    """Return the handle of a rule; nothing when the chain doesn't have it. Raises BadArgument.

    Example:
        saltern run '*' nftables.get_rule_handle filter input rule='tcp dport 22 accept'
    """
    at = ruleset.place(family, table, chain)
    return ruleset.find(host, at, rule) if ruleset.chain(host, at) else None


def new_table(host: Host, table: str, family: str = "ipv4") -> bool:
    """Make a table. Raises CommandFailed.

    Example:
        saltern run '*' nftables.new_table filter
    """
    ruleset.run(host, "add", "table", *ruleset.place(family, table))
    return True


def delete_table(host: Host, table: str, family: str = "ipv4") -> bool:
    """Remove a table with all that is in it. Raises CommandFailed.

    Example:
        saltern run '*' nftables.delete_table filter
    """
    ruleset.run(host, "delete", "table", *ruleset.place(family, table))
    return True


def new_chain(
    host: Host,
    table: str,
    chain: str,
    table_type: str | None = None,
    hook: str | None = None,
    priority: int | str | None = None,
    family: str = "ipv4",
) -> bool:
    """Make a chain; with ``table_type``, ``hook`` and ``priority`` one that the kernel sends packets to.

    Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' nftables.new_chain filter input table_type=filter hook=input priority=0
    """
    base = (table_type, hook, priority)
    if any(one is None for one in base) and any(one is not None for one in base):
        raise BadArgument("table_type, hook and priority go together", hint="all of them, or none")
    at = " ".join(ruleset.place(family, table, chain))
    kind, there, order = (word(one, "chain") for one in base) if hook is not None else ("", "", "")
    hooked = f" {{ type {kind} hook {there} priority {order} ; }}" if kind else ""
    ruleset.load(host, f"add chain {at}{hooked}")
    return True


def delete_chain(host: Host, table: str, chain: str, family: str = "ipv4") -> bool:
    """Remove an empty chain. Raises CommandFailed.

    Example:
        saltern run '*' nftables.delete_chain filter web
    """
    ruleset.run(host, "delete", "chain", *ruleset.place(family, table, chain))
    return True


def append(host: Host, table: str, chain: str, rule: str, family: str = "ipv4") -> bool:
    """Put a rule at a chain's end, unless it has it; tell whether it was put there.

    Example:
        saltern run '*' nftables.append filter input rule='tcp dport 22 accept'
    """
    return _put(host, "add", ruleset.place(family, table, chain), rule)


def insert(
    host: Host, table: str, chain: str, rule: str, position: int | None = None, family: str = "ipv4"
) -> bool:
    """Put a rule first in a chain, or before the one with a handle, unless the chain has it.

    Example:
        saltern run '*' nftables.insert filter input rule='tcp dport 22 accept'
    """
    where = "" if position is None else f"position {position} "
    return _put(host, "insert", ruleset.place(family, table, chain), rule, where)


def delete(
    host: Host,
    table: str,
    chain: str,
    position: int | None = None,
    rule: str | None = None,
    family: str = "ipv4",
) -> bool:
    """Remove a rule by its handle or as it is written. Raises BadArgument, NotFound, CommandFailed.

    Example:
        saltern run '*' nftables.delete filter input rule='tcp dport 22 accept'
    """
    if (position is None) == (rule is None):
        raise BadArgument("either position or rule says which rule is meant")
    handle = position if rule is None else get_rule_handle(host, table, chain, rule, family)
    if handle is None:
        raise NotFound(f"the chain {chain} has no rule {rule!r}")
    ruleset.run(host, "delete", "rule", *ruleset.place(family, table, chain), "handle", str(handle))
    return True


def flush(host: Host, table: str = "filter", chain: str = "", family: str = "ipv4") -> bool:
    """Remove the rules of a chain, or of all chains of a table. Raises CommandFailed.

    Example:
        saltern run '*' nftables.flush filter input
    """
    ruleset.run(host, "flush", "chain" if chain else "table", *ruleset.place(family, table, chain))
    return True


def get_policy(host: Host, table: str, chain: str, family: str = "ipv4") -> str:
    """Return a chain's policy; empty for one without. Raises NotFound.

    Example:
        saltern run '*' nftables.get_policy filter input
    """
    found = ruleset.chain(host, ruleset.place(family, table, chain))
    if found is None:
        raise NotFound(f"the table {table} has no chain {chain}")
    return str(found.get("policy", ""))


def set_policy(host: Host, table: str, chain: str, policy: str, family: str = "ipv4") -> bool:
    """Set a chain's policy, ``accept`` or ``drop``. Raises CommandFailed, also for a chain at no hook.

    Example:
        saltern run '*' nftables.set_policy filter input drop
    """
    at = " ".join(ruleset.place(family, table, chain))
    ruleset.load(host, f"add chain {at} {{ policy {checked(policy, 'policy').lower()} ; }}")
    return True


def save(host: Host, filename: str | None = None, family: str = "ipv4") -> str:
    """Save the tables of all families for the next start; return the path.

    The file empties the kernel's tables before it fills them. ``family`` is accepted as Salt has it.

    Example:
        saltern run '*' nftables.save
    """
    path = filename or ruleset.saved_path(host)
    host.make_directory(posixpath.dirname(path))
    host.write(path, ruleset.saved_text(host).encode(), 0o600)
    return path


def _put(host: Host, command: str, at: tuple[str, ...], rule: str, where: str = "") -> bool:
    if ruleset.find(host, at, rule) is not None:
        return False
    ruleset.load(host, f"{command} rule {' '.join(at)} {where}{rule}")
    return True
