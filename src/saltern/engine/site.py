"""Where a machine's states come from: file roots, pillar roots, its name, and the library."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from saltern.engine.supply import RunSupply
from saltern.sdk import Host, NotSupported, State
from saltern.sdk.registry import LIBRARY, Registry
from saltern.sls.low import Compiled
from saltern.sls.tree import Tree
from saltern.sls.world import World

if TYPE_CHECKING:
    from saltern.engine.legacy.collection import Collection
    from saltern.sls.template import Template

#: Returns the pillar, with the first argument laid over it; the second is an environment, or empty for all.
PillarSource = Callable[[Mapping[str, Any], str], Mapping[str, Any]]


class Site:
    """Everything that compiling and running states takes, beside the machine itself."""

    def __init__(
        self,
        host: Host,
        tree: Tree,
        *,
        pillar_tree: Tree | None = None,
        pillar: PillarSource | None = None,
        opts: Mapping[str, Any] | None = None,
        registry: Registry = LIBRARY,
        directory: Path | None = None,
        with_code: bool = False,
    ) -> None:
        """Take the machine and the trees. The pillar is ``pillar``'s, or compiled from ``pillar_tree``.

        ``opts`` are settings under Salt's names. ``directory`` is where runs are recorded, so that they can
        be undone and exclude each other; without one they are neither. ``with_code`` adds the modules of the
        tree (``_modules``, ``_states`` …) to the registry.
        """
        self.host = host
        self.tree = tree
        self._library = registry
        self._with_code = with_code
        self.directory = directory
        self.opts = dict(opts or {})
        self._pillar_tree = pillar_tree
        self._pillar_source = pillar or self._compiled_pillar
        self._given: Mapping[str, Any] = {}
        self._pillarenv = str(self.opts.get("pillarenv") or "")
        self._pillar: Mapping[str, Any] | None = None
        self.supply = RunSupply(self)

    # --- code of the file roots --------------------------------------------------------------------------

    @functools.cached_property
    def code(self) -> Collection:
        """The modules of the tree: those of the agent's own environment, then those of ``base``."""
        from saltern.engine.legacy.collection import Collection

        own = self.opts.get("saltenv")
        saltenvs = dict.fromkeys([str(own), "base"] if own else ["base"])
        return Collection(self.host, lambda: self.tree, self._library, list(saltenvs))

    @functools.cached_property
    def registry(self) -> Registry:
        """All that can be called and kept true."""
        if not self._with_code:
            return self._library
        from saltern.engine.legacy.registry import TreeRegistry

        return TreeRegistry(self._library, self.code)

    @property
    def calls(self) -> Registry:
        """What can be called: of a tree that nobody has read yet, only what is known to be there."""
        if not self._with_code or "listing" in vars(self.code):
            return self.registry
        from saltern.engine.legacy.keeping import known
        from saltern.engine.legacy.registry import CallRegistry

        return CallRegistry(self._library, known(self.host.data).nouns, lambda: self.registry)

    def sync(self, host: Host, kinds: Sequence[str] = ()) -> dict[str, list[str]]:
        """Note the code of the tree; return what is new of it, by kind. Raises SalternError."""
        from saltern.engine.legacy.keeping import sync

        return sync(host, self.code, kinds)

    def _renderer(self, name: str) -> Callable[..., Any] | None:
        from saltern.sls.renderers.registry import RENDERERS

        if not self._with_code or ("listing" not in vars(self.code) and name in RENDERERS.names()):
            return None
        from saltern.engine.legacy.renderers import renderer

        return renderer(self.code, self.host, name)

    # --- pillar ------------------------------------------------------------------------------------------

    @property
    def pillar(self) -> Mapping[str, Any]:
        """The pillar, compiled when first asked for. Raises SlsError."""
        if self._pillar is None:
            self._pillar = self._pillar_source(self._given, self._pillarenv)
        return self._pillar

    @property
    def known_pillar(self) -> Mapping[str, Any]:
        """The pillar if it was asked for; else nothing."""
        return self._pillar or {}

    def pillar_anew(self, given: Mapping[str, Any], pillarenv: str) -> Mapping[str, Any]:
        """Return the pillar made anew, beside the one that is kept. Raises SalternError."""
        from saltern.engine.pillar_merge import laid_over

        return self._pillar_source(laid_over(self._given, given), pillarenv or self._pillarenv)

    def _compiled_pillar(self, given: Mapping[str, Any], saltenv: str) -> Mapping[str, Any]:
        from saltern.engine.pillar import compile_pillar
        from saltern.engine.pillar_merge import merging_of

        tree = self._pillar_tree
        if tree is None:
            return given
        opts = {**self.opts, "pillarenv": saltenv or None}
        world = msgspec.structs.replace(self._world({}), opts=opts)
        return merging_of(opts).with_given(compile_pillar(world, tree), given)

    def give_pillar(self, given: Mapping[str, Any] | None, pillarenv: str | None = None) -> None:
        """Lay ``given`` over the pillar, that of one environment if one is named, for one run."""
        self._given = given or {}
        self._pillarenv = pillarenv or str(self.opts.get("pillarenv") or "")
        self.forget_pillar()

    def forget_pillar(self) -> None:
        """Have the pillar compiled anew when it is next asked for."""
        self._pillar = None

    # --- compiling ---------------------------------------------------------------------------------------

    @property
    def world(self) -> World:
        """What a compilation knows beside the files. Raises SlsError for a bad pillar."""
        return self._world(self.pillar)

    def _world_of_run(self) -> World:
        """Return what a run's templates know: they call what the tree has rather than the library."""
        if self._with_code:
            _ = self.code.listing
        return self.world

    def compile(
        self,
        names: Sequence[str] = (),
        *,
        saltenv: str = "base",
        exclude: Sequence[str | Mapping[str, str]] = (),
    ) -> Compiled:
        """Return the run of the SLS named; without names that of the top files."""
        from saltern.sls.compile import compile_highstate, compile_sls

        if names:
            return compile_sls(self._world_of_run(), self.tree, names, saltenv=saltenv, exclude=exclude)
        return compile_highstate(self._world_of_run(), self.tree, exclude=exclude)

    def high(self, names: Sequence[str] = (), *, saltenv: str = "base") -> dict[str, Any]:
        """Return the merged high data of the SLS named; without names of the top files. Raises SlsError."""
        from saltern.sls import show
        from saltern.sls.compile import high_data

        wanted = {saltenv: list(names)} if names else show.top(self._world_of_run(), self.tree)
        return high_data(self._world_of_run(), self.tree, wanted)

    def compile_data(self, data: Mapping[str, Any], shown: str, saltenv: str = "base") -> Compiled:
        """Return the run of high data that is in no file."""
        from saltern.sls.compile import compile_data

        return compile_data(self._world_of_run(), data, tree=self.tree, shown=shown, saltenv=saltenv)

    def render(self, engine: str, text: str, context: Mapping[str, Any], where: str, saltenv: str) -> str:
        """Return ``text`` rendered as the file ``where``. Raises SlsError, NotSupported."""
        from saltern.sls.renderers.registry import RENDERERS
        from saltern.sls.template import Work, same_line

        template = self._template(text, context, where, saltenv)
        own = self._renderer(engine)
        if own is None and engine not in RENDERERS.names():
            raise NotSupported(f"{where}: no template engine {engine!r}", hint="jinja is one")
        return (own or RENDERERS.get(engine))(Work(text, same_line), template, "").text(engine, template)

    def rendered(
        self, renderers: str, text: str, context: Mapping[str, Any], where: str, saltenv: str
    ) -> Any:
        """Return what ``text`` comes to by a chain of renderers, or those its first line names.

        Raises SlsError.
        """
        from saltern.sls.options import Options
        from saltern.sls.renderers.pipeline import render

        options = Options.of({**self.opts, "renderer": renderers})
        return render(self._template(text, context, where, saltenv), options).data

    def _template(self, text: str, context: Mapping[str, Any], where: str, saltenv: str) -> Template:
        from saltern.sls.template import Template

        return Template(
            text=text,
            path=where.removeprefix("salt://").partition("?")[0],
            shown=where,
            saltenv=saltenv,
            world=self.world,
            tree=self.tree,
            context={"source": where, **context},
        )

    def _world(self, pillar: Mapping[str, Any]) -> World:
        grains = dict(self.host.grains)
        return World(
            id=self.opts.get("id") or str(grains.get("id", "")),
            call=self._call,
            grains=grains,
            pillar=pillar,
            opts=self.opts,
            knows=self.supply.has,
            watches=self._watches,
            aggregates=self._aggregates,
            host=self.host,
            renderer=self._renderer,
        )

    def _call(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        return self.supply.call(self.host, fun, args, kwargs)

    def _watches(self, module: str) -> bool:
        kinds = self.registry.states(module).values()
        return not kinds or any(one.cls.when_watched is not State.when_watched for one in kinds)

    def _aggregates(self, module: str) -> bool:
        kinds = self.registry.states(module).values()
        return any(one.cls.with_others is not State.with_others for one in kinds)


def site_of(host: Host) -> Site:
    """Return the site that a host was given. Raises NotSupported when it was given none."""
    supply = host.supply
    site = supply.site if isinstance(supply, RunSupply) else None
    if not isinstance(site, Site):
        raise NotSupported(
            "there are no file roots here, so there are no states",
            hint="saltern call --local --file-root DIR state.apply",
        )
    return site
