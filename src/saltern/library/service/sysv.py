"""Services kept by the scripts in /etc/init.d."""

from __future__ import annotations

import re

from saltern.library.service.provider import Services, Verb, checked
from saltern.sdk import NotFound, NotSupported

_SCRIPTS = "/etc/init.d"
#: In that directory, and no services.
_OTHERS = ("README", "functions", "rc", "rcS", "skeleton", "halt", "reboot", "single", "killprocs")
_STARTED = re.compile(r"S\d\d(.+)")
#: Run levels in which a host is at work; the first that says something decides.
_LEVELS = ("2", "3", "5", "4")


class SysV(Services):
    """Init scripts; ``update-rc.d`` or ``chkconfig`` enables them."""

    def names(self) -> list[str]:
        """Return the scripts that may be run."""
        found = self.host.list_directory(_SCRIPTS)
        return [
            name
            for name in found
            if name not in _OTHERS and not name.startswith(".") and self.available(name)
        ]

    def available(self, name: str) -> bool:
        """Tell whether there is a script that may be run."""
        there = self.host.stat(f"{_SCRIPTS}/{checked(name)}")
        return there is not None and there.kind == "file" and there.mode & 0o111 != 0

    def running(self, name: str) -> bool:
        """Tell whether the script says that it runs."""
        return self.available(name) and self.ask(f"{_SCRIPTS}/{name}", "status").retcode == 0

    def enabled(self, name: str) -> bool:
        """Tell whether it is started in the run level the host is in."""
        return checked(name) in self._started()

    def enabled_names(self) -> list[str]:
        """Return the services started in the host's run level."""
        started = self._started()
        return [name for name in self.names() if name in started]

    def disabled_names(self) -> list[str]:
        """Return the others."""
        started = self._started()
        return [name for name in self.names() if name not in started]

    def act(self, verb: Verb, name: str, no_block: bool = False) -> None:
        """Run the script with the verb."""
        if not self.available(name):
            raise NotFound(f"there is no init script {_SCRIPTS}/{name}")
        self.run(f"{_SCRIPTS}/{name}", verb)

    def enable(self, name: str) -> None:
        """Have it started."""
        if self.host.which("update-rc.d"):
            self.run("update-rc.d", checked(name), "defaults")
            self.run("update-rc.d", name, "enable")
        else:
            self._chkconfig(name, "on")

    def disable(self, name: str) -> None:
        """Have it not started."""
        if self.host.which("update-rc.d"):
            self.run("update-rc.d", checked(name), "disable")
        else:
            self._chkconfig(name, "off")

    def _chkconfig(self, name: str, switch: str) -> None:
        if self.host.which("chkconfig") is None:
            raise NotSupported("neither update-rc.d nor chkconfig is on this host")
        self.run("chkconfig", checked(name), switch)

    def _started(self) -> set[str]:
        directory = self._level_directory()
        names = self.host.list_directory(directory) if directory else []
        return {met[1] for met in map(_STARTED.fullmatch, names) if met}

    def _level_directory(self) -> str:
        """Return the directory of the run level's links; of a usual one when the host is in none."""
        said = self.ask("runlevel").stdout.decode().split() if self.host.which("runlevel") else []
        for level in [*said[1:2], *_LEVELS]:
            for directory in (f"/etc/rc{level}.d", f"/etc/rc.d/rc{level}.d"):
                if self.host.exists(directory):
                    return directory
        return ""
