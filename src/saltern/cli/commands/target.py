"""``saltern target``: whom an expression means, before anything is sent."""

from __future__ import annotations

import argparse

from saltern.api.replies import Resolved
from saltern.cli.commands.run import add_kinds
from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.printable import one_line
from saltern.cli.output.words import counted

EXAMPLES = """
  saltern target 'web*'
  saltern target -G 'os:Debian' --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("expression", metavar="TARGET", help="whom you mean")
    add_kinds(parser)
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Print the names, one a line."""
    query = {"expression": options.expression, "kind": options.kind}
    found = context.client.get("/v1/target", Resolved, **query)
    names = sorted(found.members.values())
    if context.json:
        context.emit(found)
    elif names:
        context.say(map(one_line, names))
        context.note(counted(len(names), "agent"))
    else:
        context.note(f"no agent matches {options.expression!r}")
    return ExitCode.OK if names else ExitCode.NOBODY
