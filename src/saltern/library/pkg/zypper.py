"""SUSE's packages: rpm knows what is there, zypper what could be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, ParseError, fromstring

from saltern.library.pkg.dnf import Rpm
from saltern.library.pkg.manager import PATIENCE, Available, Differences, Options, Wish
from saltern.sdk import CommandFailed

_CACHE = "/var/cache/zypp/solv"
_SOURCES = "/etc/zypp/repos.d"
#: Codes that are no failure: updates are needed (100, 101), a reboot (102), zypper itself changed (103).
_FINE = (0, 100, 101, 102, 103)
_NOTHING_FOUND = 104


class Zypper(Rpm):
    """Packages by zypper."""

    name = "zypper"

    def stale(self) -> float:
        """Return the age of zypper's cache; infinite when there is none, or the repositories are newer."""
        cache, sources = self.host.stat(_CACHE), self.host.stat(_SOURCES)
        if cache is None or (sources is not None and sources.modified > cache.modified):
            return math.inf
        return max(0.0, self.host.now() - cache.modified)

    def refresh(self) -> Mapping[str, bool | None]:
        """Fetch the metadata. Raises CommandFailed."""
        said = self.act("zypper", "--non-interactive", "refresh", "--force", codes=_FINE, timeout=1800)
        if self.host.exists(_CACHE):
            self.host.set_times(_CACHE, self.host.now(), self.host.now())
        found: dict[str, bool | None] = {}
        for line in said.stdout.decode(errors="replace").splitlines():
            if line.startswith("Repository '"):
                found[line.split("'")[1]] = None if "is up to date" in line else True
            elif line.startswith("Retrieving repository '"):
                found[line.split("'")[1]] = True
        return found

    def available(self, names: Sequence[str], fromrepo: str = "") -> Mapping[str, Available]:
        """Return what ``zypper search`` says of these packages."""
        wanted = self.names(names)
        if not wanted:
            return {}
        chosen = ["--repo", fromrepo] if fromrepo else []
        tree = self._xml("search", "--match-exact", "--details", "--type", "package", *chosen, *wanted)
        found: dict[str, list[str]] = {}
        for one in tree.iter("solvable"):
            if one.get("repository") not in ("(System Packages)", "@System"):
                name = self.named(one.get("name", ""), one.get("arch", ""))
                found.setdefault(name, []).append(one.get("edition", ""))
        return self.offered(found, wanted)

    def simulate(self, wishes: Sequence[Wish], options: Options) -> Differences | None:
        """Return what zypper says it would do."""
        if any(wish.file for wish in wishes):
            return None
        how, more = self._how(options)
        return self._foreseen(self._xml(*how, "install", "--dry-run", *more, "--", *self._words(wishes)))

    def install(self, wishes: Sequence[Wish], options: Options) -> None:
        """Install by zypper."""
        how, more = self._how(options)
        more += ["--download-only"] if options.download_only else []
        argv = ["zypper", "--non-interactive", *how, "install", *more, "--", *self._words(wishes)]
        self.act(*self.scoped(), *argv, codes=_FINE, timeout=options.timeout)

    def simulate_removal(self, names: Sequence[str], *, purge: bool) -> Differences | None:
        """Return what zypper says it would remove."""
        return self._foreseen(self._xml("remove", "--dry-run", "--", *self.names(names)))

    def remove(self, names: Sequence[str], *, purge: bool, timeout: float = PATIENCE) -> None:
        """Remove by zypper."""
        argv = ["zypper", "--non-interactive", "remove", "--", *self.names(names)]
        self.act(*self.scoped(), *argv, codes=_FINE, timeout=timeout)

    def upgrades(self, *, dist_upgrade: bool = False) -> Differences:
        """Return what ``list-updates`` names."""
        return {
            one.get("name", ""): {"old": one.get("edition-old", ""), "new": one.get("edition", "")}
            for one in self._xml("list-updates").iter("update")
            if one.get("kind") == "package"
        }

    def upgrade(self, *, dist_upgrade: bool = False, options: Options) -> None:
        """Upgrade by zypper."""
        how, more = self._how(options)
        verb = "dist-upgrade" if dist_upgrade else "update"
        argv = ["zypper", "--non-interactive", *how, verb, *more]
        self.act(*self.scoped(), *argv, codes=_FINE, timeout=options.timeout)

    def held(self) -> Sequence[str]:
        """Return the names that are locked."""
        lines = self.ask("zypper", "--non-interactive", "locks").splitlines()
        cells = [[cell.strip() for cell in line.split("|")] for line in lines if "|" in line]
        return sorted(row[1] for row in cells if row[0].isdecimal() and len(row) > 1)

    def hold(self, names: Sequence[str]) -> None:
        """Lock."""
        self.act("zypper", "--non-interactive", "addlock", "--", *self.names(names))

    def unhold(self, names: Sequence[str]) -> None:
        """Unlock."""
        self.act("zypper", "--non-interactive", "removelock", "--", *self.names(names))

    def _words(self, wishes: Sequence[Wish]) -> list[str]:
        return [
            wish.file or (f"{self.names([wish.name])[0]}={wish.version}" if wish.version else wish.name)
            for wish in wishes
        ]

    def _how(self, options: Options) -> tuple[list[str], list[str]]:
        """Return the options before and after zypper's verb."""
        if options.enablerepo or options.disablerepo or options.setopt:
            raise self.lacks("choose repositories other than by fromrepo")
        before = ["--no-gpg-checks"] if options.skip_verify else []
        switches = {
            "--force": options.reinstall,
            "--oldpackage": options.downgrade and not options.only_upgrade,
            "--no-recommends": not options.recommends,
        }
        chosen = ["--from", options.fromrepo] if options.fromrepo else []
        return before, ["--auto-agree-with-licenses", *(one for one, on in switches.items() if on), *chosen]

    def _xml(self, *words: str) -> Element:
        """Return zypper's answer. Raises CommandFailed for what is none."""
        argv = ("zypper", "--non-interactive", "--xmlout", "--no-refresh", *words)
        said = self.ask(*argv, codes=(*_FINE, _NOTHING_FOUND))
        try:
            return fromstring(said)  # noqa: S314  zypper's own words, on this host
        except ParseError as error:
            raise CommandFailed(f"zypper's answer can't be read: {error}") from error

    def _foreseen(self, tree: Element) -> Differences:
        found: Differences = {}
        for summary in tree.iter("install-summary"):
            for part in summary:
                for one in part.iter("solvable"):
                    edition = one.get("edition", "")
                    if part.tag == "to-remove":
                        found[one.get("name", "")] = {"old": edition, "new": ""}
                    elif one.get("type") == "package":
                        found[one.get("name", "")] = {"old": one.get("edition-old", ""), "new": edition}
        return found
