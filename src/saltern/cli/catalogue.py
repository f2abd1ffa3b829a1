"""The commands: a table is all that is known of them before one runs, and is imported alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import argparse


class Command(NamedTuple):
    """A command: its module in ``commands``, and what it does, in one line."""

    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    "run": Command("run", "Run a function on many machines at once"),
    "cp": Command("cp", "Send files of this machine to many machines"),
    "call": Command("call", "Run a function on this machine, without a controller"),
    "apply": Command("apply", "Bring machines into their declared state"),
    "plan": Command("plan", "Show what that would change, have it approved, and save it"),
    "show": Command("show", "Show which states a machine gets"),
    "drift": Command("drift", "Tell which machines are not as declared"),
    "why": Command("why", "Explain how a state ended on a host"),
    "undo": Command("undo", "Bring back what a run of states has changed"),
    "target": Command("target", "Show whom a target means"),
    "minions": Command("minions", "List the agents: who is here, who is not"),
    "job": Command("job", "List, show, watch, cancel and rerun jobs"),
    "files": Command("files", "See what is served to agents, and refresh it"),
    "returner": Command("returner", "See and mend where returns are delivered"),
    "events": Command("events", "Watch what happens, live"),
    "pillar": Command("pillar", "Show what agents are told in confidence, and check that it renders"),
    "mine": Command("mine", "See what agents tell each other through the mine"),
    "key": Command("key", "List, accept, reject, revoke and delete agents' keys"),
    "token": Command("token", "Make, list and revoke join tokens"),
    "audit": Command("audit", "Prove that the audit log is whole"),
    "controller": Command("controller", "Run the controller, or ask how it is"),
    "agent": Command("agent", "Run the agent, or let it join"),
    "fabric": Command("fabric", "Configure a message broker of your own"),
    "doc": Command("doc", "Explain a function"),
    "help": Command("help", "Explain a subject, such as exit codes"),
    "completion": Command("completion", "Have your shell complete commands and options"),
    "version": Command("version", "Show the version"),
}

GROUPS: dict[str, tuple[str, ...]] = {
    "States": ("apply", "plan", "show", "drift", "why", "undo"),
    "Work": ("run", "cp", "call", "target", "minions", "job", "returner", "events", "pillar", "mine", "doc"),
    "Trust": ("key", "token", "audit"),
    "Services": ("controller", "agent", "fabric", "files"),
    "About": ("help", "completion", "version"),
}


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command; imports that command alone."""
    import importlib

    from saltern.cli.parser import new_parser

    command = COMMANDS[name]
    module = importlib.import_module(f"saltern.cli.commands.{command.module}")
    settings = {"usage": module.USAGE} if hasattr(module, "USAGE") else {}
    parser = new_parser(f"saltern {name}", command.summary, getattr(module, "EXAMPLES", ""), **settings)
    module.configure(parser)
    return parser


def overview() -> str:
    """Return the list of commands."""
    lines = ["usage: saltern [--root DIR] [--json] COMMAND …", ""]
    for title, names in GROUPS.items():
        lines.append(f"{title}:")
        lines += [f"  {name:<12} {COMMANDS[name].summary}" for name in names]
        lines.append("")
    lines.append("`saltern COMMAND --help` explains one command with examples.")
    return "\n".join(lines)
