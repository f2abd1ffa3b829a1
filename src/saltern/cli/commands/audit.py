"""``saltern audit``: nobody changed what was recorded."""

from __future__ import annotations

import argparse

from saltern.cli.context import Context
from saltern.cli.durations import moment
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.printable import one_line
from saltern.cli.output.table import table
from saltern.cli.parser import Verbs
from saltern.foundation.errors import UsageError
from saltern.model.system import AuditEntry, AuditReport

EXAMPLES = """
  saltern audit list --limit 20
  saltern audit verify
  saltern audit verify --json | jq -r .head      (keep it elsewhere: it proves that nothing was cut off)
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    verbs = Verbs(parser)
    listing = verbs.add("list", "Show who did what, oldest first", show)
    listing.add_argument("--after", type=int, default=0, metavar="N", help="entries after number N")
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (%(default)s)")
    verbs.add("verify", "Read the whole log and tell whether it is whole", verify)
    accepting = verbs.add("accept-loss", "Go on after entries were lost (a back-up was restored)", accept)
    accepting.add_argument("-y", "--yes", action="store_true", help="do not ask")


def show(context: Context, options: argparse.Namespace) -> int:
    """Show entries, one a line."""
    entries = context.client.get("/v1/audit", list[AuditEntry], after=options.after, limit=options.limit)
    if context.json:
        for entry in entries:
            context.emit(entry)
        return ExitCode.OK
    rows = [
        [str(entry.seq), moment(entry.at), entry.principal, entry.action, entry.decision, entry.target]
        for entry in entries
    ]
    context.say(table(("NUMBER", "WHEN", "WHO", "WHAT", "DECISION", "WHOM"), rows, context.style))
    return ExitCode.OK


def accept(context: Context, options: argparse.Namespace) -> int:
    """Let the log go on; it will always say that entries were lost, when, and who accepted it."""
    if not options.yes:
        raise UsageError("what was lost stays lost, and the log will say who accepted it", hint="add --yes")
    entry = context.client.ask("POST", "/v1/audit/accept-loss", AuditEntry)
    if context.json:
        context.emit(entry)
    else:
        context.say([f"recorded as entry {entry.seq}"])
    return ExitCode.OK


def verify(context: Context, options: argparse.Namespace) -> int:
    """Verify the chain of hashes."""
    report = context.client.get("/v1/audit/verify", AuditReport)
    if context.json:
        context.emit(report)
    elif report.whole:
        context.say([f"whole: {report.entries:,} entries, head {report.head or '-'}"])
    else:
        at = "" if report.at is None else f" at entry {report.at}"
        context.say([context.style.paint(f"broken{at}: {one_line(report.problem)}", "red")])
    return ExitCode.OK if report.whole else ExitCode.FAILED
