"""``saltern target``: whom an expression means, before anything is sent."""

from __future__ import annotations

import argparse

from saltern.api.resolved import Resolved
from saltern.cli.commands.run import add_kinds
from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.printable import one_line
from saltern.cli.output.words import counted
from saltern.targeting import fold, terms_matched

EXAMPLES = """
  saltern target 'web*'
  saltern target -C 'G@os:Debian and not db*'      (each with the terms that mean it)
  saltern target -G 'os:Debian' --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("expression", metavar="TARGET", help="whom you mean")
    add_kinds(parser)
    parser.add_argument("--names", action="store_true", help="only the names, one a line")
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Print who is meant, and by which terms."""
    query = {"expression": options.expression, "kind": options.kind}
    why = {} if options.names else {"why": "true"}
    if options.delimiter is not None:
        query["delimiter"] = options.delimiter
    found = context.client.get("/v1/target", Resolved, **query, **why)
    if context.json:
        context.emit(found)
    elif not found.members:
        context.note(f"no agent matches {options.expression!r}")
    else:
        names = sorted(found.members.values())
        context.say(map(one_line, names) if options.names else _explained(found))
        context.note(counted(len(names), "agent"))
    if found.unknown:
        context.note(f"no such agent: {one_line(fold(found.unknown))}")
    return ExitCode.OK if found.members else ExitCode.NOBODY


def _explained(found: Resolved) -> list[str]:
    """Return a line for each set of agents that the same terms mean."""
    sets: dict[str, list[str]] = {}
    for key, name in found.members.items():
        terms = terms_matched(found.reasons[key]) if key in found.reasons else []
        sets.setdefault(", ".join(terms) or found.expression, []).append(name)
    rows = sorted((fold(names), terms) for terms, names in sets.items())
    width = min(60, max(len(who) for who, _ in rows))
    return [f"{one_line(who):<{width}}  {one_line(terms)}" for who, terms in rows]
