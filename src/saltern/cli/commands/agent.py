"""``saltern agent``: run it, or let it join a controller."""

from __future__ import annotations

import argparse
import sys

from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.parser import Verbs
from saltern.foundation.errors import UsageError

EXAMPLES = """
  saltern agent join TOKEN              (`saltern token create` on the controller makes one)
  saltern agent join - < token.txt      (so that the token is in no process list)
  saltern agent join --controller salt.example.com     (and wait for `saltern key accept`)
  saltern agent                         (runs it here, until Ctrl-C)
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    parser.set_defaults(handler=run)
    verbs = Verbs(parser, required=False)
    verbs.add("run", "Run the agent in this process (what is done without a command)", run)
    joining = verbs.add("join", "Join a controller", join)
    joining.add_argument("token", nargs="?", metavar="TOKEN", help="a join token; - reads it from stdin")
    joining.add_argument(
        "--controller", metavar="HOST[:PORT]", help="join without a token: wait to be accepted"
    )
    joining.add_argument("--trust", metavar="FINGERPRINT", help="the controller's, instead of being asked")
    joining.add_argument("--name", help="this agent's name (default: the host's full name)")
    verbs.add("fingerprint", "Show the fingerprint of this agent's key", fingerprint)


def run(context: Context, options: argparse.Namespace) -> int:
    """Run the agent until it is told to stop."""
    from saltern.agent.main import run as run_agent

    return run_agent(context.layout)


def join(context: Context, options: argparse.Namespace) -> int:
    """Join with a token, or wait to be accepted."""
    if (options.token is None) == (options.controller is None):
        raise UsageError("saltern agent join needs a TOKEN or --controller", hint="one of them, not both")
    from saltern.agent import join as joining

    if options.token is not None:
        text = sys.stdin.read() if options.token == "-" else options.token  # noqa: S105
        joined = joining.by_token(context.layout, text, options.name)
    else:
        joined = joining.by_waiting(
            context.layout,
            options.controller,
            name=options.name,
            trust=lambda shown: _trusted(context, shown, options.trust),
            waiting=lambda shown: _waiting(context, shown),
        )
    if context.json:
        context.emit(joined._asdict())
    else:
        context.say([f"joined as {joined.name}, key {joined.fingerprint}"])
    return ExitCode.OK


def _trusted(context: Context, shown: str, expected: str | None) -> bool:
    """Compare the controller's fingerprint, or ask a person to. Raises UsageError when there is none."""
    if expected is not None:
        return expected.strip().lower() == shown.lower()
    if not sys.stdin.isatty():
        raise UsageError(
            f"nobody is here to compare the controller's fingerprint {shown}", hint="give it with --trust"
        )
    context.note(f"the controller's fingerprint is {shown}\n(on the controller: saltern fabric fingerprint)")
    context.err.write("is that the same? [y/N] ")
    context.err.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _waiting(context: Context, shown: str) -> None:
    context.note(f"waiting to be accepted; this agent's key is {shown}")


def fingerprint(context: Context, options: argparse.Namespace) -> int:
    """Show the fingerprint of this agent's key. Raises NotFound when it has none yet."""
    from saltern.agent.credential import Identity
    from saltern.foundation.errors import NotFound
    from saltern.model.ids import fingerprint as of_key

    identity = Identity(context.layout.agent)
    if not identity.key_file.exists():
        raise NotFound(
            "this agent has no key yet", where=str(identity.key_file), hint="see `saltern agent join`"
        )
    shown = of_key(identity.key())
    context.emit({"fingerprint": shown}) if context.json else context.say([shown])
    return ExitCode.OK
