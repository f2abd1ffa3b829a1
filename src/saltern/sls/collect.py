"""Reading the SLS of a run, and those they include, into one body of high data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saltern.foundation.errors import SalternError, nearest
from saltern.sls import names
from saltern.sls.fault import NOWHERE, Place, SlsError
from saltern.sls.high import Entry, High, Item
from saltern.sls.options import Options
from saltern.sls.parse import Declarations, Include, parse
from saltern.sls.renderers import RENDERERS, Renderers, render
from saltern.sls.template import Template
from saltern.sls.tree import Tree
from saltern.sls.world import World

#: Where the order of states that do not give one begins.
_FIRST_ORDER = 10_000
#: How many SLS may include each other in a chain.
_DEEPEST = 100
#: An include under this key is looked for in all environments that take part in the run.
_ANY_OF_RUN = "_xenv"


def collect(
    world: World,
    tree: Tree,
    wanted: Mapping[str, Sequence[str]],
    *,
    options: Options | None = None,
    renderers: Renderers = RENDERERS,
) -> High:
    """Return the high data of the SLS wanted of each environment (names or globs), with their includes.

    What is wrong with one SLS does not keep the others from being read; all of it is among the faults.
    """
    collector = _Collector(world, tree, wanted, options or Options.of(world.opts), renderers)
    for saltenv, patterns in wanted.items():
        for pattern in patterns:
            collector.add(saltenv, pattern)
    return collector.high


class _Collector:
    def __init__(
        self,
        world: World,
        tree: Tree,
        wanted: Mapping[str, Sequence[str]],
        options: Options,
        renderers: Renderers,
    ) -> None:
        self._world = world
        self._tree = tree
        self._wanted = wanted
        self._options = options
        self._renderers = renderers
        self._done: set[tuple[str, str]] = set()
        self._order = _FIRST_ORDER
        self._depth = 0
        self.high = High()

    def add(self, saltenv: str, pattern: str) -> None:
        """Read what a run asks for."""
        if not self._tree.has_environment(saltenv):
            known = self._tree.environments()
            hint = nearest(saltenv, known) or f"there are {', '.join(known)}"
            self.high.fault(f"there is no environment {saltenv!r}", NOWHERE, hint=hint)
            return
        targets = names.expand(self._tree, saltenv, pattern)
        if not targets:
            self.high.fault(f"no SLS of the environment {saltenv} fits {pattern!r}", NOWHERE)
        for sls in targets:
            self._read(sls, saltenv, NOWHERE)

    # --- one SLS -------------------------------------------------------------------------------------

    def _read(self, sls: str, saltenv: str, asked: Place) -> list[Entry]:
        """Read an SLS with its includes, once; return the entries this brought in."""
        if (saltenv, sls) in self._done:
            return []
        self._done.add((saltenv, sls))
        try:
            found = names.find(self._tree, saltenv, sls)
            if found is None:
                self._missing(sls, saltenv, asked)
                return []
            self.high.rendered.add(sls)
            declared = self._declared(found, sls, saltenv)
        except SlsError as error:
            self.high.faults += error.faults
            return []
        except SalternError as error:
            self.high.fault(str(error), asked, hint=error.hint)
            return []
        self._depth += 1
        entries = self._enter(declared, sls, saltenv, found.path)
        self._depth -= 1
        return entries

    def _declared(self, found: names.Found, sls: str, saltenv: str) -> Declarations:
        shown = found.source.shown
        text = self.high.texts[shown] = _text(found.source.data, shown)
        template = Template(
            text=text,
            path=found.path,
            shown=shown,
            saltenv=saltenv,
            sls=sls,
            world=self._world,
            tree=self._tree,
        )
        return parse(render(template, self._options, renderers=self._renderers), sls, saltenv)

    def _missing(self, sls: str, saltenv: str, asked: Place) -> None:
        try:
            known = names.available(self._tree, saltenv)
        except SalternError as error:
            self.high.fault(str(error), asked, hint=error.hint)
            return
        hint = self.high.near(sls, known) or "`state.show_states` and the file roots tell what there is"
        self.high.fault(f"there is no SLS {sls!r} in the environment {saltenv}", asked, hint=hint)

    def _enter(self, declared: Declarations, sls: str, saltenv: str, path: str) -> list[Entry]:
        """Take in an SLS: its own ids first, though those it includes come before it in order."""
        self.high.faults += declared.faults
        self.high.extensions += declared.extensions
        self.high.exclusions += declared.exclusions
        own = [entry for entry in declared.entries.values() if self._is_new(entry)]
        self.high.entries |= {entry.id: entry for entry in own}
        included: list[Entry] = []
        for include in declared.includes:
            brought = self._include(include, sls, saltenv, path)
            for entry in brought:
                entry.included_from.append(sls)
            included += brought
        if self._options.state_auto_order:
            self._number(own)
        return own + included

    def _is_new(self, entry: Entry) -> bool:
        other = self.high.entries.get(entry.id)
        if other is None:
            return True
        self.high.fault(
            f"ID {entry.id!r} is declared twice: in SLS {other.sls} and in SLS {entry.sls}",
            entry.where,
            hint="ids are unique in a whole run: give one another id, and say 'name:' there",
            also=(other.where,),
        )
        return False

    def _number(self, entries: list[Entry]) -> None:
        """Give an order to each state that has none."""
        for entry in entries:
            for items in entry.states.values():
                if not any(item.key == "order" for item in items):
                    items.append(Item({"order": self._order}, entry.where))
                    self._order += 1

    # --- includes ------------------------------------------------------------------------------------

    def _include(self, include: Include, sls: str, saltenv: str, path: str) -> list[Entry]:
        name = names.relative(include.name, sls, path)
        if name is None:
            hint = "each dot in front goes up one level, and an SLS's name must follow"
            self.high.fault(
                f"the include {include.name!r} in SLS {sls} leads nowhere", include.place, hint=hint
            )
            return []
        target = self._environment_of(include, name, saltenv)
        if target is None:
            return []
        if self._depth > _DEEPEST:
            self.high.fault(f"more than {_DEEPEST} SLS include each other in a chain", include.place)
            return []
        found = names.expand(self._tree, target, name)
        if not found:
            self.high.fault(f"no SLS of the environment {target} fits {name!r}", include.place)
        return [entry for one in found for entry in self._read(one, target, include.place)]

    def _environment_of(self, include: Include, name: str, saltenv: str) -> str | None:
        """Return the environment an include is read from, None (and a fault) when that can't be told."""
        if include.saltenv is None:
            return saltenv
        if include.saltenv == _ANY_OF_RUN:
            return self._environment_in_run(include, name, saltenv)
        if self._tree.has_environment(include.saltenv):
            return include.saltenv
        known = self._tree.environments()
        hint = nearest(include.saltenv, known) or f"there are {', '.join(known)}"
        self.high.fault(f"there is no environment {include.saltenv!r}", include.place, hint=hint)
        return None

    def _environment_in_run(self, include: Include, name: str, saltenv: str) -> str | None:
        having = [one for one in self._wanted if self._has(one, name)]
        if saltenv in having or len(having) == 1:
            return saltenv if saltenv in having else having[0]
        problem = f"is in {', '.join(having)}" if having else f"is in none of {', '.join(self._wanted)}"
        hint = "name the environment: '- saltenv: name'"
        self.high.fault(f"which SLS {name!r} is meant? It {problem}", include.place, hint=hint)
        return None

    def _has(self, saltenv: str, name: str) -> bool:
        if names.is_glob(name):
            return bool(names.expand(self._tree, saltenv, name))
        return names.find(self._tree, saltenv, name) is not None


def _text(data: bytes, shown: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SalternError(
            f"not text in UTF-8 (byte {error.start})", where=f"{shown}:{line}", hint="save it as UTF-8"
        ) from None
