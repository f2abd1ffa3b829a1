"""Top files: which SLS of which environment a machine is to have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from saltern.foundation.errors import SalternError
from saltern.sls import names
from saltern.sls.fault import NOWHERE, Fault, Place, SlsError
from saltern.sls.matching import Matcher
from saltern.sls.options import Options
from saltern.sls.renderers import RENDERERS, Renderers, render
from saltern.sls.template import Template
from saltern.sls.tree import Tree
from saltern.sls.world import World
from saltern.sls.yaml_text import lines_of


class Section(NamedTuple):
    """What one top file says for one target of one environment, as written."""

    states: Any
    place: Place


#: Environment → target → what is asked for.
Targets = dict[str, dict[str, Section]]


class Top(msgspec.Struct, frozen=True, kw_only=True):
    """What the top files come to: ``merged`` into one, and the SLS that one machine is to have."""

    merged: Mapping[str, Any] = {}
    matches: Mapping[str, Sequence[str]] = {}
    faults: tuple[Fault, ...] = ()


def read_top(world: World, tree: Tree, *, renderers: Renderers = RENDERERS) -> Top:
    """Return what the top files of all environments say; what is wrong with them is among the faults."""
    reader = _Reader(world, tree, renderers)
    try:
        return reader.top()
    except SlsError as error:
        return Top(faults=(*reader.faults, *error.faults))
    except SalternError as error:
        return Top(faults=(*reader.faults, Fault(message=str(error), hint=error.hint)))


class _Reader:
    def __init__(self, world: World, tree: Tree, renderers: Renderers) -> None:
        self._world = world
        self._tree = tree
        self._renderers = renderers
        self._options = Options.of(world.opts)
        self._matcher = Matcher(world)
        self.faults: list[Fault] = []

    def top(self) -> Top:
        files = {saltenv: self._files(saltenv) for saltenv in self._environments()}
        if not any(files.values()):
            where = ", ".join(files)
            hint = "write one, or name the SLS: state.apply NAME"
            self._fault(f"there is no {self._options.top} in {where}", NOWHERE, hint)
        merged = _MERGES[self._options.top_file_merging_strategy](files, self._options)
        shown = {env: {tgt: one.states for tgt, one in targets.items()} for env, targets in merged.items()}
        return Top(merged=shown, matches=self._matches(merged), faults=tuple(self.faults))

    def _fault(self, message: str, where: Place, hint: str = "") -> None:
        self.faults.append(Fault(message=message, where=where, hint=hint))

    def _environments(self) -> Sequence[str]:
        """Return the environments whose top files count, in order."""
        options = self._options
        if options.saltenv or options.state_top_saltenv:
            return [str(options.saltenv or options.state_top_saltenv)]
        known = [one for one in self._tree.environments() if one != "__env__"]
        if options.env_order:
            return [one for one in dict.fromkeys(options.env_order) if one in known]
        return ["base", *(one for one in known if one != "base")]

    # --- reading -------------------------------------------------------------------------------------

    def _files(self, saltenv: str) -> list[Targets]:
        """Return what the top file of an environment says, and the files it includes."""
        source = self._tree.read(saltenv, self._options.top)
        if source is None:
            return []
        includes: list[str] = []
        found = [self._targets(self._options.top, source, saltenv, includes)]
        done: set[str] = set()
        for pattern in includes:
            for sls in names.expand(self._tree, saltenv, pattern):
                if sls not in done:
                    done.add(sls)
                    found += self._included(sls, saltenv)
        return found

    def _included(self, sls: str, saltenv: str) -> list[Targets]:
        there = names.find(self._tree, saltenv, sls)
        if there is None:
            self._fault(f"the top file includes {sls!r}, which is not in the environment {saltenv}", NOWHERE)
            return []
        return [self._targets(there.path, there.source, saltenv, [])]

    def _targets(self, path: str, source: Any, saltenv: str, includes: list[str]) -> Targets:
        """Return what one file says; the SLS it includes are added to ``includes``."""
        template = Template(
            text=source.data.decode("utf-8-sig"),
            path=path,
            shown=source.shown,
            saltenv=saltenv,
            world=self._world,
            tree=self._tree,
        )
        rendered = render(template, self._options, renderers=self._renderers)
        data = rendered.data or {}
        if not isinstance(data, dict):
            raise template.fail("the top file comes to no mapping of environments")

        def place(holder: Any, key: Any) -> Place:
            line = lines_of(holder).get(key, 0)
            return template.place(rendered.work.source(line) if line else 0)

        written = data.get("include", [])
        includes += written if isinstance(written, list) else [written]
        environments = {env: body for env, body in data.items() if env != "include"}
        return {env: self._sections(env, body, place(data, env), place) for env, body in environments.items()}

    def _sections(
        self, saltenv: Any, body: Any, where: Place, place: Callable[[Any, Any], Place]
    ) -> dict[str, Section]:
        if not isinstance(saltenv, str) or not saltenv:
            self._fault(f"the environment {saltenv!r} is not text", where, "put it in quotes")
            return {}
        if not isinstance(body, dict):
            hint = "below an environment stand targets, below a target a list of SLS"
            self._fault(
                f"what stands below the environment {saltenv!r} is no mapping of targets", where, hint
            )
            return {}
        return {
            target: Section(states, place(body, target))
            for target, states in body.items()
            if self._is_fine(target, states, place(body, target))
        }

    def _is_fine(self, target: Any, states: Any, where: Place) -> bool:
        if not isinstance(target, str):
            self._fault(f"the target {target!r} is not text", where, "put it in quotes")
        elif not isinstance(states, list):
            self._fault(f"below the target {target!r} stands no list of SLS", where, "write '- name'")
        elif any(not isinstance(one, str | dict) or not one for one in states):
            self._fault(f"below the target {target!r} stands an empty or unknown item", where)
        else:
            return True
        return False

    # --- matching ------------------------------------------------------------------------------------

    def _matches(self, merged: Targets) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for saltenv, targets in merged.items():
            if self._options.saltenv in (None, "", saltenv):
                for target, section in targets.items():
                    self._take(found, saltenv, target, section.states, section.place)
        return found

    def _take(
        self, found: dict[str, list[str]], saltenv: str, target: str, states: Any, where: Place
    ) -> None:
        """Add the SLS below a target that means the machine."""
        kind = next((one["match"] for one in states if isinstance(one, dict) and "match" in one), "compound")
        try:
            if not self._matcher.matches(target, str(kind)):
                return
        except SalternError as error:
            self._fault(error.message, where, error.hint)
            return
        own = found.setdefault(saltenv, [])
        for one in states:
            if isinstance(one, str):
                own.append(one)
                continue
            self._take_mapping(found, saltenv, one, where)

    def _take_mapping(
        self, found: dict[str, list[str]], saltenv: str, one: dict[Any, Any], where: Place
    ) -> None:
        """Add what an item with a key asks for: an SLS of another environment, or a target within."""
        for key, value in one.items():
            if key == "subfilter" and isinstance(value, dict):
                for target, states in value.items():
                    self._take(found, saltenv, target, states, where)
            elif key != "match" and isinstance(value, str) and self._tree.has_environment(str(key)):
                found.setdefault(str(key), []).append(value)


# --- merging strategies ------------------------------------------------------------------------------


def _merge(files: Mapping[str, list[Targets]], options: Options) -> Targets:
    """The base environment's files say all; others add only their own environment, if base has it not."""
    top: Targets = {}
    for one in files.get("base", []):
        for saltenv, targets in one.items():
            top.setdefault(saltenv, {}).update(targets)
    for environment, tops in files.items():
        if environment == "base":
            continue
        for one in tops:
            if environment in one and environment not in top:
                top[environment] = dict(one[environment])
    return top


def _same(files: Mapping[str, list[Targets]], options: Options) -> Targets:
    """Each environment's own files say what it has; without one, those of ``default_top``."""
    top: Targets = {}
    for environment, tops in files.items():
        for one in tops or files.get(options.default_top, []):
            if environment in one:
                top.setdefault(environment, {}).update(one[environment])
    return top


def _merge_all(files: Mapping[str, list[Targets]], options: Options) -> Targets:
    """Every file adds to every environment; a target that stands in several has the SLS of all."""
    top: Targets = {}
    for tops in files.values():
        for one in tops:
            for saltenv, targets in one.items():
                merged = top.setdefault(saltenv, {})
                for target, section in targets.items():
                    merged[target] = _joined(merged[target], section) if target in merged else section
    return top


def _joined(first: Section, second: Section) -> Section:
    """Return the SLS of both, each once; the later matcher counts."""
    matchers = [one for one in (*second.states, *first.states) if isinstance(one, dict)]
    states = [one for one in (*first.states, *second.states) if isinstance(one, str)]
    return Section([*matchers[:1], *dict.fromkeys(states)], first.place)


_MERGES: Mapping[str, Callable[[Mapping[str, list[Targets]], Options], Targets]] = {
    "merge": _merge,
    "same": _same,
    "merge_all": _merge_all,
}
