"""``saltern help``: subjects that no single command explains."""

from __future__ import annotations

import argparse
import contextlib

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
        "subject", nargs="*", metavar="SUBJECT", help="exit-codes, or a command: job, job show"
    )
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Print help about a subject. Raises NotFound."""
    subject, *verbs = options.subject or ["commands"]
    if verbs and subject in COMMANDS:
        return _of_verb(subject, verbs)
    if subject == "commands":
        context.say([overview()])
    elif subject == "exit-codes":
        context.say(f"{code:>4}  {meaning}" for code, meaning in MEANING.items())
    elif subject in COMMANDS:
        context.say([parser_of(subject).format_help().rstrip()])
    else:
        raise NotFound(f"no help about {subject!r}", hint=nearest(subject, [*COMMANDS, "exit-codes"]))
    return ExitCode.OK


def _of_verb(command: str, verbs: list[str]) -> int:
    """Let the parser explain the command below a command; it leaves when it has. Raises UsageError."""
    with contextlib.suppress(SystemExit):
        parser_of(command).parse_args([*verbs, "--help"])
    return ExitCode.OK
