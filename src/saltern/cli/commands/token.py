"""``saltern token``: let agents in without asking for each."""

from __future__ import annotations

import argparse

from saltern.cli.client import quoted
from saltern.cli.context import Context
from saltern.cli.durations import ago, duration, moment
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.table import table
from saltern.cli.output.words import counted
from saltern.cli.parser import Verbs
from saltern.foundation.errors import UsageError
from saltern.model.token import NewToken, Token

EXAMPLES = """
  saltern agent join "$(saltern token create)"
  saltern token create --ttl 1d --uses 50 --id-pattern 'web*' --grain role=web
  saltern token revoke TOKEN-ID
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    verbs = Verbs(parser)
    make = verbs.add("create", "Make a token and print it: this once", create)
    make.add_argument("--ttl", default="1h", metavar="TIME", help="how long it holds (default: 1h)")
    make.add_argument(
        "--uses", default="1", metavar="N", help="how many agents; 'any' is no limit (default: 1)"
    )
    make.add_argument("--id-pattern", default="*", metavar="GLOB", help="which names may join (default: all)")
    make.add_argument("--grain", action="append", default=[], metavar="KEY=VALUE", help="a grain it grants")
    make.add_argument("--note", default="", help="what it is for")
    verbs.add("list", "List tokens, without their secrets", show)
    end = verbs.add("revoke", "End a token", revoke)
    end.add_argument("id", help="as `saltern token list` shows it")


def create(context: Context, options: argparse.Namespace) -> int:
    """Print a new token to stdout, and what it is good for to stderr."""
    body = {
        "ttl": duration(options.ttl),
        "uses": _uses(options.uses),
        "id_pattern": options.id_pattern,
        "grains": dict(map(_grain, options.grain)),
        "note": options.note,
    }
    token = context.client.ask("POST", "/v1/tokens", NewToken, body=body)
    if context.json:
        context.emit(token)
        return ExitCode.OK
    context.say([token.text])
    number = "any number of agents" if token.uses is None else counted(token.uses, "agent")
    context.note(f"good for {number} until {moment(token.expires)}; on the machine: saltern agent join TOKEN")
    return ExitCode.OK


def _uses(text: str) -> int | None:
    if text == "any":
        return None
    if not text.isdecimal():
        raise UsageError(f"--uses {text!r} is not a number", hint="write a number, or 'any'")
    return int(text)


def _grain(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--grain {text!r} is not KEY=VALUE", hint="for example --grain role=web")
    return name, value


def show(context: Context, options: argparse.Namespace) -> int:
    """List tokens."""
    tokens = context.client.get("/v1/tokens", list[Token])
    if context.json:
        for token in tokens:
            context.emit(token)
        return ExitCode.OK
    now = context.now()
    heads = ("ID", "STATE", "USES LEFT", "EXPIRES", "NAMES", "GRAINS", "BY", "NOTE")
    context.say(table(heads, (_row(token, now) for token in tokens), context.style)) if tokens else None
    return ExitCode.OK


def _row(token: Token, now: float) -> tuple[str, ...]:
    left = "any" if token.uses_left is None else str(token.uses_left)
    expires = f"{moment(token.expires)}" if token.expires > now else ago(token.expires, now)
    grains = ",".join(f"{name}={value}" for name, value in token.grains.items())
    state = str(token.state(now))
    return token.id, state, left, expires, token.id_pattern, grains or "-", token.creator, token.note or "-"


def revoke(context: Context, options: argparse.Namespace) -> int:
    """End a token."""
    token = context.client.ask("DELETE", f"/v1/tokens/{quoted(options.id)}", Token)
    context.emit(token) if context.json else context.say([f"revoked {token.id}"])
    return ExitCode.OK
