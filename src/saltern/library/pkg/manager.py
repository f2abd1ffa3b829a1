"""What every package manager can be asked for; each provider is one file beside this one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from saltern.library.pkg import versions
from saltern.sdk import BadArgument, Command, CommandFailed, Finished, Host, NotSupported, TimedOut

#: Seconds a package manager may be at work.
PATIENCE = 3600.0

#: ``{name: {"old": version, "new": version}}``; "" stands for not installed.
Differences = dict[str, dict[str, str]]
#: The versions of each installed package, oldest first; nearly always one.
Versions = Mapping[str, Sequence[str]]


class Wish(msgspec.Struct, frozen=True):
    """A package that is to be there. ``version`` may be "", a version, a glob, or comparisons."""

    name: str
    version: str = ""
    file: str = ""  # the package itself, on this host


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said of a transaction; a provider that can't do one of them says so."""

    fromrepo: str = ""  # a repository, or apt's target release
    skip_verify: bool = False  # take packages that nobody has signed
    reinstall: bool = False
    downgrade: bool = True
    only_upgrade: bool = False
    recommends: bool = True  # what is recommended, or a weak dependency, comes along
    suggests: bool = False
    update_holds: bool = False
    new_configuration: bool = False  # take the package's configuration file where both have changed
    download_only: bool = False
    enablerepo: str = ""
    disablerepo: str = ""
    setopt: tuple[str, ...] = ()
    timeout: float = PATIENCE


class Available(msgspec.Struct, frozen=True):
    """What the repositories have of a package: all versions, and the one an installation takes."""

    versions: tuple[str, ...]
    candidate: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of packages, by how much each belongs to it."""

    name: str
    mandatory: tuple[str, ...] = ()
    default: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    description: str = ""


class PackageManager(Protocol):
    """One package manager on one host.

    Everything raises CommandFailed with what the program said, and NotSupported for what it has not.
    What ``simulate`` and the questions do changes nothing on the host.
    """

    name: str
    host: Host

    def compare(self, one: str, other: str) -> int:
        """Return -1, 0 or 1: the first version is older, equal, newer."""

    def installed(self) -> Versions:
        """Return all installed packages."""

    def leftovers(self) -> Mapping[str, str]:
        """Return packages of which only configuration is left, with their versions."""

    def provided(self) -> Mapping[str, str]:
        """Return names that installed packages stand for, with the package that does."""

    def available(self, names: Sequence[str], fromrepo: str = "") -> Mapping[str, Available]:
        """Return what the repositories have of these packages; those unknown are left out."""

    def stale(self) -> float:
        """Return how old the lists of available packages are in seconds; infinity when there are none."""

    def refresh(self) -> Mapping[str, bool | None]:
        """Fetch the lists of available packages; return for each source whether it was (None: same)."""

    def simulate(self, wishes: Sequence[Wish], options: Options) -> Differences | None:
        """Return what ``install`` would change; None where the manager can't tell."""

    def install(self, wishes: Sequence[Wish], options: Options) -> None:
        """Install, upgrade or downgrade, in one transaction. Versions are exact by now."""

    def simulate_removal(self, names: Sequence[str], *, purge: bool) -> Differences | None:
        """Return what ``remove`` would change; None where the manager can't tell."""

    def remove(self, names: Sequence[str], *, purge: bool, timeout: float = PATIENCE) -> None:
        """Remove packages; with ``purge`` their configuration too."""

    def upgrades(self, *, dist_upgrade: bool = False) -> Differences:
        """Return what ``upgrade`` would change."""

    def upgrade(self, *, dist_upgrade: bool = False, options: Options) -> None:
        """Upgrade everything."""

    def held(self) -> Sequence[str]:
        """Return the names of the packages that are kept at their version, sorted."""

    def hold(self, names: Sequence[str]) -> None:
        """Keep packages at their version."""

    def unhold(self, names: Sequence[str]) -> None:
        """Let packages be upgraded again."""

    def owners(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Return the package that each file belongs to, "" for none."""

    def files(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the files of installed packages."""

    def info(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return what is known of installed packages (all without names), under Salt's names."""

    def wrong(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the files of packages that are not as they were installed, with what is wrong."""

    def autoremove(self, *, purge: bool, simulate: bool) -> Differences:
        """Remove what was installed for others that are gone; return what changes."""

    def downloaded(self) -> Versions:
        """Return the packages that lie in the cache, ready to be installed."""

    def groups(self, name: str) -> Group | None:
        """Return a group of packages; None when there is no such group."""

    def group_names(self) -> Mapping[str, bool]:
        """Return the names of all groups, and whether each is installed."""


class Managing(PackageManager):
    """What providers have in common. Override what the manager can do."""

    #: What a package may be called.
    NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._@/-]*", re.ASCII)

    def __init__(self, host: Host) -> None:
        """Take the host."""
        self.host = host

    def compare(self, one: str, other: str) -> int:
        """Compare as rpm does."""
        return versions.rpm(one, other)

    def leftovers(self) -> Mapping[str, str]:
        """Nothing is left of a removed package."""
        return {}

    def provided(self) -> Mapping[str, str]:
        """Only packages' own names are known."""
        return {}

    def stale(self) -> float:
        """The lists are taken for fresh."""
        return 0.0

    def simulate(self, wishes: Sequence[Wish], options: Options) -> Differences | None:
        """It can't tell."""
        return None

    def simulate_removal(self, names: Sequence[str], *, purge: bool) -> Differences | None:
        """It can't tell."""
        return None

    def held(self) -> Sequence[str]:
        """Nothing can be held."""
        return ()

    def hold(self, names: Sequence[str]) -> None:
        """Raise NotSupported."""
        raise self.lacks("keep packages at a version")

    def unhold(self, names: Sequence[str]) -> None:
        """Raise NotSupported."""
        raise self.lacks("keep packages at a version")

    def wrong(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Raise NotSupported."""
        raise self.lacks("verify installed packages")

    def info(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return no more than names and versions."""
        there = self.installed()
        wanted = self.names(names) or sorted(there)
        return {name: {"version": there[name][-1]} for name in wanted if name in there}

    def autoremove(self, *, purge: bool, simulate: bool) -> Differences:
        """Raise NotSupported."""
        raise self.lacks("tell what was installed only for others")

    def downloaded(self) -> Versions:
        """Raise NotSupported."""
        raise self.lacks("tell what is in its cache")

    def groups(self, name: str) -> Group | None:
        """Raise NotSupported."""
        raise self.lacks("install groups of packages")

    def group_names(self) -> Mapping[str, bool]:
        """Raise NotSupported."""
        raise self.lacks("install groups of packages")

    # --- for providers -----------------------------------------------------------------------------------

    def lacks(self, what: str) -> NotSupported:
        """Return the error that says that this manager can't do something."""
        return NotSupported(f"{self.name} can't {what}")

    def names(self, names: Iterable[str]) -> list[str]:
        """Return names that may be put on a command line. Raises BadArgument for others."""
        found = list(names)
        for name in found:
            if not self.NAME.fullmatch(name):
                raise BadArgument(f"{name!r} is no name of a package")
        return found

    def ask(self, *argv: str, codes: Sequence[int] = (0,), timeout: float = 300.0) -> str:
        """Run a program that only looks and return its output. Raises CommandFailed."""
        return self.act(*argv, codes=codes, timeout=timeout).stdout.decode(errors="replace")

    def act(
        self,
        *argv: str,
        codes: Sequence[int] = (0,),
        timeout: float = PATIENCE,
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run a program. Raises CommandFailed with what it said went wrong, TimedOut."""
        env: dict[str, str | None] = {"LC_ALL": "C", "LANGUAGE": "C", **(environment or {})}
        done = self.host.execute(Command(argv=argv, env=env, timeout=timeout))
        if done.timed_out:
            raise TimedOut(f"{argv[0]} did not end within {timeout:g} s")
        if done.retcode not in codes:
            said = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
            raise CommandFailed(
                f"{self.complaint(said) or f'{argv[0]} ended with code {done.retcode}'}",
                retcode=done.retcode,
                hint=self.remedy(said),
            )
        return done

    def complaint(self, said: str) -> str:
        """Return the part of a failed program's words that says what went wrong."""
        return said[-2000:]

    def remedy(self, said: str) -> str:
        """Return what to do about it, if that is known."""
        return ""

    def scoped(self) -> list[str]:
        """Return what a command that may restart the agent begins with: a scope of its own in systemd."""
        if self.host.user().uid or not self.host.exists("/run/systemd/system"):
            return []
        return ["systemd-run", "--scope", "--quiet", "--"] if self.host.which("systemd-run") else []


def differences(before: Versions, after: Versions) -> Differences:
    """Return what is not the same, as Salt's users know it; several versions are joined by commas."""
    found: Differences = {}
    for name in sorted({*before, *after}):
        old, new = ",".join(before.get(name, ())), ",".join(after.get(name, ()))
        if old != new:
            found[name] = {"old": old, "new": new}
    return found


def as_given(versions_of: Versions, *, as_list: bool) -> dict[str, Any]:
    """Return installed packages as functions give them: versions as text, or as a list."""
    return {name: list(found) if as_list else ",".join(found) for name, found in sorted(versions_of.items())}
