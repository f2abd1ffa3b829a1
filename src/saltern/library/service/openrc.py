"""Services kept by OpenRC."""

from __future__ import annotations

from saltern.library.service.provider import Services, Verb, checked

_SCRIPTS, _LEVELS = "/etc/init.d", "/etc/runlevels"
_NO_SERVICES = ("README", "functions.sh", "skeleton", "rc", "rcS")


class OpenRC(Services):
    """OpenRC, asked through ``rc-service`` and ``rc-update``."""

    def names(self) -> list[str]:
        """Return the scripts."""
        found = self.host.list_directory(_SCRIPTS)
        return [name for name in found if name not in _NO_SERVICES and not name.startswith(".")]

    def available(self, name: str) -> bool:
        """Tell whether there is a script."""
        return self.host.exists(f"{_SCRIPTS}/{checked(name)}")

    def running(self, name: str) -> bool:
        """Tell whether OpenRC says that it is started."""
        return self.available(name) and self.ask("rc-service", name, "status").retcode == 0

    def enabled(self, name: str) -> bool:
        """Tell whether it is in a run level."""
        return bool(self._levels_of(checked(name)))

    def act(self, verb: Verb, name: str, no_block: bool = False) -> None:
        """Act on the service."""
        word = "restart" if verb == "force-reload" else verb
        self.run("rc-service", checked(name), word)

    def enable(self, name: str) -> None:
        """Put it in the default run level."""
        self.run("rc-update", "add", checked(name), "default")

    def disable(self, name: str) -> None:
        """Take it out of every run level."""
        for level in self._levels_of(checked(name)):
            self.run("rc-update", "delete", name, level)

    def _levels_of(self, name: str) -> list[str]:
        levels = self.host.list_directory(_LEVELS) if self.host.exists(_LEVELS) else []
        return [level for level in levels if self.host.stat(f"{_LEVELS}/{level}/{name}", follow=False)]
