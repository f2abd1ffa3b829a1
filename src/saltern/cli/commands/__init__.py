"""One command, one file. This table is all that is known of a command before it runs."""

from typing import NamedTuple


class Command(NamedTuple):
    """A command: its module in this folder, and what it does, in one line."""

    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    "run": Command("run", "Run a function on many machines at once"),
    "call": Command("call", "Run a function on this machine, without a controller"),
    "target": Command("target", "Show whom a target means"),
    "minions": Command("minions", "List the agents: who is here, who is not"),
    "job": Command("job", "List, show, watch, cancel and rerun jobs"),
    "events": Command("events", "Watch what happens, live"),
    "key": Command("key", "List, accept, reject, revoke and delete agents' keys"),
    "token": Command("token", "Make, list and revoke join tokens"),
    "audit": Command("audit", "Prove that the audit log is whole"),
    "controller": Command("controller", "Run the controller, or ask how it is"),
    "agent": Command("agent", "Run the agent, or let it join"),
    "fabric": Command("fabric", "Configure a message broker of your own"),
    "doc": Command("doc", "Explain a function"),
    "help": Command("help", "Explain a subject, such as exit codes"),
    "version": Command("version", "Show the version"),
}

GROUPS: dict[str, tuple[str, ...]] = {
    "Work": ("run", "call", "target", "minions", "job", "events", "doc"),
    "Trust": ("key", "token", "audit"),
    "Services": ("controller", "agent", "fabric"),
    "About": ("help", "version"),
}
