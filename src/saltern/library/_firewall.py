"""What the nouns of firewalls share: names that may go to their programs, and how one of them ended."""

from __future__ import annotations

import re
from typing import Any

from saltern.sdk import BadArgument, Command, CommandFailed, Finished, Host, TimedOut
from saltern.sdk.host import PLAIN_LOCALE

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,62}", re.ASCII)


def checked(name: object, what: str) -> str:
    """Return a name of a table, chain or set. Raises BadArgument for one that no program would take."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadArgument(f"{name!r} is no name of a {what}", hint="letters, digits and -_.:+, 63 at most")
    return name


def word(value: object, what: str) -> str:
    """Return a value as one argument of a program. Raises BadArgument for lists and control characters."""
    if isinstance(value, dict | list | tuple) or value is None:
        raise BadArgument(f"{what}: {value!r} is no single value")
    text = str(value)
    if any(character < " " or character == "\x7f" for character in text):
        raise BadArgument(f"{what}: {text!r} holds a control character")
    return text


def names(value: Any) -> list[Any]:
    """Return what may be a list, text with commas, or nothing, as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [one.strip() for one in str(value).split(",")]


def asked(host: Host, *argv: str, stdin: str = "") -> Finished:
    """Run a program in the plain locale and return how it ended, whatever its code. Raises TimedOut."""
    done = host.execute(Command(argv=argv, stdin=stdin.encode(), env=PLAIN_LOCALE, timeout=60.0))
    if done.timed_out:
        raise TimedOut(f"{argv[0]} did not end within 60 s")
    return done


def said(done: Finished) -> str:
    """Return what a program complained of, else what it wrote."""
    return (done.stderr or done.stdout).decode(errors="replace").strip()


def demanded(host: Host, *argv: str, stdin: str = "") -> str:
    """Run a program and return its output. Raises CommandFailed, TimedOut."""
    done = asked(host, *argv, stdin=stdin)
    if done.retcode != 0:
        raise CommandFailed(f"{' '.join(argv)}: {said(done)}", retcode=done.retcode)
    return done.stdout.decode(errors="replace")
