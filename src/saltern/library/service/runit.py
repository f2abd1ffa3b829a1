"""Services kept by runit."""

from __future__ import annotations

from saltern.library.service.provider import Services, Verb, checked
from saltern.sdk import NotFound

#: Where definitions lie, and where a link to one has it supervised; the first there is, is taken.
_DEFINED = ("/etc/sv", "/etc/runit/sv")
_SUPERVISED = ("/var/service", "/etc/service", "/service", "/run/runit/service")


class Runit(Services):
    """runit, asked through ``sv``: a service is enabled when it is linked among those supervised."""

    def names(self) -> list[str]:
        """Return the definitions."""
        defined = self._first(_DEFINED)
        return self.host.list_directory(defined) if defined else []

    def available(self, name: str) -> bool:
        """Tell whether there is a definition that can be run."""
        return self.host.exists(f"{self._first(_DEFINED)}/{checked(name)}/run")

    def running(self, name: str) -> bool:
        """Tell whether ``sv`` says that it runs."""
        return self.enabled(name) and self.ask("sv", "status", self._supervised(name)).stdout.startswith(
            b"run:"
        )

    def enabled(self, name: str) -> bool:
        """Tell whether it is supervised, and not held down."""
        linked = self.host.stat(self._supervised(name), follow=False) is not None
        return linked and not self.host.exists(f"{self._supervised(name)}/down")

    def act(self, verb: Verb, name: str, no_block: bool = False) -> None:
        """Tell the supervisor. A service that isn't supervised can't be acted on; stopping it is done."""
        if self.host.stat(self._supervised(name), follow=False) is None:
            if verb == "stop":
                return
            raise NotFound(f"{name} is not supervised", hint="enable it first: enable: true")
        self.run("sv", verb, self._supervised(name))

    def enable(self, name: str) -> None:
        """Link it among those supervised, and wait until its supervisor is there."""
        self.host.remove(f"{self._supervised(name)}/down")
        if self.host.stat(self._supervised(name), follow=False) is None:
            self.host.link(self._supervised(name), f"{self._first(_DEFINED)}/{name}")
            self._wait_for_supervisor(name)

    def disable(self, name: str) -> None:
        """Take the link away; its supervisor then ends it."""
        self.host.remove(self._supervised(name))

    def _supervised(self, name: str) -> str:
        return f"{self._first(_SUPERVISED) or _SUPERVISED[0]}/{checked(name)}"

    def _first(self, places: tuple[str, ...]) -> str:
        return next((place for place in places if self.host.exists(place)), "")

    def _wait_for_supervisor(self, name: str) -> None:
        """Wait as long as runsvdir needs to see a link: it looks every five seconds."""
        for _ in range(70):
            said = self.ask("sv", "status", self._supervised(name)).stdout
            if said.startswith((b"run:", b"down:")):
                return
            self.host.sleep(0.1)
