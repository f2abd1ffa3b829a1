"""The top files of pillar roots: which SLS of which environment make one machine's pillar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from saltern.foundation.errors import SalternError
from saltern.sls import names
from saltern.sls.fault import NOWHERE, Fault, Place
from saltern.sls.matching import Matcher
from saltern.sls.options import Options
from saltern.sls.renderers import RENDERERS, Renderers, render
from saltern.sls.template import Template
from saltern.sls.tree import Source, Tree
from saltern.sls.world import World
from saltern.sls.yaml_text import lines_of


class Section(NamedTuple):
    """What stands below one target. ``matcher`` is Salt's name of how the target is read."""

    states: tuple[str, ...]
    matcher: str
    order: int
    ignore_missing: bool
    place: Place


#: Environment → target → what stands below it.
Top = dict[str, dict[str, Section]]


class PillarTop:
    """Reads the top files of a tree. What is wrong with them is in ``faults``."""

    def __init__(
        self,
        world: World,
        tree: Tree,
        renderers: Renderers = RENDERERS,
        on_target: Callable[[str, str], None] = lambda target, matcher: None,
    ) -> None:
        """``on_target`` is told each target that is matched, and how it is read."""
        self._on_target = on_target
        self._world = world
        self._tree = tree
        self._options = Options.of(world.opts)
        self._renderers = renderers
        self.faults: list[Fault] = []

    def read(self, environments: Sequence[str]) -> Top:
        """Return what the top files of these environments say together; a later one counts more."""
        top: Top = {}
        for saltenv in environments:
            for data, template, lines in self._files(saltenv):
                for name, body in data.items():
                    if name != "include":
                        top.setdefault(str(name), {}).update(self._sections(name, body, template, lines))
        return {name: _in_order(targets) for name, targets in top.items()}

    def matches(self, top: Top, only: str | None = None) -> dict[str, dict[str, Section]]:
        """Return by environment the SLS (names or globs) that are meant for the machine, each once."""
        matcher = Matcher(self._world)
        found: dict[str, dict[str, Section]] = {}
        for saltenv, targets in top.items():
            if only and saltenv != only:
                continue
            for target, section in targets.items():
                if self._means_us(matcher, target, section):
                    own = found.setdefault(saltenv, {})
                    for sls in section.states:
                        own.setdefault(sls, section)
        return found

    def _means_us(self, matcher: Matcher, target: str, section: Section) -> bool:
        self._on_target(target, section.matcher)
        try:
            return matcher.matches(target, section.matcher)
        except SalternError as error:
            self.faults.append(Fault(message=error.message, where=section.place, hint=error.hint))
            return False

    # --- reading -------------------------------------------------------------------------------------

    def _files(self, saltenv: str) -> Iterator[tuple[dict[Any, Any], Template, Any]]:
        """Give the data of an environment's top file, and of those it includes."""
        source = self._tree.read(saltenv, self._options.top)
        if source is None:
            return
        waiting = [(self._options.top, source)]
        seen = set()
        while waiting:
            path, source = waiting.pop(0)
            data, template, lines = self._data(path, source, saltenv)
            yield data, template, lines
            for sls in self._included(data, template):
                for name in names.expand(self._tree, saltenv, sls):
                    if name not in seen:
                        seen.add(name)
                        waiting += self._found(name, saltenv, template)

    def _found(self, sls: str, saltenv: str, template: Template) -> list[tuple[str, Source]]:
        there = names.find(self._tree, saltenv, sls)
        if there is None:
            self._fault(f"the top file includes {sls!r}, which is not in {saltenv!r}", template.place())
            return []
        return [(there.path, there.source)]

    def _included(self, data: Mapping[Any, Any], template: Template) -> list[str]:
        written = data.get("include") or []
        listed = written if isinstance(written, list) else [written]
        if not all(isinstance(one, str) for one in listed):
            self._fault("what a top file includes are names of SLS", template.place())
            return []
        return listed

    def _data(self, path: str, source: Source, saltenv: str) -> tuple[dict[Any, Any], Template, Any]:
        template = Template(
            text=text_of(source),
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
        return data, template, rendered.work.source

    # --- understanding -------------------------------------------------------------------------------

    def _sections(self, saltenv: Any, body: Any, template: Template, lines: Any) -> dict[str, Section]:
        if not isinstance(body, dict):
            hint = "below an environment stand targets, below a target a list of SLS"
            self._fault(
                f"below the environment {saltenv!r} stands no mapping of targets", template.place(), hint
            )
            return {}
        sections = {}
        for target, items in body.items():
            line = lines_of(body).get(target, 0)
            place = template.place(lines(line) if line else 0)
            if isinstance(target, str):
                sections[target] = self._section(target, items, place)
            else:
                self._fault(f"the target {target!r} is not text", place, "put it in quotes")
        return sections

    def _section(self, target: str, items: Any, place: Place) -> Section:
        listed = [items] if isinstance(items, str) else items
        if not isinstance(listed, list) or not all(isinstance(one, str | dict) and one for one in listed):
            self._fault(f"below the target {target!r} stands no list of SLS", place, "write '- name'")
            listed = []
        said: dict[str, Any] = {}
        for one in listed:
            said.update(one if isinstance(one, dict) else {})
        return Section(
            states=tuple(one for one in listed if isinstance(one, str)),
            matcher=str(said.get("match", "compound")),
            order=_number(said.get("order")),
            ignore_missing=bool(said.get("ignore_missing", False)),
            place=place,
        )

    def _fault(self, message: str, where: Place = NOWHERE, hint: str = "") -> None:
        self.faults.append(Fault(message=message, where=where, hint=hint))


def text_of(source: Source) -> str:
    """Return a file's text. Raises SlsError for what is none."""
    try:
        return source.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        from saltern.sls.fault import fail

        raise fail(f"no text in UTF-8: {error.reason}", Place(source.shown)) from None


def _in_order(targets: dict[str, Section]) -> dict[str, Section]:
    return dict(sorted(targets.items(), key=lambda item: item[1].order))


def _number(written: Any) -> int:
    try:
        return int(written)
    except (TypeError, ValueError):
        return 0
