"""Services kept by supervisord."""

from __future__ import annotations

from saltern.library.service.provider import Services, Verb, checked
from saltern.sdk import NotSupported

_UP = ("RUNNING", "STARTING")


class Supervisord(Services):
    """supervisord, asked through ``supervisorctl``; what is in its configuration is enabled."""

    def names(self) -> list[str]:
        """Return the programs."""
        return sorted(self._states())

    def available(self, name: str) -> bool:
        """Tell whether it has such a program."""
        return checked(name) in self._states()

    def running(self, name: str) -> bool:
        """Tell whether it runs, or has just been started."""
        return self._states().get(checked(name), "") in _UP

    def enabled(self, name: str) -> bool:
        """Tell whether it has such a program."""
        return self.available(name)

    def act(self, verb: Verb, name: str, no_block: bool = False) -> None:
        """Act on the program; a reload is a signal to it."""
        words = ("signal", "HUP") if verb == "reload" else ("restart" if verb == "force-reload" else verb,)
        self.run("supervisorctl", *words, checked(name))

    def enable(self, name: str) -> None:
        """Refuse: its configuration says so."""
        raise self._by_its_configuration()

    def disable(self, name: str) -> None:
        """Refuse: its configuration says so."""
        raise self._by_its_configuration()

    def read_anew(self) -> None:
        """Have the configuration read again, and what changed in it restarted."""
        self.run("supervisorctl", "update")

    def _states(self) -> dict[str, str]:
        """Return each program's state; the command's own code only says whether all of them run."""
        lines = self.ask("supervisorctl", "status").stdout.decode(errors="replace").splitlines()
        return {words[0]: words[1] for words in map(str.split, lines) if len(words) > 1}

    def _by_its_configuration(self) -> NotSupported:
        return NotSupported(
            "what supervisord starts stands in its configuration", hint="write autostart= there: file.managed"
        )
