"""The pillar of one machine: top files, SLS with includes, and what comes from elsewhere, merged in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from saltern.engine.pillar_merge import Merging, laid_over, merging_of
from saltern.engine.pillar_top import PillarTop, Section, text_of
from saltern.foundation.errors import SalternError
from saltern.sdk.secret import secret
from saltern.sls import names
from saltern.sls.fault import Fault, Place, SlsError
from saltern.sls.options import Options
from saltern.sls.renderers import RENDERERS, Renderers, render
from saltern.sls.template import Template
from saltern.sls.tree import Tree
from saltern.sls.world import World

__all__ = ["Aids", "External", "compile_pillar", "laid_over", "show_top"]


class External(NamedTuple):
    """A source of pillar data beside the SLS (Salt's ``ext_pillar``): its name, and what asks it.

    ``ask`` takes the machine's name and the pillar so far. It raises SalternError.
    """

    name: str
    ask: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


class Aids(NamedTuple):
    """What a compilation may be given besides: renderers, and who is told each target that is matched."""

    renderers: Renderers = RENDERERS
    on_target: Callable[[str, str], None] = lambda target, matcher: None


_NONE = Aids()


def compile_pillar(
    world: World, tree: Tree, *, external: Sequence[External] = (), aids: Aids = _NONE
) -> dict[str, Any]:
    """Return the pillar of the machine; nothing where there are no top files and no other sources.

    ``world.opts`` has Salt's settings: ``pillarenv``, ``saltenv``, ``pillar_source_merging_strategy``,
    ``pillar_merge_lists``, ``pillar_includes_override_sls``, ``ext_pillar_first``. Raises SlsError with all
    that is wrong: bad data is never taken for no data.
    """
    merging = merging_of(world.opts)
    if not world.opts.get("ext_pillar_first"):
        found = _of_tree(world, tree, merging, aids)
        return _with_external(found, external, world, merging)
    found = _with_external({}, external, world, merging)
    seen = msgspec.structs.replace(world, pillar=found)
    return merging.merge(found, _of_tree(seen, tree, merging, aids))


def show_top(world: World, tree: Tree, *, aids: Aids = _NONE) -> dict[str, list[str]]:
    """Return by environment the SLS that the top files give the machine. Raises SlsError."""
    return {saltenv: list(wanted) for saltenv, wanted in _matches(world, tree, aids).items()}


def _with_external(
    found: dict[str, Any], external: Sequence[External], world: World, merging: Merging
) -> dict[str, Any]:
    for one in external:
        try:
            more = one.ask(world.id, found)
        except SalternError as error:
            raise SlsError([Fault(message=f"ext_pillar {one.name}: {error}", hint=error.hint)]) from error
        found = merging.merge(found, more)
    return found


def _matches(world: World, tree: Tree, aids: Aids) -> dict[str, dict[str, Section]]:
    environments = _environments(world, tree)
    reader = PillarTop(world, tree, aids.renderers, aids.on_target)
    try:
        found = reader.matches(reader.read(environments), world.opts.get("pillarenv"))
    except SlsError as error:
        raise SlsError([*reader.faults, *error.faults]) from None
    if reader.faults:
        raise SlsError(reader.faults)
    return found


def _environments(world: World, tree: Tree) -> list[str]:
    """Return the environments whose top files are read. Raises SlsError for one that is not there."""
    wanted = world.opts.get("pillarenv")
    if not wanted and world.opts.get("pillar_source_merging_strategy") == "none":
        wanted = world.opts.get("saltenv") or "base"
    if not wanted:
        return [one for one in tree.environments() if one != "__env__"]
    if not tree.has_environment(wanted):
        known = ", ".join(tree.environments())
        raise SlsError(
            [Fault(message=f"there is no pillar environment {wanted!r}", hint=f"there are: {known}")]
        )
    return [wanted]


def _of_tree(world: World, tree: Tree, merging: Merging, aids: Aids) -> dict[str, Any]:
    found: dict[str, Any] = {}
    faults: list[Fault] = []
    for saltenv, wanted in _matches(world, tree, aids).items():
        if not tree.has_environment(saltenv):
            where = next(iter(wanted.values())).place
            faults.append(Fault(message=f"there is no pillar environment {saltenv!r}", where=where))
            continue
        part = _Environment(world, tree, saltenv, merging, aids.renderers, wanted)
        for sls, section in part.expanded():
            found = merging.merge(found, part.read(sls, section.place))
        faults += part.faults
    if faults:
        raise SlsError(faults)
    return found


class _Environment:
    """The SLS of one environment. What is wrong with them is in ``faults``."""

    def __init__(
        self,
        world: World,
        tree: Tree,
        saltenv: str,
        merging: Merging,
        renderers: Renderers,
        wanted: Mapping[str, Section],
    ) -> None:
        self._world = world
        self._tree = tree
        self._saltenv = saltenv
        self._merging = merging
        self._renderers = renderers
        self._wanted = wanted
        self._options = Options.of(world.opts)
        self._over = bool(world.opts.get("pillar_includes_override_sls", False))
        self._own: dict[str, dict[str, Any]] = {}  # what each SLS says itself, without its includes
        self._may_miss = {sls for sls, section in wanted.items() if section.ignore_missing}
        self.faults: list[Fault] = []

    def expanded(self) -> list[tuple[str, Section]]:
        """Return the SLS wanted, with globs replaced by what they mean."""
        return [
            (sls, section)
            for pattern, section in self._wanted.items()
            for sls in names.expand(self._tree, self._saltenv, pattern)
        ]

    def read(self, sls: str, asked: Place, defaults: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what an SLS says, together with what it includes; nothing when there are faults."""
        try:
            return self._read(sls, asked, defaults or {})
        except SlsError as error:
            self.faults += error.faults
        except SalternError as error:
            self.faults.append(Fault(message=error.message, where=Place(error.where), hint=error.hint))
        return {}

    def _read(self, sls: str, asked: Place, defaults: Mapping[str, Any]) -> dict[str, Any]:
        found = names.find(self._tree, self._saltenv, sls)
        if found is None:
            if sls not in self._may_miss:
                message = f"no pillar SLS {sls!r} in environment {self._saltenv!r}"
                self.faults.append(Fault(message=message, where=asked))
            return {}
        template = Template(
            text=text_of(found.source),
            path=found.path,
            shown=found.source.shown,
            saltenv=self._saltenv,
            sls=sls,
            world=self._world,
            tree=self._tree,
            context=defaults,
        )
        rendered = render(template, self._options, renderers=self._renderers)
        data = {} if rendered.data is None else rendered.data
        if not isinstance(data, dict):
            raise template.fail(f"pillar SLS {sls!r} is no mapping")
        if rendered.work.secret:
            data = secret(data)
        own = self._own[sls] = dict(data)
        return self._with_includes(own, own.pop("include", None) or [], template)

    def _with_includes(self, own: dict[str, Any], includes: Any, template: Template) -> dict[str, Any]:
        """Return what is included, below what the SLS says itself (or above, if so set)."""
        if not isinstance(includes, list):
            raise template.fail("what stands below include is no list", hint="write '- name'")
        parts = [self._included(include, template) for include in includes]
        whole: dict[str, Any] = {}
        for part in (own, *parts) if self._over else (*parts, own):
            whole = self._merging.merge(whole, part)
        return whole

    def _included(self, include: Any, template: Template) -> dict[str, Any]:
        name, how = next(iter(include.items())) if isinstance(include, dict) and include else (include, None)
        how = how or {}
        if not isinstance(name, str) or not isinstance(how, dict):
            raise template.fail(
                f"{include!r} is no include", hint="write '- name', or a mapping with one name"
            )
        absolute = names.relative(name, template.sls, template.path)
        if absolute is None:
            raise template.fail(f"the include {name!r} leads out of the pillar roots")
        whole: dict[str, Any] = {}
        for sls in names.expand(self._tree, self._saltenv, absolute):
            part = self._own.get(sls)
            if part is None:
                part = self.read(sls, template.place(), how.get("defaults"))
            whole = self._merging.merge(whole, part)
        return _beneath(how.get("key"), whole)


def _beneath(key: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Return data as it stands below a path ``a:b``."""
    for step in reversed(str(key).split(":") if key and data else []):
        data = {step: data}
    return data
