"""``saltern mine``: what agents tell each other."""

from __future__ import annotations

import argparse
from typing import Any

from saltern.api.replies import Deleted
from saltern.cli.context import Context
from saltern.cli.durations import ago
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.table import table
from saltern.cli.output.value import lines
from saltern.cli.output.words import counted
from saltern.cli.parser import Verbs
from saltern.model.mine import MineItem

EXAMPLES = """
  saltern mine list 'web*'
  saltern mine get 'role:db' network.ip_addrs --kind grain
  saltern mine delete web1 network.ip_addrs
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    verbs = Verbs(parser)
    listing = verbs.add("list", "List entries: whose, how old, how large, for whom", show)
    listing.add_argument("target", nargs="?", default="*", metavar="TARGET", help="whose (default: all)")
    reading = verbs.add("get", "Show what is in entries", get)
    reading.add_argument("target", metavar="TARGET", help="whose")
    reading.add_argument("functions", nargs="+", metavar="FUNCTION", help="the names of entries")
    removing = verbs.add("delete", "Delete entries", delete)
    removing.add_argument("target", metavar="TARGET", help="whose")
    removing.add_argument("functions", nargs="*", metavar="FUNCTION", help="which; without one, all")
    for verb in (listing, reading, removing):
        verb.add_argument("--kind", default="glob", metavar="KIND", help="how to read TARGET (default: glob)")


def show(context: Context, options: argparse.Namespace) -> int:
    """List entries."""
    query = {"target": options.target, "kind": options.kind}
    items = context.client.get("/v1/mine", list[MineItem], **query)
    if context.json:
        for item in items:
            context.emit(item)
    elif items:
        now = context.now()
        heads = ("AGENT", "FUNCTION", "PUT", "BYTES", "FOR")
        context.say(table(heads, (_row(item, now) for item in items), context.style))
    else:
        context.note("nothing in the mine" + ("" if options.target == "*" else " of those"))
    return ExitCode.OK if items else ExitCode.NOBODY


def _row(item: MineItem, now: float) -> tuple[str, ...]:
    readers = f"{item.allow_kind} {item.allow}" if item.allow else "all"
    return item.name, item.function, ago(item.updated, now), str(item.size), readers


def get(context: Context, options: argparse.Namespace) -> int:
    """Show data, by function and agent."""
    query = {"target": options.target, "kind": options.kind, "functions": ",".join(options.functions)}
    found = context.client.get("/v1/mine/data", dict[str, dict[str, Any]], **query)
    if context.json:
        context.emit(found)
    elif any(found.values()):
        context.say(lines(found))
    else:
        context.note("nothing in the mine under that name")
    return ExitCode.OK if any(found.values()) else ExitCode.NOBODY


def delete(context: Context, options: argparse.Namespace) -> int:
    """Delete entries."""
    body = {"target": options.target, "kind": options.kind, "functions": options.functions or None}
    done = context.client.ask("POST", "/v1/mine/delete", Deleted, body=body)
    said = [f"deleted from the mine: {counted(done.deleted, 'item')}"]
    context.emit(done) if context.json else context.say(said)
    return ExitCode.OK
