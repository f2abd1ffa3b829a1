"""Python packages kept there, kept away, or up to date."""

from __future__ import annotations

import posixpath
from typing import Any, ClassVar

from saltern.library._tool import Tool
from saltern.library.pip import functions, program
from saltern.library.pip.program import LOOKING, Names, Options
from saltern.library.pip.wanted import Wanted, normalized, of_file, wanted
from saltern.sdk import Changes, CommandFailed, Done, Host, Moment, State

_ALREADY = "All specified packages are already installed"
_NO_DRY_RUN = "what is missing is known when pip has read it"


class Installed(State, frozen=True, kw_only=True):
    """Keep Python packages installed: ``name``, ``pkgs``, a file of ``requirements``, ``editable`` sources.

    A package is written ``name``, ``name==1.2``, ``name>=1,<2``, or is an address or a path. ``bin_env`` is a
    virtual environment, a python or a pip; without it the system's pip is used. With ``upgrade`` pip is asked
    each time what is newer.

    Example:
        - pip.installed: {pkgs: ['requests>=2,<3', flask], bin_env: /srv/app/venv, user: app}
    """

    pkgs: list[str] | None = None
    requirements: str | None = None
    bin_env: str | None = None
    editable: Names | None = None
    user: str | None = None
    cwd: str | None = None
    index_url: str | None = None
    extra_index_url: Names | None = None
    no_index: bool = False
    find_links: Names | None = None
    trusted_host: Names | None = None
    proxy: str | None = None
    cert: str | None = None
    timeout: float | None = None
    log: str | None = None
    target: str | None = None
    upgrade: bool = False
    force_reinstall: bool = False
    ignore_installed: bool = False
    exists_action: str | None = None
    no_deps: bool = False
    pre_releases: bool = False
    no_cache_dir: bool = False
    cache_dir: str | None = None
    no_binary: Names | None = None
    global_options: Names | None = None
    extra_args: list[str | dict[str, Any]] | None = None
    env_vars: dict[str, Any] | None = None

    LOOKS_AGAIN: ClassVar[bool] = False

    @property
    def _options(self) -> Options:
        return Options(**{name: getattr(self, name) for name in Options.__struct_fields__})

    @property
    def _names(self) -> list[str]:
        given = self.pkgs if self.pkgs is not None else [self.name]
        return [] if self.requirements or self.editable else program.named(given)

    def check(self, host: Host) -> Changes:
        """Return ``{package: Installed}`` of what is missing. Raises BadArgument, NotFound, CommandFailed."""
        missing, unknown = self._missing(host)
        if not missing and not unknown:
            return Changes()
        if self.requirements:
            said = f"Requirements file '{self.requirements}' will be processed."
        elif self.editable:
            said = "Package in editable mode will be installed."
        else:
            said = f"Python package(s) set to be installed: {', '.join(missing)}"
        return Changes(
            dict.fromkeys(missing, "Installed"), unknown=unknown, mend=self._of(missing), comment=said
        )

    def _of(self, missing: list[str]) -> list[str]:
        """Return which names to give pip: those missing, or all when pip itself found out what is."""
        return [one for one in self._names if one in missing] or self._names

    def _missing(self, host: Host) -> tuple[list[str], str]:
        """Return what is to be installed, and why that can't be known."""
        asked = [wanted(one) for one in self._names]
        edited = program.named(self.editable)
        how = self._options
        how.arguments()  # raises for what is wrong about them
        if self.requirements:
            text = program.content(host, self.requirements, host.supply.saltenv)
            listed = of_file(text)
            if self.upgrade or listed is None:
                return self._told_by_pip(host, [])
            asked = listed
        if self.force_reinstall or self.ignore_installed:
            return [one.text for one in asked] + edited, ""
        if asked and (self.upgrade or any(one.has_marker or not one.name for one in asked)):
            return self._told_by_pip(host, [one.text for one in asked])
        return self._not_met(host, asked, edited), ""

    def _not_met(self, host: Host, asked: list[Wanted], edited: list[str]) -> list[str]:
        pip = self._pip(host)
        told = program.described(host, pip, *self._place())
        have = {normalized(one["name"]): one["version"] for one in told}
        places = {
            one["editable_project_location"]: one for one in told if one.get("editable_project_location")
        }
        linked = {normalized(one["name"]) for one in places.values()}
        absent = [one for one in edited if not self._is_linked(one, linked, set(places))]
        return [one.text for one in asked if not one.is_met(have)] + absent

    def _is_linked(self, source: str, linked: set[str], places: set[str]) -> bool:
        """Tell whether a source is in use where it lies: a path, or ``git+https://…#egg=name``."""
        _, is_named, egg = source.partition("#egg=")
        if is_named:
            return normalized(egg.partition("&")[0]) in linked
        path = posixpath.join(self.cwd or "/", source.removeprefix("file://").partition("[")[0])
        return posixpath.normpath(path) in places

    def _pip(self, host: Host) -> Tool:
        return program.tool(host, self.bin_env, self.user, self.cwd, self._options.surroundings())

    def _place(self) -> list[str]:
        return [f"--path={self.target}"] if self.target else []

    def _told_by_pip(self, host: Host, names: list[str]) -> tuple[list[str], str]:
        """Ask pip what it would install, which takes pip 22.2 and a file that it can read itself."""
        if (self.requirements or "").startswith("salt://"):
            return [], _NO_DRY_RUN
        words = ["--requirement", self.requirements] if self.requirements else []
        words += ["--", *names] if names else []
        pip = self._pip(host)
        args = ("install", "--dry-run", "--quiet", "--report=-", *self._options.arguments(), *words)
        done = pip.ends(host, *args, env=LOOKING)
        if done.retcode and b"no such option" in done.stderr:
            return [], _NO_DRY_RUN
        if done.retcode:
            raise pip.failure(done, *args)
        told = [one["metadata"] for one in program.answer(done.stdout.decode())["install"]]
        return [f"{one['name']}=={one['version']}" for one in told], ""

    def apply(self, host: Host, changes: Changes) -> Done:
        """Install what is missing; the changes are ``{name==version: Installed}``."""
        before = program.packages(host, self._pip(host), *self._place())
        self._install(host, changes.mend)
        after = program.packages(host, self._pip(host), *self._place())
        new = functions.changed(before, after)
        done = {f"{name}=={one['new']}": "Installed" for name, one in new.items() if one["new"]}
        if self.force_reinstall or self.ignore_installed:
            done = done or dict(changes)
        left = [] if not self._is_certain() else self._missing(host)[0]
        if left:
            return Done(ok=False, changes=done, comment=f"Still not installed: {', '.join(left)}")
        if self.requirements:
            comment = f"Successfully processed requirements file {self.requirements}."
            return Done(changes={**done, "requirements": True} if done else {}, comment=comment)
        return Done(changes=done, comment="All packages were successfully installed")

    def _is_certain(self) -> bool:
        """Tell whether looking again tells if all is well."""
        return not (self.force_reinstall or self.ignore_installed or self.upgrade or self.requirements)

    def _install(self, host: Host, missing: list[str]) -> None:
        names = ["--", *missing] if missing else []
        edited = [f"--editable={one}" for one in program.named(self.editable)]
        pip, saltenv = self._pip(host), host.supply.saltenv
        with program.requirements(host, self.requirements, self.user, saltenv) as listed:
            pip.run(host, "install", *self._options.arguments(), *edited, *listed, *names)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return "Requirements were already installed." if self.requirements else _ALREADY


class Removed(State, frozen=True, kw_only=True):
    """Keep a Python package away, or those that a file of ``requirements`` lists.

    Example:
        - pip.removed: {name: requests, bin_env: /srv/app/venv}
    """

    requirements: str | None = None
    bin_env: str | None = None
    log: str | None = None
    timeout: float | None = None
    user: str | None = None
    cwd: str | None = None
    extra_args: list[str | dict[str, Any]] | None = None

    def check(self, host: Host) -> Changes:
        """Return ``{package: Removed}`` of what is there. Raises BadArgument, NotFound."""
        names = {normalized(one.name) for one in self._unwanted(host)}
        pip = program.tool(host, self.bin_env, self.user, self.cwd)
        there = [name for name in program.packages(host, pip) if normalized(name) in names]
        would = f"Package {', '.join(there)} is set to be removed"
        return Changes(dict.fromkeys(there, "Removed"), comment=would if there else "")

    def _unwanted(self, host: Host) -> list[Wanted]:
        if not self.requirements:
            return [wanted(self.name)]
        listed = of_file(program.content(host, self.requirements, host.supply.saltenv))
        if listed is None:
            raise CommandFailed(
                f"requirements: {self.requirements} holds more than names", hint="list the packages by name"
            )
        return listed

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        how = Options(log=self.log, timeout=self.timeout, extra_args=self.extra_args)
        pip = program.tool(host, self.bin_env, self.user, self.cwd)
        pip.run(host, "uninstall", "--yes", *how.arguments(), "--", *sorted(changes))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return (
            "Package is not installed." if moment is Moment.CORRECT else "Package was successfully removed."
        )


class Uptodate(State, frozen=True, kw_only=True):
    """Keep all Python packages at the newest version that the index has; ``name`` is any text.

    Example:
        - pip.uptodate: {name: venv, bin_env: /srv/app/venv, user: app}
    """

    bin_env: str | None = None
    user: str | None = None
    cwd: str | None = None

    LOOKS_AGAIN: ClassVar[bool] = False

    def check(self, host: Host) -> Changes:
        """Return ``{package: {old, new}}``. Raises CommandFailed when the index can't be asked."""
        told = program.described(host, program.tool(host, self.bin_env, self.user, self.cwd), "--outdated")
        newer = {one["name"]: {"old": one["version"], "new": one["latest_version"]} for one in told}
        return Changes(newer, comment="System update will be performed" if newer else "")

    def apply(self, host: Host, changes: Changes) -> Done:
        """Upgrade them. Raises CommandFailed."""
        done = functions.upgrade(host, self.bin_env, self.user, self.cwd)
        return Done(changes=done, comment="Upgrade ran successfully")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return "System up-to-date."
