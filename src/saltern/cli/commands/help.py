"""``saltern help``: subjects that no single command explains."""

from __future__ import annotations

import argparse

from saltern.cli.catalogue import COMMANDS, overview, parser_of
from saltern.cli.context import Context
from saltern.cli.exit_codes import MEANING, ExitCode
from saltern.foundation.errors import NotFound, nearest

EXAMPLES = """
  saltern help exit-codes
  saltern help run
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "subject", nargs="?", default="commands", metavar="SUBJECT", help="exit-codes, or a command"
    )
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Print help about a subject. Raises NotFound."""
    subject = options.subject
    if subject == "commands":
        context.say([overview()])
    elif subject == "exit-codes":
        context.say(f"{code:>4}  {meaning}" for code, meaning in MEANING.items())
    elif subject in COMMANDS:
        context.say([parser_of(subject).format_help().rstrip()])
    else:
        raise NotFound(f"no help about {subject!r}", hint=nearest(subject, [*COMMANDS, "exit-codes"]))
    return ExitCode.OK
