"""Packages of Ruby: gems, and where they are fetched from."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from saltern.library._tool import Tool, checked, environment
from saltern.sdk import BadArgument, Changes, Done, Host, Moment, State, takes

_LISTED = re.compile(r"(?P<name>[A-Za-z0-9_.-]+) \((?P<versions>[^)]*)\)")
_OUTDATED = re.compile(r"(?P<name>[A-Za-z0-9_.-]+) \(\S+ < (?P<new>[^)]+)\)")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Which gem, and whose."""

    gem_bin: Annotated[str | None, Meta(description="the program gem; the one on PATH")] = None
    runas: Annotated[str | None, Meta(description="the user to run as")] = None
    env: Annotated[dict[str, Any] | None, Meta(description="laid over the environment")] = None

    @property
    def gem(self) -> Tool:
        """The program."""
        return Tool(argv=(self.gem_bin or "gem",), user=self.runas, env=environment(self.env))


@takes(Options)
def install(
    host: Host,
    gems: str | list[str],
    version: str | None = None,
    rdoc: bool = False,
    ri: bool = False,
    pre_releases: bool = False,
    proxy: str | None = None,
    source: str | None = None,
    **options: Any,
) -> str:
    """Install gems, or a file ``….gem``; return what gem said. Raises CommandFailed.

    ``version`` may be a bound: ``>= 2.0``.

    Example:
        saltern run '*' gem.install vagrant version=2.2.19
    """
    names = gems.split() if isinstance(gems, str) else gems
    kinds = [kind for kind, wanted in {"rdoc": rdoc, "ri": ri}.items() if wanted]
    flags = [f"--document={','.join(kinds)}" if kinds else "--no-document"]
    flags += [f"--version={version}"] if version else []
    flags += ["--prerelease"] if pre_releases else []
    flags += [f"--source={_address(source)}"] if source else []
    env = {"http_proxy": proxy, "https_proxy": proxy} if proxy else {}
    return Options(**options).gem.run(host, "install", *flags, *map(checked, names), env=env)


@takes(Options)
def uninstall(host: Host, gems: str | list[str], **options: Any) -> str:
    """Remove gems, all versions and their programs; return what gem said. Raises CommandFailed.

    Example:
        saltern run '*' gem.uninstall vagrant
    """
    names = gems.split() if isinstance(gems, str) else gems
    flags = ("--all", "--executables", "--ignore-dependencies")
    return Options(**options).gem.run(host, "uninstall", *flags, *map(checked, names))


@takes(Options)
def update(host: Host, gems: str | list[str] = "", **options: Any) -> str:
    """Bring gems, or all of them, to the newest version; return what gem said. Raises CommandFailed.

    Example:
        saltern run '*' gem.update vagrant
    """
    names = gems.split() if isinstance(gems, str) else gems
    return Options(**options).gem.run(host, "update", "--no-document", *map(checked, names))


@takes(Options)
def version(host: Host, **options: Any) -> str:
    """Return the version of gem itself.

    Example:
        saltern run '*' gem.version
    """
    return Options(**options).gem.run(host, "--version").strip()


@takes(Options)
def list_(host: Host, prefix: str = "", **options: Any) -> dict[str, list[str]]:
    """Return the gems installed, ``{name: [version, …]}``, newest first; ``default:`` are Ruby's own.

    Example:
        saltern run '*' gem.list vag
    """
    said = Options(**options).gem.run(host, "list", "--local")
    found = {one["name"]: one["versions"].split(", ") for one in map(_LISTED.match, said.splitlines()) if one}
    return {name: versions for name, versions in found.items() if name.startswith(prefix)}


@takes(Options)
def list_upgrades(host: Host, **options: Any) -> dict[str, str]:
    """Return what is newer where gems are fetched from, ``{name: version}``. Raises CommandFailed.

    Example:
        saltern run '*' gem.list_upgrades
    """
    said = Options(**options).gem.run(host, "outdated")
    return {one["name"]: one["new"] for one in map(_OUTDATED.match, said.splitlines()) if one}


@takes(Options)
def sources_list(host: Host, **options: Any) -> list[str]:
    """Return where gems are fetched from.

    Example:
        saltern run '*' gem.sources_list
    """
    said = Options(**options).gem.run(host, "sources", "--list").splitlines()
    return [line.strip() for line in said if "://" in line]


@takes(Options)
def sources_add(host: Host, source_uri: str, **options: Any) -> str:
    """Fetch gems from an address too; return what gem said. Raises CommandFailed.

    Example:
        saltern run '*' gem.sources_add https://gems.example.com/
    """
    return Options(**options).gem.run(host, "sources", "--add", _address(source_uri))


@takes(Options)
def sources_remove(host: Host, source_uri: str, **options: Any) -> str:
    """No longer fetch gems from an address; return what gem said. Raises CommandFailed.

    Example:
        saltern run '*' gem.sources_remove https://gems.example.com/
    """
    return Options(**options).gem.run(host, "sources", "--remove", _address(source_uri))


class _Gem(State, frozen=True, kw_only=True):
    """What all have in common."""

    user: str | None = None
    gem_bin: str | None = None
    env: dict[str, Any] | None = None

    @property
    def _options(self) -> dict[str, Any]:
        return {"runas": self.user, "gem_bin": self.gem_bin, "env": self.env}


class Installed(_Gem, frozen=True, kw_only=True):
    """Keep a gem installed, in a ``version`` if one is named (``2.1``, or a bound: ``>= 2.0``).

    Example:
        - gem.installed: {name: rake, version: '13.0.6', user: app}
    """

    version: str | int | float | None = None
    rdoc: bool = False
    ri: bool = False
    pre_releases: bool = False
    proxy: str | None = None
    source: str | None = None

    LOOKS_AGAIN: ClassVar[bool] = False

    def check(self, host: Host) -> Changes:
        """Return ``{name: Installed}`` when it is missing. Raises BadArgument, NotFound."""
        checked(self.name, "gem")
        have = list_(host, **self._options).get(self.name, [])
        if _is_met(have, self._version):
            return Changes()
        return Changes({self.name: "Installed"}, comment="The gem will be installed")

    @property
    def _version(self) -> str:
        text = "" if self.version is None else str(self.version).strip()
        if text and not re.fullmatch(r"(>=|<=|~>|!=|[=<>])?\s*[0-9A-Za-z.]+", text):
            raise BadArgument(f"version = {text!r} is no version of a gem", hint="write 1.2 or '>= 1.2'")
        return text

    def apply(self, host: Host, changes: Changes) -> Done:
        """Install it. Raises CommandFailed."""
        install(
            host,
            [self.name],
            version=self._version or None,
            rdoc=self.rdoc,
            ri=self.ri,
            pre_releases=self.pre_releases,
            proxy=self.proxy,
            source=self.source,
            **self._options,
        )
        have = list_(host, **self._options).get(self.name, [])
        if not _is_met(have, self._version):
            return Done(ok=False, comment="Could not install gem.")
        return Done(changes=dict(changes), comment="Gem was successfully installed")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return "Gem is already installed."


class Removed(_Gem, frozen=True, kw_only=True):
    """Keep a gem away, in all versions.

    Example:
        - gem.removed: {name: rake}
    """

    def check(self, host: Host) -> Changes:
        """Return ``{name: Removed}`` when it is there. Raises BadArgument, NotFound."""
        checked(self.name, "gem")
        own = [
            one for one in list_(host, **self._options).get(self.name, []) if not one.startswith("default")
        ]
        return Changes({self.name: "Removed"} if own else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        uninstall(host, [self.name], **self._options)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Gem is not installed.",
            Moment.WOULD: "The gem will be removed",
            Moment.DONE: "Gem was successfully removed.",
        }[moment]


class SourcesAdd(_Gem, frozen=True, kw_only=True):
    """Keep an address among those that gems are fetched from.

    Example:
        - gem.sources_add: {name: 'https://gems.example.com/'}
    """

    def check(self, host: Host) -> Changes:
        """Return ``{address: added}`` when it is missing. Raises BadArgument."""
        there = _address(self.name) in sources_list(host, **self._options)
        return Changes({} if there else {self.name: "added"})

    def apply(self, host: Host, changes: Changes) -> None:
        """Add it. Raises CommandFailed."""
        sources_add(host, self.name, **self._options)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Gem source is already added.",
            Moment.WOULD: f"The gem source {self.name} would be added.",
            Moment.DONE: "Gem source was successfully added.",
        }[moment]


class SourcesRemove(_Gem, frozen=True, kw_only=True):
    """Keep an address away from those that gems are fetched from.

    Example:
        - gem.sources_remove: {name: 'https://rubygems.org/'}
    """

    def check(self, host: Host) -> Changes:
        """Return ``{address: removed}`` when it is there. Raises BadArgument."""
        there = _address(self.name) in sources_list(host, **self._options)
        return Changes({self.name: "removed"} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        sources_remove(host, self.name, **self._options)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Gem source is already removed.",
            Moment.WOULD: "The gem source would be removed",
            Moment.DONE: "Gem source was successfully removed.",
        }[moment]


def _address(source: str) -> str:
    if not re.fullmatch(r"(https?|file|s3)://\S+", source) or not source.isprintable():
        raise BadArgument(f"{source!r} is no address of gems", hint="write https://gems.example.com/")
    return source


def _is_met(have: list[str], wanted: str) -> bool:
    """Tell whether one of the versions installed is as wanted."""
    found = [one.removeprefix("default: ").split(" ")[0] for one in have]
    sign, bound = re.fullmatch(r"(>=|<=|~>|!=|[=<>])?\s*(.*)", wanted).groups()  # type: ignore[union-attr]
    return any(not bound or _COMPARED[sign or "="](one, bound) for one in found)


def _parts(version: str) -> list[tuple[int, int, str]]:
    """Return a version's parts; one with letters, of a pre-release, is before any number."""
    words = re.findall(r"\d+|[A-Za-z]+", version)
    return [(1, int(word), "") if word.isdigit() else (0, 0, word) for word in words]


def _key(version: str) -> list[tuple[int, int, str]]:
    """Return what versions are ordered by: zeros at the end don't count, 1.a is before 1."""
    parts = _parts(version)
    numbers = next((at for at, part in enumerate(parts) if not part[0]), len(parts))
    while numbers and parts[numbers - 1] == (1, 0, ""):
        numbers -= 1
        del parts[numbers]
    return [*parts, (1, -1, "")]


def _is_near(have: str, bound: str) -> bool:
    stem = _parts(bound)[:-1]
    return _key(have) >= _key(bound) and (_parts(have) + [(1, 0, "")] * len(stem))[: len(stem)] == stem


_COMPARED: dict[str, Callable[[str, str], bool]] = {
    "=": lambda have, bound: _key(have) == _key(bound),
    "!=": lambda have, bound: _key(have) != _key(bound),
    ">=": lambda have, bound: _key(have) >= _key(bound),
    "<=": lambda have, bound: _key(have) <= _key(bound),
    ">": lambda have, bound: _key(have) > _key(bound),
    "<": lambda have, bound: _key(have) < _key(bound),
    "~>": _is_near,
}
