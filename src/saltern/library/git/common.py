"""What the functions of ``git`` share: their options, and running git with them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from saltern.library.git.address import NOWHERE, Address, before_command, options
from saltern.library.git.program import NO_ACCESS, Access, Git, access
from saltern.sdk import BadArgument, Host


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the functions have in common."""

    opts: Annotated[str, Meta(description="further options of the command")] = ""
    git_opts: Annotated[str, Meta(description="options before the command, such as -c user.name=…")] = ""
    user: Annotated[str | None, Meta(description="the user to run git as")] = None
    ignore_retcode: Annotated[bool, Meta(description="return what git wrote though it failed")] = False


class Remotely(Options, frozen=True, kw_only=True):
    """What those have in common that speak to another repository."""

    identity: Annotated[
        str | list[str] | None, Meta(description="private keys for ssh: paths, or salt://…")
    ] = None
    https_user: Annotated[str | None, Meta(description="an account for https")] = None
    https_pass: Annotated[str | None, Meta(description="its password, which is not written down")] = None


def directory(path: str) -> str:
    """Return an absolute path as it is. Raises BadArgument for another."""
    if not path.startswith("/") or "\0" in path:
        raise BadArgument(f"{path!r} is not an absolute path", hint="write /… in full")
    return path


def git(host: Host, cwd: str | None, how: Options, access: Access = NO_ACCESS) -> Git:
    """Return git in a directory, as the caller wants it."""
    return Git(host, None if cwd is None else directory(cwd), how.user, access)


def remote_access(host: Host, how: Remotely, where: Address = NOWHERE) -> Access:
    """Return how one comes to a remote."""
    return access(host, where, how.identity)


def do(host: Host, cwd: str | None, how: Options, command: str, *words: str, to: Access = NO_ACCESS) -> str:
    """Run a git command with the caller's options and return what it wrote. Raises CommandFailed."""
    verb, *more = command.split()
    argv = (*before_command(how.git_opts), verb, *more, *options(how.opts, verb), *words)
    program = git(host, cwd, how, to)
    if not how.ignore_retcode:
        return program.run(*argv)
    done = program.ask(*argv)
    return (done.stdout + done.stderr).decode(errors="replace").rstrip()


def lines(text: str) -> list[str]:
    """Return the lines that are not empty."""
    return [line for line in text.splitlines() if line]


def several(given: Any) -> list[str]:
    """Return one text, or a list of texts, or words divided by commas, as a list."""
    if given is None:
        return []
    return [str(one) for one in given] if isinstance(given, list) else str(given).split(",")
