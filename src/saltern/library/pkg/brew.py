"""Homebrew's packages. Homebrew refuses to run as root: it runs as whoever owns it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from saltern.library.pkg.manager import PATIENCE, Available, Differences, Managing, Options, Versions, Wish
from saltern.sdk import Command, CommandFailed, TimedOut

_QUIET = {"HOMEBREW_NO_AUTO_UPDATE": "1", "HOMEBREW_NO_ANALYTICS": "1", "HOMEBREW_NO_ENV_HINTS": "1"}


class Brew(Managing):
    """Packages by Homebrew. A formula has one version, that of its newest recipe."""

    name = "brew"

    def installed(self) -> Versions:
        """Return what ``brew list --versions`` names."""
        found = (line.split() for line in self._brew("list", "--versions").splitlines())
        return {name: found_versions for name, *found_versions in found}

    def refresh(self) -> Mapping[str, bool | None]:
        """Update the recipes. Raises CommandFailed."""
        return {"homebrew": None if "Already up-to-date" in self._brew("update", timeout=1800) else True}

    def available(self, names: Sequence[str], fromrepo: str = "") -> Mapping[str, Available]:
        """Return what the recipes say."""
        found: dict[str, Available] = {}
        for name, formula in zip(names, self._info(names), strict=True):
            stable = str(formula.get("versions", {}).get("stable", ""))
            revision = formula.get("revision", 0)
            version = f"{stable}_{revision}" if revision else stable
            found[name] = Available((version,), version)
        return found

    def _info(self, names: Sequence[str]) -> list[dict[str, Any]]:
        wanted = self.names(names)
        if not wanted:
            return []
        answer = msgspec.json.decode(self._brew("info", "--json=v2", *wanted))
        found: list[dict[str, Any]] = answer["formulae"]
        return found

    def install(self, wishes: Sequence[Wish], options: Options) -> None:
        """Install by brew."""
        names = [
            wish.file or name for wish, name in zip(wishes, self.names(w.name for w in wishes), strict=True)
        ]
        there = self.installed()
        for verb, chosen in (
            ("reinstall", [name for name in names if options.reinstall and name in there]),
            ("upgrade", [name for name in names if not options.reinstall and name in there]),
            ("install", [name for name in names if name not in there]),
        ):
            if chosen:
                self._brew(verb, *chosen, timeout=options.timeout)

    def remove(self, names: Sequence[str], *, purge: bool, timeout: float = PATIENCE) -> None:
        """Remove by brew."""
        self._brew("uninstall", *(["--zap"] if purge else []), *self.names(names), timeout=timeout)

    def upgrades(self, *, dist_upgrade: bool = False) -> Differences:
        """Return what ``brew outdated`` names."""
        answer = msgspec.json.decode(self._brew("outdated", "--json=v2"))
        return {
            one["name"]: {"old": ",".join(one["installed_versions"]), "new": one["current_version"]}
            for one in answer["formulae"]
            if not one.get("pinned")
        }

    def upgrade(self, *, dist_upgrade: bool = False, options: Options) -> None:
        """Upgrade by brew."""
        self._brew("upgrade", timeout=options.timeout)

    def held(self) -> Sequence[str]:
        """Return the names that are pinned."""
        return sorted(self._brew("list", "--pinned").split())

    def hold(self, names: Sequence[str]) -> None:
        """Pin."""
        self._brew("pin", *self.names(names))

    def unhold(self, names: Sequence[str]) -> None:
        """Unpin."""
        self._brew("unpin", *self.names(names))

    def owners(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Raise NotSupported."""
        raise self.lacks("tell whose a file is")

    def files(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the paths each package brought."""
        return {name: self._brew("list", "--verbose", name).splitlines() for name in self.names(names)}

    def _brew(self, *words: str, timeout: float = PATIENCE) -> str:
        program = self.host.which("brew") or "brew"
        there = self.host.stat(program)
        owner = self.host.user(there.uid).name if there is not None and there.uid else None
        user = owner if self.host.user().uid == 0 else None
        command = Command(argv=(program, *words), env={"LC_ALL": "C", **_QUIET}, user=user, timeout=timeout)
        done = self.host.execute(command)
        if done.timed_out:
            raise TimedOut(f"brew did not end within {timeout:g} s")
        if done.retcode:
            said = done.stderr.decode(errors="replace").strip()
            raise CommandFailed(f"brew {words[0]}: {said[-2000:]}", retcode=done.retcode)
        return done.stdout.decode(errors="replace")
