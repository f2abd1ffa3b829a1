"""The renderer ``gpg``: decrypts every PGP message in text or data, with the machine's own gpg."""

from __future__ import annotations

import re
from typing import Any

from saltern.foundation.errors import NotFound, Unavailable
from saltern.sdk.command import Command
from saltern.sdk.host import Host
from saltern.sls.template import Template, Work
from saltern.sls.yaml_text import Marked

_MESSAGE = re.compile(r"-----BEGIN PGP MESSAGE-----.*?-----END PGP MESSAGE-----", re.DOTALL)
_TIMEOUT = 60.0


def render(work: Work, template: Template, argument: str) -> Work:
    """Return the same text or data in the clear. Raises SlsError when any message can't be decrypted."""
    host = template.world.host
    if host is None:
        raise template.fail("the renderer gpg needs a machine with gpg, and there is none here")
    directory = str(template.world.opts.get("gpg_keydir") or f"{host.settings}/gpgkeys")
    return Work(_Decrypter(host, directory).value(work.content), work.source, True)


class _Decrypter:
    def __init__(self, host: Host, directory: str) -> None:
        self._host = host
        self._directory = directory
        self._known: dict[str, str] = {}

    def value(self, value: Any) -> Any:
        """Return a value with every message in it in the clear."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            clear: dict[Any, Any] = Marked() if isinstance(value, Marked) else {}
            clear.update((key, self.value(one)) for key, one in value.items())
            if isinstance(clear, Marked) and isinstance(value, Marked):
                clear.lines = value.lines
            return clear
        return [self.value(one) for one in value] if isinstance(value, list) else value

    def _text(self, text: str) -> str:
        if "-----BEGIN PGP MESSAGE-----" not in text:
            return text
        clear = _MESSAGE.sub(lambda found: self._clear(found[0].replace("\\n", "\n")), text)
        return clear.rstrip("\n")

    def _clear(self, message: str) -> str:
        if message not in self._known:
            self._known[message] = self._decrypted(message)
        return self._known[message]

    def _decrypted(self, message: str) -> str:
        argv = ("gpg", "--homedir", self._directory, "--batch", "--no-tty", "--quiet", "--decrypt")
        try:
            done = self._host.execute(Command(argv=argv, stdin=message.encode(), timeout=_TIMEOUT))
        except NotFound:
            raise Unavailable("the program gpg is not on this machine") from None
        if done.retcode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise Unavailable(
                f"a PGP message can't be decrypted: {said[-1] if said else 'gpg failed'}",
                hint=f"is its key in {self._directory}?",
            )
        return done.stdout.decode(errors="replace")
