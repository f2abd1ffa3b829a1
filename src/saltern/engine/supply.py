"""What a run hands its states: pillar, files of the file roots, templates, functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from saltern.engine.call import bound
from saltern.sdk import BadArgument, Host, NotSupported
from saltern.sdk.registry import LIBRARY, Registry
from saltern.sdk.supply import Supply
from saltern.sls.tree import Tree

_SCHEME = "salt://"


class Render(Protocol):
    """Renders a file's template."""

    def __call__(
        self, engine: str, text: str, context: Mapping[str, Any], where: str, saltenv: str, host: Host | None
    ) -> str:
        """Return the text rendered. Raises SalternError that names file and line."""


class RunSupply(Supply):
    """The supply of a run; ``for_environment`` gives the same for another environment."""

    def __init__(
        self,
        *,
        pillar: Callable[[], Mapping[str, Any]] = dict,
        tree: Tree | None = None,
        render: Render | None = None,
        registry: Registry = LIBRARY,
        saltenv: str = "base",
    ) -> None:
        """Take where pillar and files come from. ``pillar`` is asked when first needed, and then kept."""
        self._ask = pillar
        self._known: list[Mapping[str, Any]] = []  # shared by all environments of the run
        self._tree = tree
        self._render = render
        self._registry = registry
        self._saltenv = saltenv

    @property
    def pillar(self) -> Mapping[str, Any]:
        """The host's pillar."""
        if not self._known:
            self._known.append(self._ask())
        return self._known[0]

    @property
    def saltenv(self) -> str:
        """The environment that ``salt://`` paths are looked up in."""
        return self._saltenv

    @property
    def tree(self) -> Tree | None:
        """The files of all environments; None where there are no file roots."""
        return self._tree

    def for_environment(self, saltenv: str) -> RunSupply:
        """Return this supply, with paths looked up in ``saltenv``."""
        if saltenv == self._saltenv:
            return self
        other = RunSupply(
            pillar=self._ask, tree=self._tree, render=self._render, registry=self._registry, saltenv=saltenv
        )
        other._known = self._known
        return other

    def forget_pillar(self) -> None:
        """Have the pillar compiled anew when it is next asked for."""
        self._known.clear()

    def file(self, url: str) -> bytes | None:
        """Return the file at a ``salt://`` address; see Supply."""
        if not url.startswith(_SCHEME):
            raise BadArgument(f"{url!r} is no salt:// address")
        if self._tree is None:
            raise NotSupported(f"{url}: there are no file roots here", hint="name some: --file-root DIR")
        path, _, query = url.removeprefix(_SCHEME).partition("?")
        saltenv = query.removeprefix("saltenv=") if query.startswith("saltenv=") else self._saltenv
        found = self._tree.read(saltenv, path)
        return None if found is None else found.data

    def render(self, engine: str, text: str, context: Mapping[str, Any], where: str) -> str:
        """Return ``text`` rendered; see Supply."""
        if self._render is None:
            raise NotSupported(f"{where}: there is nothing to render templates with here")
        return self._render(engine, text, context, where, self._saltenv, None)

    def call(self, host: Any, fun: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a function on ``host`` and return what it returns."""
        return bound(host, fun, args, kwargs, self._registry)

    def has(self, fun: str) -> bool:
        """Tell whether there is such a function."""
        noun, _, verb = fun.partition(".")
        return verb in self._registry.noun(noun)
