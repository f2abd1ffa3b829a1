"""Services kept by systemd."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from saltern.library.service.provider import Services, Verb, checked
from saltern.sdk import Host

_SUFFIX = re.compile(r"\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$")
#: Units that are only groups of processes.
_GROUPS = (".scope", ".slice")
#: Properties that are lists of units.
_LISTS = ("Before", "After")
#: What ``is-enabled`` says of units that are started, if only because others want them.
_ENABLED = ("enabled", "enabled-runtime", "static", "alias", "indirect")
#: One of those has no file of its own: an old init script stands behind it.
_GENERATED = "generated"
_MASKS = {False: "/etc/systemd/system", True: "/run/systemd/system"}
#: Where units lie.
_DIRECTORIES = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_WANTED = "--property=LoadState,ActiveState,UnitFileState,NeedDaemonReload"


def unit(name: str) -> str:
    """Return a unit's whole name: a service's when it has no suffix. Raises BadArgument."""
    return checked(name) if _SUFFIX.search(name) else f"{checked(name)}.service"


def plain(name: str) -> str:
    """Return a unit's name without ``.service``; other suffixes stay."""
    return name.removesuffix(".service")


class Systemd(Services):
    """systemd, asked through ``systemctl``; what has been seen of a unit is kept until something is done."""

    def __init__(self, host: Host) -> None:
        """Take the host."""
        super().__init__(host)
        self._seen: dict[str, dict[str, str]] = {}

    def names(self) -> list[str]:
        """Return all units with a file, or generated from something."""
        return sorted({plain(name) for name, _ in self._files()})

    def available(self, name: str) -> bool:
        """Tell whether systemd finds the unit, masked or not, or would if it looked again."""
        return self._known(name)["LoadState"] != "not-found" or self._has_come_since(name)

    def running(self, name: str) -> bool:
        """Tell whether the unit is active."""
        return self._known(name)["ActiveState"] in ("active", "reloading", "refreshing")

    def starting(self, name: str) -> bool:
        """Tell whether the unit is on its way up."""
        return self._known(name)["ActiveState"] == "activating"

    def enabled(self, name: str) -> bool:
        """Tell whether the unit is started at boot, or by other units."""
        state = self._known(name)["UnitFileState"]
        if state == _GENERATED:
            state = self.ask("systemctl", "is-enabled", unit(name)).stdout.decode().strip()
        return state in _ENABLED

    def act(self, verb: Verb, name: str, no_block: bool = False) -> None:
        """Act on the unit; definitions that have changed since are read first."""
        if self._known(name)["NeedDaemonReload"] == "yes" or self._has_come_since(name):
            self.read_anew()
        word = "reload-or-restart" if verb == "force-reload" else verb
        self._change("systemctl", word, *(["--no-block"] if no_block else []), unit(name))

    def enable(self, name: str) -> None:
        """Have the unit started at boot."""
        self._change("systemctl", "enable", unit(name))

    def disable(self, name: str) -> None:
        """Have the unit not started at boot."""
        self._change("systemctl", "disable", unit(name))

    def enabled_names(self) -> list[str]:
        """Return the enabled units."""
        return self._in_state("enabled")

    def disabled_names(self) -> list[str]:
        """Return the disabled units."""
        return self._in_state("disabled")

    def static_names(self) -> list[str]:
        """Return the units that can't be enabled."""
        return self._in_state("static")

    def running_names(self) -> list[str]:
        """Return the units that run, without those that are only groups of processes."""
        lines = self.run("systemctl", "list-units", "--state=running", "--plain", "--no-legend", "--full")
        found = (line.split()[0] for line in lines.splitlines() if line.split())
        return sorted(plain(name) for name in found if not name.endswith(_GROUPS))

    def masked(self, name: str, runtime: bool = False) -> bool:
        """Tell whether the unit's name leads to /dev/null."""
        there = self.host.stat(f"{_MASKS[runtime]}/{unit(name)}", follow=False)
        return there is not None and there.kind == "link" and there.target == "/dev/null"

    def mask(self, name: str, runtime: bool = False) -> None:
        """Lead the unit's name to /dev/null."""
        self._change("systemctl", "mask", *(["--runtime"] if runtime else []), unit(name))

    def unmask(self, name: str, runtime: bool = False) -> None:
        """Take that back."""
        self._change("systemctl", "unmask", *(["--runtime"] if runtime else []), unit(name))

    def show(self, name: str) -> Mapping[str, object]:
        """Return the unit's properties; programs as mappings, what it comes before and after as lists."""
        return dict(_properties(self.run("systemctl", "show", unit(name))))

    def programs(self) -> Mapping[str, str]:
        """Return the program of each service that has one."""
        names = [unit(name) for name in self.names() if not _SUFFIX.search(name) and not name.endswith("@")]
        said = self.run("systemctl", "show", "--property=Id,ExecStart", *names)
        found: dict[str, str] = {}
        for name, block in zip(names, said.split("\n\n"), strict=False):
            started = dict(_properties(block)).get("ExecStart")
            if isinstance(started, dict):
                found[plain(name)] = started["path"]
        return found

    def read_anew(self) -> None:
        """Have systemd read its units again."""
        self._change("systemctl", "daemon-reload")

    def _known(self, name: str) -> Mapping[str, str]:
        """Return what counts of a unit; one that isn't there has values too."""
        if name not in self._seen:
            lines = self.run("systemctl", "show", _WANTED, unit(name)).splitlines()
            found = dict(line.split("=", 1) for line in lines if "=" in line)
            self._seen[name] = dict.fromkeys(_WANTED.partition("=")[2].split(","), "") | found
        return self._seen[name]

    def _change(self, *argv: str) -> None:
        """Run a program after which what has been seen is no longer so."""
        self._seen.clear()
        self.run(*argv)

    def _has_come_since(self, name: str) -> bool:
        """Tell whether a unit has a file that wasn't there when systemd, asked by another unit, looked."""
        paths = (f"{directory}/{unit(name)}" for directory in _DIRECTORIES)
        return self._known(name)["LoadState"] == "not-found" and any(map(self.host.exists, paths))

    def _files(self) -> Iterator[tuple[str, str]]:
        for line in self.run("systemctl", "list-unit-files", "--no-legend", "--full").splitlines():
            name, state, *_ = [*line.split(), "", ""]
            if name and not name.endswith(_GROUPS):
                yield name, state

    def _in_state(self, wanted: str) -> list[str]:
        return sorted({plain(name) for name, state in self._files() if state == wanted})


def _properties(text: str) -> Iterator[tuple[str, Any]]:
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            yield name, _value(name, value)


def _value(name: str, text: str) -> Any:
    if name in _LISTS:
        return text.split()
    return _fields(text) if text.startswith("{ ") else text


def _fields(value: str) -> dict[str, str]:
    """Return what is written ``{ path=/bin/x ; argv[]=/bin/x -a ; … }`` as a mapping."""
    parts = (part.partition("=") for part in value.strip("{} ").split(" ; "))
    return {name.strip(): text for name, _, text in parts}
