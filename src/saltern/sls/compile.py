"""Compiling: from the names of SLS, a highstate, or high data, to a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from saltern.foundation.errors import SalternError
from saltern.sls import merge
from saltern.sls.aggregate import aggregates
from saltern.sls.collect import collect
from saltern.sls.fault import NOWHERE, Fault, Place, SlsError, excerpt
from saltern.sls.globals import NOT_ARGUMENTS
from saltern.sls.high import Exclusion, High
from saltern.sls.low import Chunk, Compiled, Kind, Listener, Requisite, Step
from saltern.sls.lower import Draft, lower
from saltern.sls.options import Options
from saltern.sls.order import Edge, Ordered, order
from saltern.sls.parse import parse
from saltern.sls.renderers import RENDERERS, Renderers
from saltern.sls.renderers.pipeline import Rendered
from saltern.sls.requisites import resolve
from saltern.sls.template import Template, Work
from saltern.sls.tree import Tree
from saltern.sls.verify import verify
from saltern.sls.world import World


def compile_sls(
    world: World,
    tree: Tree,
    names: Sequence[str],
    *,
    saltenv: str = "base",
    exclude: Sequence[str | Mapping[str, str]] = (),
    renderers: Renderers = RENDERERS,
) -> Compiled:
    """Return the run that SLS of one environment come to (``state.sls``).

    ``exclude`` has names of SLS, or mappings ``{"id": …}`` and ``{"sls": …}``. Never raises for what is
    wrong with the tree: ``Compiled.faults`` has it all.
    """
    return compile_wanted(world, tree, {saltenv: list(names)}, exclude=exclude, renderers=renderers)


def compile_highstate(
    world: World,
    tree: Tree,
    *,
    exclude: Sequence[str | Mapping[str, str]] = (),
    whitelist: Sequence[str] = (),
    renderers: Renderers = RENDERERS,
) -> Compiled:
    """Return the run that the top files ask for; ``whitelist`` keeps only some of their SLS."""
    from saltern.sls.top import read_top

    top = read_top(world, tree, renderers=renderers)
    wanted = {
        saltenv: [sls for sls in names if not whitelist or sls in whitelist]
        for saltenv, names in top.matches.items()
    }
    compiled = compile_wanted(world, tree, wanted, exclude=exclude, renderers=renderers)
    faults = (*top.faults, *compiled.faults)
    if not faults and not any(wanted.values()):
        faults = (_nothing_asked(world),)
    return msgspec.structs.replace(compiled, faults=faults)


def _nothing_asked(world: World) -> Fault:
    return Fault(
        message=f"no target of the top files means {world.id!r}, so there is nothing to do",
        hint="`state.show_top` tells what is asked for",
    )


def compile_wanted(
    world: World,
    tree: Tree,
    wanted: Mapping[str, Sequence[str]],
    *,
    exclude: Sequence[str | Mapping[str, str]] = (),
    renderers: Renderers = RENDERERS,
) -> Compiled:
    """Return the run that SLS (names or globs) of several environments come to."""
    try:
        options = Options.of(world.opts)
    except SalternError as error:
        return Compiled(faults=(Fault(message=str(error), hint=error.hint),))
    high = collect(world, tree, wanted, options=options, renderers=renderers)
    high.exclusions += [_exclusion(one) for one in exclude]
    return compile_high(world, high, options)


def high_data(
    world: World, tree: Tree, wanted: Mapping[str, Sequence[str]], *, renderers: Renderers = RENDERERS
) -> dict[str, Any]:
    """Return the merged high data of SLS in Salt's shape (``state.show_sls``, ``state.show_highstate``).

    Raises SlsError with all faults.
    """
    options = Options.of(world.opts)
    high = collect(world, tree, wanted, options=options, renderers=renderers)
    merged(high, options)
    if high.faults:
        raise SlsError(folded(high))
    return high.shown()


def compile_data(
    world: World,
    data: Mapping[str, Any],
    *,
    tree: Tree,
    shown: str = "high data",
    saltenv: str = "base",
) -> Compiled:
    """Return the run that high data from elsewhere comes to (``state.high``, ``state.template``)."""
    template = Template(text="", path="", shown=shown, saltenv=saltenv, world=world, tree=tree)
    rendered = Rendered(dict(data), Work(data, lambda line: line), template)
    declared = parse(rendered, shown, saltenv)
    high = High(entries=declared.entries, extensions=declared.extensions, faults=declared.faults)
    high.exclusions += declared.exclusions
    for include in declared.includes:
        high.fault(f"{include.name!r} can't be included in {shown}", include.place)
    return compile_high(world, high, Options.of(world.opts))


def _exclusion(one: str | Mapping[str, str]) -> Exclusion:
    if isinstance(one, str):
        return Exclusion("sls", one, NOWHERE)
    kind, name = next(iter(one.items()))
    return Exclusion(kind, name, NOWHERE)


def merged(high: High, options: Options) -> None:
    """Bring high data into its last form: extended, checked, requisites turned round, exclusions gone."""
    merge.extend(high)
    verify(high)
    merge.turn_round(high, disabled=options.disabled_requisites)
    merge.exclude(high)


def compile_high(world: World, high: High, options: Options) -> Compiled:
    """Return the run that collected high data comes to."""
    merged(high, options)
    drafts = lower(high, watches=world.watches)
    requisites = resolve(drafts, high, disabled=options.disabled_requisites)
    ordered = order(drafts, requisites)
    if ordered.circle:
        high.faults.append(_circle(drafts, ordered.circle))
    run = _Run(world, options, drafts, requisites, ordered)
    return Compiled(
        chunks=run.chunks(),
        steps=run.steps,
        listeners=run.listeners(),
        aggregates=run.aggregates(),
        faults=folded(high),
    )


def folded(high: High) -> tuple[Fault, ...]:
    """Return the faults with the source around each; one met on several ways is told once."""
    kept: dict[tuple[str, Place], Fault] = {}
    for fault in high.faults:
        if not fault.excerpt and fault.where.path in high.texts:
            around = excerpt(high.texts[fault.where.path], fault.where.line, fault.where.column)
            fault = msgspec.structs.replace(fault, excerpt=around)
        mark = (fault.message, fault.where)
        first = kept.setdefault(mark, fault)
        if first is not fault:
            also = tuple(dict.fromkeys((*first.also, *fault.also)))
            kept[mark] = msgspec.structs.replace(first, also=also)
    return tuple(kept.values())


def _circle(drafts: Sequence[Draft], edges: Sequence[Edge]) -> Fault:
    """Return the fault of requisites in a circle, with each id on the way."""
    if len(edges) == 1:
        draft = drafts[edges[0].after]
        return Fault(
            message=f"ID {draft.entry.id!r} ({draft.module}) {edges[0].type}s itself",
            where=draft.place(edges[0].type),
        )
    ways = [f"{_named(drafts[edge.after])} {edge.type} {_named(drafts[edge.before])}" for edge in edges]
    places = [drafts[edge.after].entry.where for edge in edges]
    return Fault(
        message="requisites in a circle: " + "; ".join(reversed(ways)),
        where=places[-1],
        hint="take one of these requisites away",
        also=tuple(dict.fromkeys(reversed(places[:-1]))),
    )


def _named(draft: Draft) -> str:
    return f"{draft.module}: {draft.entry.id}"


class _Placed(NamedTuple):
    """Where drafts went: the draft of each chunk, and the chunk of each draft."""

    drafts: list[int]
    chunks: dict[int, int]


class _Run:
    """The last step: from drafts and their order to chunks."""

    def __init__(
        self,
        world: World,
        options: Options,
        drafts: Sequence[Draft],
        requisites: Sequence[Sequence[Requisite]],
        ordered: Ordered,
    ) -> None:
        self._world = world
        self._options = options
        self._drafts = drafts
        self._requisites = requisites
        self._orders = ordered.orders
        sequence = [step.chunk for step in ordered.steps if not step.look] or list(range(len(drafts)))
        self._placed = _Placed(sequence, {draft: place for place, draft in enumerate(sequence)})
        self.steps = tuple(Step(self._placed.chunks[step.chunk], step.look) for step in ordered.steps)
        self._looked_at = {step.chunk for step in ordered.steps if step.look}
        self._moved: dict[int, tuple[int, ...]] = {}  # by the identity of the targets, which many share

    def chunks(self) -> tuple[Chunk, ...]:
        """Return the chunks in the order they run."""
        return tuple(map(self._chunk, self._placed.drafts))

    def _chunk(self, place: int) -> Chunk:
        draft = self._drafts[place]
        requisites = tuple(map(self._with_chunks, self._requisites[place]))
        low = draft.low
        low["order"] = _whole(self._orders[place])
        return Chunk(
            module=draft.module,
            function=low["fun"],
            id=draft.entry.id,
            name=draft.name,
            sls=draft.entry.sls,
            saltenv=draft.entry.saltenv,
            where=draft.entry.where,
            lines=draft.lines,
            order=self._orders[place],
            args={name: value for name, value in low.items() if name not in NOT_ARGUMENTS},
            requisites=requisites,
            globals=draft.globals,
            low=low,
            prerequired=place in self._looked_at,
            prerequiring=any(one.kind is Kind.PREREQ for one in requisites),
            aggregate=self._may_aggregate(draft),
        )

    def _with_chunks(self, requisite: Requisite) -> Requisite:
        """Return a requisite whose targets are places among the chunks."""
        targets = self._moved.get(id(requisite.targets))
        if targets is None:
            targets = tuple(sorted(self._placed.chunks[target] for target in requisite.targets))
            self._moved[id(requisite.targets)] = targets
        return msgspec.structs.replace(requisite, targets=targets)

    def _may_aggregate(self, draft: Draft) -> bool:
        asked = draft.low.get("aggregate", self._options.state_aggregate)
        wanted = asked is True or (isinstance(asked, list | tuple) and draft.module in asked)
        return wanted and self._world.aggregates(draft.module)

    def listeners(self) -> tuple[Listener, ...]:
        """Return what listens to what."""
        heard: list[Listener] = []
        for place, draft in enumerate(self._placed.drafts):
            sources: set[int] = set()
            for requisite in self._requisites[draft]:
                if requisite.kind is Kind.LISTEN:
                    sources |= {self._placed.chunks[target] for target in requisite.targets}
            if sources:
                heard.append(Listener(chunk=place, sources=tuple(sorted(sources))))
        return tuple(heard)

    def aggregates(self) -> tuple[tuple[int, ...], ...]:
        """Return the groups of chunks that may run as one."""
        eligible = {
            place: self._drafts[draft].module
            for place, draft in enumerate(self._placed.drafts)
            if self._may_aggregate(self._drafts[draft])
        }
        if len(eligible) < 2:
            return ()
        before = [
            {target for one in self._requisites[draft] for target in self._before(one)}
            for draft in self._placed.drafts
        ]
        return aggregates(eligible, before)

    def _before(self, requisite: Requisite) -> Sequence[int]:
        if requisite.kind is Kind.LISTEN:
            return ()
        return [self._placed.chunks[target] for target in requisite.targets]


def _whole(number: float) -> int | float:
    return int(number) if number == int(number) else number
