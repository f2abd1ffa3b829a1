"""Packages of Node.js: installed by npm, for all or in a directory."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from saltern.library._tool import Tool, checked, environment
from saltern.sdk import BadArgument, Changes, Done, Host, Moment, NotSupported, State

REQUIRES = ("npm",)

Env = dict[str, Any]
_QUIET = {"npm_config_update_notifier": "false", "npm_config_fund": "false", "npm_config_audit": "false"}
_SOURCES = ("git+", "git:", "http:", "https:", "file:", "github:", "gitlab:", "bitbucket:", "/", "./", "../")


def install(
    host: Host,
    pkg: str | None = None,
    pkgs: list[str] | None = None,
    dir: str | None = None,
    runas: str | None = None,
    registry: str | None = None,
    env: Env | None = None,
    dry_run: bool = False,
    silent: bool = True,
) -> Any:
    """Install packages (``name``, ``name@1.2``, an address, a path): for all, or in the directory ``dir``.

    Without any, what ``package.json`` in ``dir`` lists. Returns what npm tells, as JSON where it writes that.
    Raises CommandFailed, BadArgument.

    Example:
        saltern run '*' npm.install coffee-script@1.12 dir=/srv/app
    """
    names = [checked(one) for one in (pkgs if pkgs is not None else [pkg] if pkg else [])]
    if not names and dir is None:
        raise BadArgument("which package, or which dir with a package.json?")
    flags = [*_scope(dir), "--json", *(["--silent"] if silent else []), *(["--dry-run"] if dry_run else [])]
    said = _npm(dir, runas, env, registry).run(host, "install", *flags, *(["--", *names] if names else []))
    return _told(said)


def uninstall(
    host: Host, pkg: str, dir: str | None = None, runas: str | None = None, env: Env | None = None
) -> bool:
    """Remove a package; return true. Raises CommandFailed.

    Example:
        saltern run '*' npm.uninstall coffee-script dir=/srv/app
    """
    _npm(dir, runas, env).run(host, "uninstall", *_scope(dir), "--silent", "--", checked(pkg))
    return True


def list_(
    host: Host,
    pkg: str | None = None,
    dir: str | None = None,
    runas: str | None = None,
    env: Env | None = None,
    depth: int | None = None,
) -> dict[str, Any]:
    """Return what is installed, ``{name: {version, …}}``, or one package of it.

    Example:
        saltern run '*' npm.list dir=/srv/app
    """
    depths = [] if depth is None else [f"--depth={depth}"]
    tool = _npm(dir, runas, env)
    args = ("list", "--json", *_scope(dir), *depths, *(["--", checked(pkg)] if pkg else []))
    done = tool.ends(host, *args)  # its code is 1 when something is missing, or nothing is found
    told = _told(done.stdout.decode(errors="replace"))
    if not isinstance(told, dict) or ("error" in told and "dependencies" not in told):
        raise tool.failure(done, *args)
    found: dict[str, Any] = told.get("dependencies", {})
    return found


def cache_clean(
    host: Host, path: str | None = None, runas: str | None = None, env: Env | None = None, force: bool = False
) -> bool:
    """Empty npm's cache, which it does with ``force`` only; return true. Raises CommandFailed.

    Example:
        saltern run '*' npm.cache_clean force=true
    """
    flags = ["--force"] if force else []
    _npm(None, runas, env).run(host, "cache", "clean", *flags, *([checked(path)] if path else []))
    return True


def cache_list(
    host: Host, path: str | None = None, runas: str | None = None, env: Env | None = None
) -> list[str]:
    """Return the keys of what is in npm's cache, or of one package.

    Example:
        saltern run '*' npm.cache_list
    """
    return _npm(None, runas, env).run(host, "cache", "ls", *([checked(path)] if path else [])).splitlines()


def cache_path(host: Host, runas: str | None = None, env: Env | None = None) -> str:
    """Return the directory of npm's cache.

    Example:
        saltern run '*' npm.cache_path
    """
    return _npm(None, runas, env).run(host, "config", "get", "cache").strip()


class Installed(State, frozen=True, kw_only=True):
    """Keep packages of Node.js installed: ``name`` or ``pkgs``, each ``name``, ``name@1.2`` or an address.

    They are for all, or in the directory ``dir``. ``force_reinstall`` installs them each time.

    Example:
        - npm.installed: {pkgs: [coffee-script, grunt@1.6.1], dir: /srv/app, user: app}
    """

    pkgs: list[str] | None = None
    dir: str | None = None
    user: str | None = None
    force_reinstall: bool = False
    registry: str | None = None
    env: Env | None = None

    LOOKS_AGAIN: ClassVar[bool] = False

    @property
    def _names(self) -> list[str]:
        return [checked(one) for one in (self.pkgs if self.pkgs is not None else [self.name])]

    def check(self, host: Host) -> Changes:
        """Return ``{old, new}``: what is not as wanted, with its version. Raises BadArgument."""
        missing = self._missing(host)
        would = f"NPM package(s) {', '.join(map(repr, missing))} are set to be installed"
        return Changes(
            {"old": [], "new": missing} if missing else {}, mend=missing, comment=would if missing else ""
        )

    def _missing(self, host: Host) -> list[str]:
        names = self._names
        have = {} if self.force_reinstall else list_(host, None, self.dir, self.user, self.env, 0)
        return [one for one in names if not _is_met(one, have)]

    def apply(self, host: Host, changes: Changes) -> Done:
        """Install them. Raises CommandFailed."""
        install(host, None, changes.mend, self.dir, self.user, self.registry, self.env)
        have = list_(host, None, self.dir, self.user, self.env, 0)
        left = [one for one in changes.mend if not _is_met(one, have)]
        if left:
            return Done(ok=False, comment=f"Could not install package(s) {', '.join(map(repr, left))}")
        said = f"Package(s) {', '.join(map(repr, changes.mend))} successfully installed"
        return Done(changes=dict(changes), comment=said)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"Package(s) {', '.join(map(repr, self._names))} satisfied"


class Removed(State, frozen=True, kw_only=True):
    """Keep a package of Node.js away.

    Example:
        - npm.removed: {name: coffee-script, dir: /srv/app}
    """

    dir: str | None = None
    user: str | None = None
    env: Env | None = None

    def check(self, host: Host) -> Changes:
        """Return ``{name: Removed}`` when it is there. Raises BadArgument."""
        there = checked(self.name) in list_(host, None, self.dir, self.user, self.env, 0)
        return Changes({self.name: "Removed"} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        uninstall(host, self.name, self.dir, self.user, self.env)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Package '{self.name}' is not installed",
            Moment.WOULD: f"Package '{self.name}' is set to be removed",
            Moment.DONE: f"Package '{self.name}' was successfully removed",
        }[moment]


class Bootstrap(State, frozen=True, kw_only=True):
    """Keep installed what ``package.json`` in the directory ``name`` lists.

    Example:
        - npm.bootstrap: {name: /srv/app, user: app}
    """

    user: str | None = None
    silent: bool = True
    registry: str | None = None
    env: Env | None = None

    def check(self, host: Host) -> Changes:
        """Return what is listed and missing, or of another version. Raises NotSupported."""
        if not host.exists(f"{self.name}/package.json"):
            raise NotSupported(f"{self.name} has no package.json")
        found = list_(host, None, self.name, self.user, self.env, 0)
        wrong = [name for name, one in found.items() if one.get("missing") or one.get("invalid")]
        return Changes({name: {"old": found[name].get("version", ""), "new": "installed"} for name in wrong})

    def apply(self, host: Host, changes: Changes) -> None:
        """Install it. Raises CommandFailed."""
        install(host, None, None, self.name, self.user, self.registry, self.env, silent=self.silent)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Directory is already bootstrapped",
            Moment.WOULD: f"Directory '{self.name}' is set to be bootstrapped",
            Moment.DONE: "Directory was successfully bootstrapped",
        }[moment]


class CacheCleaned(State, frozen=True, kw_only=True):
    """Keep npm's cache empty; ``name`` is any text.

    Example:
        - npm.cache_cleaned: {name: cache, force: true}
    """

    user: str | None = None
    force: bool = False
    env: Env | None = None

    def check(self, host: Host) -> Changes:
        """Return ``{cache: Removed}`` when there is anything in it."""
        full = cache_list(host, None, self.user, self.env)
        return Changes({"cache": "Removed"} if full else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Empty it. Raises CommandFailed."""
        cache_clean(host, None, self.user, self.env, self.force)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "The cache is empty",
            Moment.WOULD: "Cached packages set to be removed",
            Moment.DONE: "Cached packages successfully removed",
        }[moment]


def _npm(dir: str | None, user: str | None, env: Env | None, registry: str | None = None) -> Tool:
    """Return npm; an address that may hold an account is in its environment."""
    more = {"npm_config_registry": registry} if registry else {}
    return Tool(argv=("npm",), user=user, cwd=dir, env={**_QUIET, **more, **environment(env)})


def _scope(dir: str | None) -> list[str]:
    return [] if dir else ["--global"]


def _told(text: str) -> Any:
    """Return the JSON at the end of what npm said; the text when there is none."""
    start = next((at for at, sign in enumerate(text) if sign in "{["), -1)
    try:
        return json.loads(text[start:]) if start >= 0 else text
    except ValueError:
        return text


def _is_met(wanted: str, have: dict[str, Any]) -> bool:
    """Tell whether ``name``, ``name@1.2`` or an address is installed; other versions npm has to judge."""
    if wanted.startswith(_SOURCES) or "://" in wanted or wanted.endswith(".tgz"):
        return any(wanted.removeprefix("file:") in str(one.get("resolved", "")) for one in have.values())
    name, at, version = wanted[1:].partition("@")
    found = have.get(wanted[:1] + name)
    if found is None or found.get("missing"):
        return False
    here = str(found.get("version", ""))
    return not at or version in (here, "latest") or here.startswith(f"{version}.")
