"""``saltern key``: whose key is trusted."""

from __future__ import annotations

import argparse
import sys

from saltern.cli.context import Context
from saltern.cli.durations import ago
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.table import table
from saltern.cli.output.words import counted
from saltern.cli.parser import Verbs
from saltern.foundation.errors import UsageError
from saltern.model.agent import Agent, KeyState

EXAMPLES = """
  saltern key list
  saltern key accept 'web*'        (shows the fingerprints, and asks)
  saltern key accept db1 --fingerprint SHA256:…
  saltern key revoke web7 --yes
"""
_VERBS = {
    "accept": ("Let agents in", "accepted", frozenset({KeyState.PENDING, KeyState.REJECTED})),
    "reject": ("Turn waiting agents away", "rejected", frozenset({KeyState.PENDING})),
    "revoke": ("Cut agents off, for ever and at once", "revoked", frozenset({KeyState.ACCEPTED})),
    "delete": ("Forget keys; one that is accepted is revoked too", "deleted", frozenset(KeyState)),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    verbs = Verbs(parser)
    listing = verbs.add("list", "List keys and their fingerprints", show)
    listing.add_argument("match", nargs="?", metavar="GLOB", help="only names like this")
    listing.add_argument(
        "--state", choices=[str(state) for state in KeyState], help="only keys in this state"
    )
    for verb, (summary, _, _) in _VERBS.items():
        changing = verbs.add(verb, summary, change)
        changing.add_argument("match", metavar="GLOB", help="which names")
        changing.add_argument("--fingerprint", help="only the key with this fingerprint")
        changing.add_argument("-y", "--yes", action="store_true", help="do not ask")
        changing.set_defaults(verb=verb)


def show(context: Context, options: argparse.Namespace) -> int:
    """List keys."""
    keys = context.client.get("/v1/keys", list[Agent], match=options.match, state=options.state)
    _list(context, keys)
    if not keys:
        context.note("no keys")
    return ExitCode.OK


def _list(context: Context, keys: list[Agent]) -> None:
    if context.json:
        for agent in keys:
            context.emit(agent)
    elif keys:
        now = context.now()
        rows = [(agent.name, str(agent.state), agent.fingerprint, ago(agent.created, now)) for agent in keys]
        context.say(table(("NAME", "STATE", "FINGERPRINT", "SINCE"), rows, context.style))


def change(context: Context, options: argparse.Namespace) -> int:
    """Show the keys that would change, ask, and change exactly those."""
    _, done, states = _VERBS[options.verb]
    keys = context.client.get("/v1/keys", list[Agent], match=options.match)
    chosen = [agent for agent in keys if agent.state in states and _is_meant(agent, options.fingerprint)]
    if not chosen:
        which = "" if states == set(KeyState) else f"{' or '.join(sorted(states))} "
        context.note(f"no {which}key matches {options.match!r}")
        return ExitCode.NOBODY
    if not options.yes and not _confirmed(context, options.verb, chosen):
        context.note("nothing was changed")
        return ExitCode.ERROR
    body = {"keys": [agent.key for agent in chosen]}
    changed = context.client.ask("POST", f"/v1/keys/{options.verb}", list[Agent], body=body)
    _list(context, changed) if context.json else context.say(f"{done} {agent.name}" for agent in changed)
    return ExitCode.OK


def _is_meant(agent: Agent, fingerprint: str | None) -> bool:
    return fingerprint is None or agent.fingerprint == fingerprint


def _confirmed(context: Context, verb: str, chosen: list[Agent]) -> bool:
    """Ask on a terminal; elsewhere nobody can answer. Raises UsageError there."""
    if not sys.stdin.isatty():
        raise UsageError(f"nobody is here to confirm: {verb} {counted(len(chosen), 'key')}", hint="add --yes")
    for agent in chosen:
        context.note(f"  {agent.name}  {agent.state}  {agent.fingerprint}")
    context.err.write(f"{verb} {counted(len(chosen), 'key')}? [y/N] ")
    context.err.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
