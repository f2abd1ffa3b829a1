"""What renderers that decrypt have in common: messages are found in text and data, and become secrets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from saltern.foundation.errors import NotFound, SalternError, Unavailable
from saltern.sdk.command import Command, Finished
from saltern.sdk.host import Host
from saltern.sdk.secret import Secret
from saltern.sls.template import Template, Work
from saltern.sls.yaml_text import Marked, lines_of

#: Seconds one message may take.
_TIMEOUT = 60.0


class Decrypter:
    """Replaces every armoured message of one kind. What is decrypted once is remembered for the template."""

    def __init__(self, mark: str, decrypt: Callable[[str], str], work: Work, template: Template) -> None:
        """``mark`` is what stands between BEGIN and END; ``decrypt`` returns the clear text of a message."""
        self._begin = f"-----BEGIN {mark}-----"
        self._message = re.compile(rf"{self._begin}.*?-----END {mark}-----", re.DOTALL)
        self._decrypt = decrypt
        self._work = work
        self._template = template
        self._known: dict[str, str] = {}

    def work(self) -> Work:
        """Return the work in the clear. Raises SlsError with the line of what can't be decrypted."""
        content = self._work.content
        if not isinstance(content, str):
            return Work(self._value(content, 0), self._work.source, self._work.secret)
        if self._begin not in content:
            return self._work
        return Work(self._text(content, None), self._work.source, True)

    def _value(self, value: Any, line: int) -> Any:
        if isinstance(value, str):
            return Secret(self._text(value, line)) if self._begin in value else value
        if isinstance(value, dict):
            return self._mapping(value, line)
        return [self._value(one, line) for one in value] if isinstance(value, list) else value

    def _mapping(self, value: dict[Any, Any], line: int) -> dict[Any, Any]:
        lines = lines_of(value)
        clear: dict[Any, Any] = Marked() if isinstance(value, Marked) else {}
        clear.update((key, self._value(one, lines.get(key, line))) for key, one in value.items())
        if isinstance(clear, Marked):
            clear.lines = lines
        return clear

    def _text(self, text: str, line: int | None) -> str:
        """Return text in the clear; ``line`` is where it stands, None when it is the whole file."""

        def clear(found: re.Match[str]) -> str:
            where = text.count("\n", 0, found.start()) + 1 if line is None else line
            return self._clear(found[0].replace("\\n", "\n"), where)

        return self._message.sub(clear, text).rstrip("\n")

    def _clear(self, message: str, line: int) -> str:
        if message not in self._known:
            try:
                self._known[message] = self._decrypt(message)
            except SalternError as error:
                where = self._work.source(line) if line else 0
                raise self._template.fail(error.message, where, hint=error.hint) from error
        return self._known[message]


def machine(template: Template, program: str) -> Host:
    """Return the machine whose program decrypts. Raises SlsError where there is none."""
    if template.world.host is None:
        raise template.fail(f"the renderer {program} needs a machine with {program}, and there is none here")
    return template.world.host


def run(host: Host, argv: tuple[str, ...], message: str) -> Finished:
    """Return how a program ended that was given a message. Raises Unavailable where it is missing."""
    try:
        return host.execute(Command(argv=argv, stdin=message.encode(), timeout=_TIMEOUT))
    except NotFound:
        hint = f"install the package {'gnupg' if argv[0] == 'gpg' else argv[0]}"
        raise Unavailable(f"the program {argv[0]} is not on this machine", hint=hint) from None
