"""Services kept by macOS' launchd."""

from __future__ import annotations

import posixpath

from saltern.library.service.provider import Services, Verb, checked
from saltern.sdk import NotFound

_PLACES = ("/Library/LaunchDaemons", "/Library/LaunchAgents", "/System/Library/LaunchDaemons")


class Launchd(Services):
    """launchd's system domain, asked through ``launchctl``; a service is named by its label."""

    def names(self) -> list[str]:
        """Return the labels of all definitions."""
        found = {
            name for place in _PLACES if self.host.exists(place) for name in self.host.list_directory(place)
        }
        return sorted(posixpath.splitext(name)[0] for name in found if name.endswith(".plist"))

    def available(self, name: str) -> bool:
        """Tell whether there is a definition."""
        return bool(self._definition(name))

    def running(self, name: str) -> bool:
        """Tell whether it has a process."""
        done = self.ask("launchctl", "list", checked(name))
        return done.retcode == 0 and b'"PID" =' in done.stdout

    def enabled(self, name: str) -> bool:
        """Tell whether it is not among those disabled."""
        said = self.run("launchctl", "print-disabled", "system")
        lines = [line for line in said.splitlines() if f'"{checked(name)}" =>' in line]
        return not any(line.strip().endswith(("true", "disabled")) for line in lines) and self.available(name)

    def act(self, verb: Verb, name: str, no_block: bool = False) -> None:
        """Load or unload its definition, or have it started anew."""
        definition = self._definition(name)
        if not definition:
            raise NotFound(f"there is no service {name} in {', '.join(_PLACES)}")
        if verb == "start":
            self.run("launchctl", "bootstrap", "system", definition)
        elif verb == "stop":
            self.run("launchctl", "bootout", f"system/{name}")
        else:
            self.run("launchctl", "kickstart", "-k", f"system/{name}")

    def enable(self, name: str) -> None:
        """Have it loaded at start."""
        self.run("launchctl", "enable", f"system/{checked(name)}")

    def disable(self, name: str) -> None:
        """Have it not loaded."""
        self.run("launchctl", "disable", f"system/{checked(name)}")

    def _definition(self, name: str) -> str:
        paths = (f"{place}/{checked(name)}.plist" for place in _PLACES)
        return next((path for path in paths if self.host.exists(path)), "")
