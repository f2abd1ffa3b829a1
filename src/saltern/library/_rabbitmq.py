"""How a RabbitMQ node is spoken to: by its own programs, which give what they list as JSON."""

from __future__ import annotations

import json
from typing import Any

from saltern.sdk import BadArgument, Command, CommandFailed, Host, TimedOut, Unavailable

_TIMEOUT = 180.0
#: How ``rabbitmqctl`` ends when the node does not answer.
_NO_NODE = (69, 75)


def run(
    host: Host, *words: str, runas: str | None = None, program: str = "rabbitmqctl", secret: str | None = None
) -> str:
    """Run one of the node's programs and return what it writes; ``secret`` goes to its stdin.

    Raises CommandFailed with what it says, Unavailable when the node does not run, TimedOut.
    """
    for word in (*words, secret or ""):
        if "\0" in word:
            raise BadArgument("a NUL character can't be in what RabbitMQ is told")
    done = host.execute(
        Command(
            argv=(program, "--quiet", *words),
            stdin=b"" if secret is None else f"{secret}\n".encode(),
            user=runas,
            env={"LC_ALL": "C.UTF-8"},
            timeout=_TIMEOUT,
        )
    )
    if done.timed_out:
        raise TimedOut(f"{program} did not end within {_TIMEOUT:g} s")
    said = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
    if done.retcode in _NO_NODE:
        raise Unavailable(f"RabbitMQ does not run: {said[:500]}", hint="service.running: rabbitmq-server")
    if done.retcode:
        raise CommandFailed(f"{program} {words[0]}: {said}", retcode=done.retcode)
    return done.stdout.decode(errors="replace")


def listed(host: Host, *words: str, runas: str | None = None) -> list[dict[str, Any]]:
    """Return what a ``list_…`` command finds. Raises as ``run`` does."""
    said = run(host, *words, "--formatter=json", runas=runas)
    found: list[dict[str, Any]] = json.loads(said or "[]")
    return found


def tags_of(value: Any) -> list[str]:
    """Return tags, which are written as a list or as one text with commas or spaces."""
    words = value.replace(",", " ").split() if isinstance(value, str) else value or []
    return [str(one) for one in words]


def name(text: str, what: str) -> str:
    """Return a name as it is. Raises BadArgument for an empty one."""
    if not text:
        raise BadArgument(f"the {what} is empty")
    return text
