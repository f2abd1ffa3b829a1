"""Installers of other worlds (pip, npm, gem …): running them as a user; names of their packages."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from saltern.sdk import BadArgument, Command, CommandFailed, Finished, Host, TimedOut
from saltern.sdk.host import PLAIN_LOCALE

#: Installing may fetch and build; after so many seconds it is given up.
PATIENCE = 1800.0
_ACCOUNT = re.compile(r"(?<=://)[^/@\s]*@")


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A program with its first arguments, and whose it is. What is secret belongs into ``env``."""

    argv: tuple[str, ...]
    user: str | None = None
    cwd: str | None = None
    env: Mapping[str, str | None] = {}

    def ends(
        self, host: Host, *args: str, stdin: bytes = b"", env: Mapping[str, str | None] | None = None
    ) -> Finished:
        """Run it to its end and return how that was. Raises NotFound, NotAllowed, TimedOut."""
        around = {**PLAIN_LOCALE, **self.env, **(env or {})}
        argv = (*self.argv, *args)
        done = host.execute(
            Command(argv=argv, stdin=stdin, cwd=self.cwd, env=around, user=self.user, timeout=PATIENCE)
        )
        if done.timed_out:
            raise TimedOut(f"{self._called(args)} did not end within {PATIENCE:g} s")
        return done

    def run(
        self, host: Host, *args: str, stdin: bytes = b"", env: Mapping[str, str | None] | None = None
    ) -> str:
        """Run it and return its output. Raises CommandFailed with what it said, and what ``ends`` raises."""
        done = self.ends(host, *args, stdin=stdin, env=env)
        if done.retcode:
            raise self.failure(done, *args)
        return done.stdout.decode(errors="replace")

    def failure(self, done: Finished, *args: str) -> CommandFailed:
        """Return the error of a run that failed: the end of what was said, without accounts in addresses."""
        said = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
        shown = _ACCOUNT.sub("", said[-2000:]) or f"ended with code {done.retcode}"
        return CommandFailed(f"{self._called(args)}: {shown}", retcode=done.retcode)

    def _called(self, args: tuple[str, ...]) -> str:
        program = self.argv[0].rpartition("/")[2]
        return " ".join([program, *[one for one in args if not one.startswith("-")][:1]])


def checked(name: str, what: str = "package") -> str:
    """Return a name as it is. Raises BadArgument for one that a program would take for something else."""
    if not name or name != name.strip() or name.startswith("-") or not name.isprintable():
        raise BadArgument(f"{name!r} is no name of a {what}")
    return name


def listed(given: str | list[str] | None) -> list[str]:
    """Return what may be written as a list, or as one text with commas."""
    if isinstance(given, str):
        return [one.strip() for one in given.split(",") if one.strip()]
    return list(given or [])


def environment(given: Mapping[str, object] | None) -> dict[str, str | None]:
    """Return the variables a caller wrote, as text; null takes one away."""
    return {name: None if value is None else str(value) for name, value in (given or {}).items()}
