"""``saltern minions``: who is there."""

from __future__ import annotations

import argparse

from saltern.cli.context import Context
from saltern.cli.durations import ago
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.table import table
from saltern.cli.output.words import counted
from saltern.model.agent import Agent

EXAMPLES = """
  saltern minions
  saltern minions 'web*' --offline
  saltern minions --json | jq -r 'select(.online).name'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("match", nargs="?", metavar="GLOB", help="only names like this")
    presence = parser.add_mutually_exclusive_group()
    presence.add_argument(
        "--online", action="store_const", const=True, dest="online", help="only who is here"
    )
    presence.add_argument(
        "--offline", action="store_const", const=False, dest="online", help="only who is not"
    )
    parser.set_defaults(handler=run, paged=True)


def run(context: Context, options: argparse.Namespace) -> int:
    """List accepted agents by name."""
    agents = context.client.get("/v1/agents", list[Agent], match=options.match, online=options.online)
    if context.json:
        for agent in agents:
            context.emit(agent)
    elif agents:
        now = context.now()
        heads = ("NAME", "PRESENCE", "SINCE", "LAST SEEN", "VERSION", "ADDRESS")
        context.say(table(heads, (_row(agent, now) for agent in agents), context.style))
        online = sum(agent.online for agent in agents)
        context.note(f"{counted(len(agents), 'agent')}: {online} online, {len(agents) - online} offline")
    else:
        context.note("no agents" + (" like that" if options.match else " yet: see `saltern token create`"))
    return ExitCode.OK if agents else ExitCode.NOBODY


def _row(agent: Agent, now: float) -> tuple[str, ...]:
    seen = "now" if agent.online else ago(agent.last_seen, now)
    presence = "online" if agent.online else "offline"
    since = ago(agent.since, now) if agent.since else "-"
    return agent.name, presence, since, seen, agent.version or "-", agent.address or "-"
