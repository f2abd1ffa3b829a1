"""Alpine's packages."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from saltern.library.pkg import versions
from saltern.library.pkg.manager import PATIENCE, Available, Differences, Managing, Options, Versions, Wish

_INDEX = "/var/cache/apk"
_SOURCES = "/etc/apk/repositories"
_WORLD = "/etc/apk/world"
_STEP = re.compile(
    r"\(\d+/\d+\) (?P<verb>Installing|Upgrading|Downgrading|Reinstalling|Replacing|Purging) (?P<name>\S+) "
    r"\((?P<old>[^\s)]+)(?: -> (?P<new>[^\s)]+))?\)"
)
_PACKAGE = re.compile(r"(?P<name>.+)-(?P<version>[0-9][^-]*-r[0-9]+)")


class Apk(Managing):
    """Packages by apk."""

    name = "apk"

    def compare(self, one: str, other: str) -> int:
        """Compare as apk does."""
        return versions.apk(one, other)

    def installed(self) -> Versions:
        """Return what ``apk info`` names."""
        return {name: [version] for name, version in self._split(self.ask("apk", "info", "-v"))}

    def _split(self, said: str) -> list[tuple[str, str]]:
        found = [_PACKAGE.match(line.strip()) for line in said.splitlines()]
        return [(one["name"], one["version"]) for one in found if one]

    def stale(self) -> float:
        """Return the age of the index; infinite when there is none, or the repositories are newer."""
        index, sources = self.host.stat(_INDEX), self.host.stat(_SOURCES)
        if index is None or (sources is not None and sources.modified > index.modified):
            return math.inf
        return max(0.0, self.host.now() - index.modified)

    def refresh(self) -> Mapping[str, bool | None]:
        """Update the index. Raises CommandFailed."""
        said = self.act("apk", "update", timeout=1800).stdout.decode(errors="replace")
        if self.host.exists(_INDEX):
            self.host.set_times(_INDEX, self.host.now(), self.host.now())
        return {line.split()[1]: True for line in said.splitlines() if line.startswith("fetch ")}

    def available(self, names: Sequence[str], fromrepo: str = "") -> Mapping[str, Available]:
        """Return what ``apk policy`` says."""
        wanted = self.names(names)
        found: dict[str, list[str]] = {}
        name, version, there = "", "", False
        for line in self.ask("apk", "policy", *wanted).splitlines() if wanted else ():
            if line.endswith(" policy:"):
                name = line.removesuffix(" policy:")
            elif line.startswith("  ") and not line.startswith("    "):
                version = line.strip().rstrip(":")
            elif line.strip() and "/lib/apk/db" not in line:
                there = not fromrepo or fromrepo in line
                if there and version not in found.setdefault(name, []):
                    found[name].append(version)
        return {
            one: Available(tuple(found[one]), versions.newest(found[one], self.compare))
            for one in wanted
            if found.get(one)
        }

    def simulate(self, wishes: Sequence[Wish], options: Options) -> Differences | None:
        """Return what ``apk add --simulate`` says."""
        return self._foreseen(self.ask("apk", "add", "--simulate", *self._words(wishes, options)))

    def install(self, wishes: Sequence[Wish], options: Options) -> None:
        """Install by apk."""
        verb = "fetch" if options.download_only else "add"
        self.act("apk", verb, *self._words(wishes, options), timeout=options.timeout)

    def simulate_removal(self, names: Sequence[str], *, purge: bool) -> Differences | None:
        """Return what ``apk del --simulate`` says."""
        return self._foreseen(self.ask("apk", "del", "--simulate", *self.names(names)))

    def remove(self, names: Sequence[str], *, purge: bool, timeout: float = PATIENCE) -> None:
        """Remove by apk."""
        more = ["--purge"] if purge else []
        self.act("apk", "del", *more, *self.names(names), timeout=timeout)

    def upgrades(self, *, dist_upgrade: bool = False) -> Differences:
        """Return what ``apk upgrade --simulate`` says."""
        more = ["--available"] if dist_upgrade else []
        return self._foreseen(self.ask("apk", "upgrade", "--simulate", *more))

    def upgrade(self, *, dist_upgrade: bool = False, options: Options) -> None:
        """Upgrade by apk."""
        more = ["--available"] if dist_upgrade else []
        self.act("apk", "upgrade", *more, timeout=options.timeout)

    def held(self) -> Sequence[str]:
        """Return the packages that ``world`` ties to a version."""
        entries = self.host.text(_WORLD, "").split()
        return sorted(name for name, tie, _ in (entry.partition("=") for entry in entries) if tie)

    def hold(self, names: Sequence[str]) -> None:
        """Tie packages to the version they have."""
        there = self.installed()
        self.act("apk", "add", *(f"{name}={there[name][-1]}" for name in self.names(names)))

    def unhold(self, names: Sequence[str]) -> None:
        """Untie packages from their version."""
        self.act("apk", "add", *self.names(names))

    def owners(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Return the packages that paths belong to."""
        found = dict.fromkeys(paths, "")
        for path in paths:
            said = self.ask("apk", "info", "--who-owns", path, codes=(0, 1)).strip()
            package = _PACKAGE.match(said.rpartition(" is owned by ")[2]) if " is owned by " in said else None
            found[path] = package["name"] if package else ""
        return found

    def files(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the paths each package brought."""
        return {
            name: [
                f"/{line}" for line in self.ask("apk", "info", "-q", "-L", name).splitlines() if line.strip()
            ]
            for name in self.names(names)
        }

    def _words(self, wishes: Sequence[Wish], options: Options) -> list[str]:
        if options.enablerepo or options.disablerepo or options.setopt:
            raise self.lacks("choose repositories other than by fromrepo")
        tag = f"@{options.fromrepo}" if options.fromrepo else ""
        unsigned = ["--allow-untrusted"] if options.skip_verify else []
        forced = ["--force-reinstall"] if options.reinstall else []
        names = self.names(wish.name for wish in wishes)
        return [*unsigned, *forced] + [
            wish.file or f"{name}{tag}" + (f"={wish.version}" if wish.version else "")
            for name, wish in zip(names, wishes, strict=True)
        ]

    def _foreseen(self, said: str) -> Differences:
        found: Differences = {}
        for line in said.splitlines():
            step = _STEP.match(line)
            if step:
                going, fresh = step["verb"] == "Purging", step["verb"] == "Installing"
                found[step["name"]] = {
                    "old": "" if fresh else step["old"],
                    "new": "" if going else step["new"] or step["old"],
                }
        return found
