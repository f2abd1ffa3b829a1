"""What a run hands its states: pillar, files of the file roots, templates, functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from saltern.engine.call import bound
from saltern.sdk import BadArgument
from saltern.sdk.registry import Registry
from saltern.sdk.supply import CachedFile, Supply
from saltern.sls.tree import Tree

_SCHEME = "salt://"


class Holdings(Protocol):
    """Where a supply comes from."""

    tree: Tree
    opts: dict[str, Any]

    @property
    def registry(self) -> Registry:
        """All that can be called and kept true."""

    @property
    def calls(self) -> Registry:
        """What can be called; the tree is not read for it."""

    @property
    def pillar(self) -> Mapping[str, Any]:
        """The host's pillar. Raises SlsError."""

    def sync(self, host: Any, kinds: Sequence[str] = ()) -> dict[str, list[str]]:
        """Note the code of the tree; return what is new of it, by kind. Raises SalternError."""

    def forget_pillar(self) -> None:
        """Have the pillar compiled anew when it is next asked for."""

    def pillar_anew(self, given: Mapping[str, Any], pillarenv: str) -> Mapping[str, Any]:
        """Return the pillar made anew. Raises SalternError."""

    def render(self, engine: str, text: str, context: Mapping[str, Any], where: str, saltenv: str) -> str:
        """Return ``text`` rendered as the file ``where``. Raises SlsError, NotSupported."""

    def rendered(
        self, renderers: str, text: str, context: Mapping[str, Any], where: str, saltenv: str
    ) -> Any:
        """Return what ``text`` comes to by a chain of renderers. Raises SlsError."""


class RunSupply(Supply):
    """The supply that a site gives, for one environment."""

    def __init__(self, site: Holdings, saltenv: str = "base", notes: dict[str, Any] | None = None) -> None:
        """Take where everything comes from, and the environment that paths are looked up in."""
        self.site = site
        self._saltenv = saltenv
        self._notes = {} if notes is None else notes

    @property
    def pillar(self) -> Mapping[str, Any]:
        """The host's pillar, compiled when first asked for. Raises SlsError."""
        return self.site.pillar

    def pillar_anew(self, given: Mapping[str, Any], pillarenv: str = "") -> Mapping[str, Any]:
        """Return the pillar made anew; see Supply."""
        return self.site.pillar_anew(given, pillarenv)

    def forget_pillar(self) -> None:
        """Have the pillar made anew when it is next asked for."""
        self.site.forget_pillar()

    @property
    def saltenv(self) -> str:
        """The environment that ``salt://`` paths are looked up in."""
        return self._saltenv

    @property
    def opts(self) -> Mapping[str, Any]:
        """The agent's settings under Salt's names."""
        return self.site.opts

    @property
    def notes(self) -> dict[str, Any]:
        """What states of one run leave for later ones."""
        return self._notes

    def for_environment(self, saltenv: str) -> RunSupply:
        """Return this supply, with paths looked up in ``saltenv``."""
        return self if saltenv == self._saltenv else RunSupply(self.site, saltenv, self._notes)

    def file(self, url: str) -> bytes | None:
        """Return the file at a ``salt://`` address; see Supply."""
        found = self.site.tree.read(*self._place(url, None))
        return None if found is None else found.data

    def cached(self, url: str, saltenv: str | None = None) -> CachedFile | None:
        """Return a verified copy of the file at a ``salt://`` address; see Supply."""
        return self.site.tree.cached(*self._place(url, saltenv))

    def known(self, url: str, saltenv: str | None = None) -> CachedFile | None:
        """Return what ``cached`` would, and fetch nothing; see Supply."""
        return self.site.tree.known(*self._place(url, saltenv))

    def environments(self) -> Sequence[str]:
        """Return the names of the environments there are, ``base`` first."""
        return self.site.tree.environments()

    def files(self, prefix: str = "", saltenv: str | None = None) -> Sequence[str]:
        """Return the paths of all files beneath ``prefix``; see Supply."""
        return _beneath(prefix, self.site.tree.files(self._environment(saltenv)))

    def directories(self, prefix: str = "", saltenv: str | None = None) -> Sequence[str]:
        """Return the paths of all directories beneath ``prefix``; see Supply."""
        return _beneath(prefix, self.site.tree.directories(self._environment(saltenv)))

    def links(self, prefix: str = "", saltenv: str | None = None) -> Mapping[str, str]:
        """Return the symbolic links beneath ``prefix``; see Supply."""
        found = self.site.tree.links(self._environment(saltenv))
        return {path: found[path] for path in _beneath(prefix, list(found))}

    def _place(self, url: str, saltenv: str | None) -> tuple[str, str]:
        """Return the environment and the path that an address means."""
        if not url.startswith(_SCHEME):
            raise BadArgument(f"{url!r} is no salt:// address")
        path, _, query = url.removeprefix(_SCHEME).partition("?")
        named = query.removeprefix("saltenv=") if query.startswith("saltenv=") else None
        return self._environment(named or saltenv), path.strip("/")

    def _environment(self, saltenv: str | None) -> str:
        return saltenv or self._saltenv

    def render(self, engine: str, text: str, context: Mapping[str, Any], where: str) -> str:
        """Return ``text`` rendered; see Supply."""
        return self.site.render(engine, text, context, where, self._saltenv)

    def rendered(self, text: str, renderers: str, context: Mapping[str, Any], where: str) -> Any:
        """Return what ``text`` comes to by a chain of renderers; see Supply."""
        return self.site.rendered(renderers, text, context, where, self._saltenv)

    def call(self, host: Any, fun: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a function on ``host`` and return what it returns."""
        return bound(host, fun, args, kwargs, self.site.calls)

    def sync(self, host: Any, kinds: Sequence[str] = ()) -> Mapping[str, Sequence[str]]:
        """Bring the code of the file roots here; return what is new of it, by kind."""
        return self.site.sync(host, kinds)

    def catalogue(self) -> Registry:
        """Return all that can be called."""
        return self.site.registry

    def has(self, fun: str) -> bool:
        """Tell whether there is such a function."""
        noun, _, verb = fun.partition(".")
        return verb in self.site.calls.noun(noun)


def _beneath(prefix: str, paths: Sequence[str]) -> Sequence[str]:
    above = prefix.strip("/")
    return [path for path in paths if path.startswith(above + "/")] if above else paths
