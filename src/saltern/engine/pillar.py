"""The pillar of one machine, from pillar roots: top file, SLS with includes, merged in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.sls import names
from saltern.sls.fault import NOWHERE, SlsError, fail
from saltern.sls.options import Options
from saltern.sls.renderers.pipeline import render
from saltern.sls.template import Template
from saltern.sls.top import read_top
from saltern.sls.tree import Tree
from saltern.sls.world import World

_DEEPEST = 50


def compile_pillar(world: World, tree: Tree) -> dict[str, Any]:
    """Return the pillar that the top files of ``tree`` give the machine; nothing where there is no top file.

    Raises SlsError: bad data is never taken for no data.
    """
    options = Options.of(world.opts)
    if not any(tree.read(saltenv, options.top) for saltenv in tree.environments()):
        return {}
    top = read_top(world, tree)
    if top.faults:
        raise SlsError(top.faults)
    found: dict[str, Any] = {}
    for saltenv, wanted in top.matches.items():
        for pattern in wanted:
            for sls in names.expand(tree, saltenv, pattern):
                found = laid_over(found, _Pillar(world, tree, saltenv, options).read(sls))
    return found


def laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``under`` with ``over`` laid upon it: mappings are merged, all else is replaced."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = laid_over(below, value) if both and below is not None else value
    return result


class _Pillar:
    """The SLS of one environment; what has been read is not read again."""

    def __init__(self, world: World, tree: Tree, saltenv: str, options: Options) -> None:
        self._world = world
        self._tree = tree
        self._saltenv = saltenv
        self._options = options
        self._seen: set[str] = set()

    def read(self, sls: str, defaults: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what an SLS says, upon what it includes."""
        if sls in self._seen or len(self._seen) > _DEEPEST:
            return {}
        self._seen.add(sls)
        found = names.find(self._tree, self._saltenv, sls)
        if found is None:
            raise fail(f"no pillar SLS {sls!r} in environment {self._saltenv!r}", NOWHERE)
        template = Template(
            text=found.source.data.decode(errors="replace"),
            path=found.path,
            shown=found.source.shown,
            saltenv=self._saltenv,
            sls=sls,
            world=self._world,
            tree=self._tree,
            context=defaults or {},
        )
        data = render(template, self._options).data
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise template.fail(f"pillar SLS {sls!r} is no mapping")
        return self._with_includes(dict(data), template)

    def _with_includes(self, data: dict[str, Any], template: Template) -> dict[str, Any]:
        below: dict[str, Any] = {}
        for include in data.pop("include", None) or []:
            wanted = include if isinstance(include, dict) else {include: {}}
            for name, how in wanted.items():
                part = self._included(str(name), how or {}, template)
                below = laid_over(below, part)
        return laid_over(below, data)

    def _included(self, name: str, how: Mapping[str, Any], template: Template) -> dict[str, Any]:
        part: dict[str, Any] = {}
        absolute = names.relative(name, template.sls, template.path)
        if absolute is None:
            raise template.fail(f"the include {name!r} leads out of the pillar roots")
        for sls in names.expand(self._tree, self._saltenv, absolute):
            part = laid_over(part, self.read(sls, how.get("defaults")))
        for step in reversed(str(how["key"]).split(":") if how.get("key") else []):
            part = {step: part}
        return part
