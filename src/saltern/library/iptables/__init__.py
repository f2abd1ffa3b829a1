"""The kernel's packet filter through ``iptables``: rules, chains, policies; ``family`` is ipv4 or ipv6."""

from __future__ import annotations

import shlex
from typing import Any

from saltern.library._firewall import checked, demanded
from saltern.library.iptables import tables
from saltern.library.iptables.rule import build, parse
from saltern.library.iptables.tables import Chain, Family
from saltern.sdk import BadArgument, Host, NotFound

REQUIRES = ("iptables",)

Rules = dict[str, dict[str, dict[str, Any]]]


def version(host: Host, family: Family = "ipv4") -> str:
    """Return the program's version: ``v1.8.9``.

    Example:
        saltern run '*' iptables.version
    """
    program = "iptables" if family == "ipv4" else "ip6tables"
    return demanded(host, program, "--version").split()[1]


def build_rule(
    host: Host,
    table: str = "filter",
    chain: str | None = None,
    command: str | None = None,
    position: int | None = None,
    full: bool = False,
    family: Family = "ipv4",
    **kwargs: Any,
) -> str:
    """Return a rule as the command line has it, from arguments as states take them.

    ``full`` puts the program, the table, the command (``A``, ``I``, ``D``) and the chain before it.
    Raises BadArgument.

    Example:
        saltern run '*' iptables.build_rule match=state connstate=RELATED,ESTABLISHED jump=ACCEPT
    """
    words = build(kwargs)
    if not full:
        return shlex.join(words)
    if chain is None or command is None:
        raise BadArgument("full needs chain and command", hint="chain=INPUT command=A")
    where = [] if position is None else [str(position)]
    program = "iptables" if family == "ipv4" else "ip6tables"
    before = [
        program,
        "--wait",
        "-t",
        checked(table, "table"),
        f"-{command.lstrip('-')}",
        checked(chain, "chain"),
    ]
    return shlex.join([*before, *where, *words])


def get_rules(host: Host, family: Family = "ipv4") -> Rules:
    """Return the rules in the kernel: ``{table: {chain: {policy, rules: […]}}}``.

    Example:
        saltern run '*' iptables.get_rules
    """
    return _shown(tables.parse(tables.running(host, family)))


def get_saved_rules(host: Host, conf_file: str | None = None, family: Family = "ipv4") -> Rules:
    """Return the rules saved for the next start, in the shape of ``get_rules``.

    Example:
        saltern run '*' iptables.get_saved_rules
    """
    return _shown(tables.saved(host, family, conf_file or ""))


def get_policy(host: Host, table: str = "filter", chain: str = "INPUT", family: Family = "ipv4") -> str:
    """Return a chain's policy; empty for one that has none. Raises NotFound.

    Example:
        saltern run '*' iptables.get_policy filter INPUT
    """
    found = tables.chain(host, family, table, chain)
    if found is None:
        raise NotFound(f"the table {table} has no chain {chain}")
    return found.policy


def get_saved_policy(
    host: Host,
    table: str = "filter",
    chain: str = "INPUT",
    conf_file: str | None = None,
    family: Family = "ipv4",
) -> str:
    """Return the policy saved for the next start; empty when there is none.

    Example:
        saltern run '*' iptables.get_saved_policy filter INPUT
    """
    found = tables.saved(host, family, conf_file or "").get(table, {}).get(chain)
    return "" if found is None else found.policy


def set_policy(host: Host, table: str, chain: str, policy: str, family: Family = "ipv4") -> bool:
    """Set a chain's policy. Raises CommandFailed.

    Example:
        saltern run '*' iptables.set_policy filter INPUT DROP
    """
    tables.run(host, family, table, "-P", checked(chain, "chain"), checked(policy, "policy"))
    return True


def save(host: Host, filename: str | None = None, family: Family = "ipv4") -> str:
    """Save the rules for the next start, where the platform reads them; return the path.

    Example:
        saltern run '*' iptables.save
    """
    return tables.save(host, family, filename or "")


def check(host: Host, table: str, chain: str, rule: str, family: Family = "ipv4") -> bool:
    """Tell whether a chain has a rule. Raises BadArgument.

    Example:
        saltern run '*' iptables.check filter INPUT rule='-p tcp --dport 22 -j ACCEPT'
    """
    return tables.is_there(host, family, table, chain, parse(rule))


def check_chain(host: Host, table: str, chain: str, family: Family = "ipv4") -> bool:
    """Tell whether a table has a chain.

    Example:
        saltern run '*' iptables.check_chain filter INPUT
    """
    return tables.chain(host, family, table, chain) is not None


def new_chain(host: Host, table: str, chain: str, family: Family = "ipv4") -> bool:
    """Make a chain. Raises CommandFailed.

    Example:
        saltern run '*' iptables.new_chain filter WEB
    """
    tables.run(host, family, table, "-N", checked(chain, "chain"))
    return True


def delete_chain(host: Host, table: str, chain: str, family: Family = "ipv4") -> bool:
    """Remove an empty chain. Raises CommandFailed.

    Example:
        saltern run '*' iptables.delete_chain filter WEB
    """
    tables.run(host, family, table, "-X", checked(chain, "chain"))
    return True


def append(host: Host, table: str, chain: str, rule: str, family: Family = "ipv4") -> bool:
    """Put a rule at a chain's end, unless it has it; tell whether it was put there.

    Example:
        saltern run '*' iptables.append filter INPUT rule='-p tcp --dport 22 -j ACCEPT'
    """
    words = parse(rule)
    if tables.is_there(host, family, table, chain, words):
        return False
    tables.run(host, family, table, "-A", chain, *words)
    return True


def insert(host: Host, table: str, chain: str, position: int, rule: str, family: Family = "ipv4") -> bool:
    """Put a rule at a place of a chain, unless it has it; tell whether it was put there.

    1 is the first place; -1 the one before the last rule.

    Example:
        saltern run '*' iptables.insert filter INPUT position=1 rule='-p tcp --dport 22 -j ACCEPT'
    """
    words = parse(rule)
    if tables.is_there(host, family, table, chain, words):
        return False
    tables.run(
        host, family, table, "-I", chain, str(tables.place(host, family, table, chain, position)), *words
    )
    return True


def delete(
    host: Host,
    table: str,
    chain: str,
    position: int | None = None,
    rule: str | None = None,
    family: Family = "ipv4",
) -> bool:
    """Remove a rule by its place or as it is written. Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' iptables.delete filter INPUT rule='-p tcp --dport 22 -j ACCEPT'
    """
    if (position is None) == (rule is None):
        raise BadArgument("either position or rule says which rule is meant")
    what = [str(position)] if rule is None else parse(rule)
    tables.run(host, family, table, "-D", checked(chain, "chain"), *what)
    return True


def flush(host: Host, table: str = "filter", chain: str = "", family: Family = "ipv4") -> bool:
    """Remove the rules of a chain, or of all chains of a table. Raises CommandFailed.

    Example:
        saltern run '*' iptables.flush filter INPUT
    """
    tables.run(host, family, table, "-F", *([checked(chain, "chain")] if chain else []))
    return True


def _shown(found: dict[str, dict[str, Chain]]) -> Rules:
    return {
        table: {
            name: {"policy": one.policy, "rules": [shlex.join(rule) for rule in one.rules]}
            for name, one in chains.items()
        }
        for table, chains in found.items()
    }
