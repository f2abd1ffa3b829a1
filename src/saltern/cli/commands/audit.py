"""``saltern audit``: nobody changed what was recorded."""

from __future__ import annotations

import argparse

from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.printable import one_line
from saltern.cli.parser import Verbs
from saltern.model.system import AuditReport

EXAMPLES = """
  saltern audit verify
  saltern audit verify --json | jq -r .head      (keep it elsewhere: it proves that nothing was cut off)
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    Verbs(parser).add("verify", "Read the whole log and tell whether it is whole", verify)


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
