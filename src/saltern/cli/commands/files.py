"""``saltern files``: what is served to agents."""

from __future__ import annotations

import argparse

from saltern.cli.context import Context
from saltern.cli.durations import ago
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.printable import one_line
from saltern.cli.output.table import table
from saltern.cli.parser import Verbs
from saltern.model.served import FilesRefreshed, ServedEnvironment

EXAMPLES = """
  saltern files list
  saltern files refresh        (after a push to git: agents see it at once)
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    verbs = Verbs(parser)
    verbs.add("list", "List the environments and the trees they are", show_list)
    verbs.add("refresh", "Have every backend fetch what is new, now", refresh)


def show_list(context: Context, options: argparse.Namespace) -> int:
    """List environments."""
    found = context.client.get("/v1/files", list[ServedEnvironment])
    if context.json:
        for one in found:
            context.emit(one)
    elif found:
        heads = ("NAME", "TREE", "REVISION", "FILES", "BYTES", "AS OF")
        context.say(table(heads, [_row(one, context.now()) for one in found], context.style))
    else:
        context.note("no environments\nhint: name file roots in controller.yaml, below `files.backends`")
    return ExitCode.OK


def _row(one: ServedEnvironment, now: float) -> tuple[str, ...]:
    if not one.sha256:
        return (one_line(one.name), "-", "-", "-", "-", "nobody has asked yet")
    return (
        one_line(one.name),
        one.sha256[:12],
        one_line(one.revision) or "-",
        f"{one.files:,}",
        f"{one.size:,}",
        ago(one.looked or now, now),
    )


def refresh(context: Context, options: argparse.Namespace) -> int:
    """Refresh; exit code 1 when a backend could not."""
    found = context.client.ask("POST", "/v1/files/refresh", FilesRefreshed)
    problems = {name: text for name, text in found.problems.items() if text}
    if context.json:
        context.emit(found)
    else:
        context.say([f"{one_line(name)}: {one_line(text) or 'ok'}" for name, text in found.problems.items()])
    return ExitCode.FAILED if problems else ExitCode.OK
