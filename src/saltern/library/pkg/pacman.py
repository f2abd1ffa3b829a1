"""Arch Linux's packages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from saltern.library.pkg.manager import PATIENCE, Available, Differences, Managing, Options, Versions, Wish

_SYNC = "/var/lib/pacman/sync"
_SETTINGS = "/etc/pacman.conf"


class Pacman(Managing):
    """Packages by pacman. Repositories have one version of each."""

    name = "pacman"

    def installed(self) -> Versions:
        """Return what ``pacman -Q`` names."""
        return {name: [version] for name, version in self._pairs("-Q")}

    def _pairs(self, *words: str, codes: Sequence[int] = (0,)) -> list[tuple[str, str]]:
        lines = (line.split() for line in self.ask("pacman", *words, codes=codes).splitlines())
        return [(line[0], line[1]) for line in lines if len(line) >= 2]

    def stale(self) -> float:
        """Return the age of the databases; infinite when there are none, or the settings are newer."""
        found, settings = self.host.stat(_SYNC), self.host.stat(_SETTINGS)
        if found is None or (settings is not None and settings.modified > found.modified):
            return math.inf
        return max(0.0, self.host.now() - found.modified)

    def refresh(self) -> Mapping[str, bool | None]:
        """Fetch the databases. Raises CommandFailed."""
        said = self.act("pacman", "-Sy", "--noconfirm", "--noprogressbar", timeout=1800)
        if self.host.exists(_SYNC):
            self.host.set_times(_SYNC, self.host.now(), self.host.now())
        lines = said.stdout.decode(errors="replace").splitlines()
        fetched = {line.split()[0]: None for line in lines if line.endswith("is up to date")}
        return fetched | {line.split()[0]: True for line in lines if "downloading" in line and line.split()}

    def available(self, names: Sequence[str], fromrepo: str = "") -> Mapping[str, Available]:
        """Return what the databases have."""
        wanted = self.names(names)
        found: dict[str, Available] = {}
        for repository, name, version in self._synced() if wanted else ():
            if name in wanted and name not in found and fromrepo in ("", repository):
                found[name] = Available((version,), version)
        return found

    def _synced(self) -> list[tuple[str, str, str]]:
        lines = (line.split() for line in self.ask("pacman", "-Sl").splitlines())
        return [(line[0], line[1], line[2]) for line in lines if len(line) >= 3]

    def simulate(self, wishes: Sequence[Wish], options: Options) -> Differences | None:
        """Return what ``pacman -S --print`` says."""
        if any(wish.file for wish in wishes):
            return None
        there = self.installed()
        pairs = self._pairs("-S", "--print", "--print-format", "%n %v", "--", *self._words(wishes, options))
        return {
            name: {"old": ",".join(there.get(name, ())), "new": version}
            for name, version in pairs
            if version not in there.get(name, ()) or options.reinstall
        }

    def install(self, wishes: Sequence[Wish], options: Options) -> None:
        """Install by pacman; files by ``pacman -U``."""
        files = [wish.file for wish in wishes if wish.file]
        named = [wish for wish in wishes if not wish.file]
        common = ["--noconfirm", "--noprogressbar", *([] if options.reinstall else ["--needed"])]
        if files:
            self.act("pacman", "-U", *common, "--", *files, timeout=options.timeout)
        if named:
            verb = "-Sw" if options.download_only else "-S"
            self.act("pacman", verb, *common, "--", *self._words(named, options), timeout=options.timeout)

    def _words(self, wishes: Sequence[Wish], options: Options) -> list[str]:
        if options.enablerepo or options.disablerepo or options.setopt:
            raise self.lacks("choose repositories other than by fromrepo")
        prefix = f"{options.fromrepo}/" if options.fromrepo else ""
        names = self.names(wish.name for wish in wishes)
        return [
            f"{prefix}{name}" + (f"={wish.version}" if wish.version else "")
            for name, wish in zip(names, wishes, strict=True)
        ]

    def simulate_removal(self, names: Sequence[str], *, purge: bool) -> Differences | None:
        """Return what ``pacman -R --print`` says."""
        verb = "-Rcn" if purge else "-Rc"
        pairs = self._pairs(verb, "--print", "--print-format", "%n %v", "--", *self.names(names))
        return {name: {"old": version, "new": ""} for name, version in pairs}

    def remove(self, names: Sequence[str], *, purge: bool, timeout: float = PATIENCE) -> None:
        """Remove by pacman, with what depends on it."""
        verb = "-Rcn" if purge else "-Rc"
        argv = ["pacman", verb, "--noconfirm", "--noprogressbar", "--", *self.names(names)]
        self.act(*argv, timeout=timeout)

    def upgrades(self, *, dist_upgrade: bool = False) -> Differences:
        """Return what ``pacman -Qu`` names."""
        found: Differences = {}
        for line in self.ask("pacman", "-Qu", codes=(0, 1)).splitlines():
            words = line.split()
            if len(words) >= 4 and words[2] == "->" and "[ignored]" not in line:
                found[words[0]] = {"old": words[1], "new": words[3]}
        return found

    def upgrade(self, *, dist_upgrade: bool = False, options: Options) -> None:
        """Upgrade by pacman."""
        self.act("pacman", "-Su", "--noconfirm", "--noprogressbar", timeout=options.timeout)

    def owners(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Return the packages that paths belong to."""
        said = {path: self.ask("pacman", "-Qqo", "--", path, codes=(0, 1)).strip() for path in paths}
        return {path: "" if "error" in package else package for path, package in said.items()}

    def files(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the paths each package brought."""
        return {name: self.ask("pacman", "-Qlq", "--", name).splitlines() for name in self.names(names)}
