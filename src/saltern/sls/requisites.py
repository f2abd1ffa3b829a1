"""Requisites: what is written, resolved to the chunks that are meant."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any, NamedTuple

from saltern.sls.fault import Place
from saltern.sls.high import High
from saltern.sls.low import Kind, Quantity, Requisite
from saltern.sls.lower import Draft
from saltern.sls.names import is_glob, matching

#: Types in the order in which a chunk's requisites become edges.
TYPES: dict[str, tuple[Kind, Quantity]] = {
    "require": (Kind.REQUIRE, Quantity.PLAIN),
    "require_any": (Kind.REQUIRE, Quantity.ANY),
    "watch": (Kind.WATCH, Quantity.PLAIN),
    "watch_any": (Kind.WATCH, Quantity.ANY),
    "prereq": (Kind.PREREQ, Quantity.PLAIN),
    "onfail": (Kind.ONFAIL, Quantity.PLAIN),
    "onfail_any": (Kind.ONFAIL, Quantity.ANY),
    "onfail_all": (Kind.ONFAIL, Quantity.ALL),
    "onchanges": (Kind.ONCHANGES, Quantity.PLAIN),
    "onchanges_any": (Kind.ONCHANGES, Quantity.ANY),
    "listen": (Kind.LISTEN, Quantity.PLAIN),
}


class _Reference(NamedTuple):
    """One requisite as written."""

    type: str
    module: str
    pattern: str
    place: Place


def resolve(
    drafts: Sequence[Draft], high: High, *, disabled: Container[str] = ()
) -> list[tuple[Requisite, ...]]:
    """Return the requisites of each draft, their targets as places in ``drafts``.

    One that means nothing is among the faults of ``high`` and left out; a required SLS that declares
    nothing is in order.
    """
    return _Resolver(drafts, high, disabled).all()


class _Resolver:
    def __init__(self, drafts: Sequence[Draft], high: High, disabled: Container[str]) -> None:
        self._drafts = drafts
        self._high = high
        self._disabled = disabled
        self._by_module: dict[str, dict[str, list[int]]] = {"id": {}, "sls": {}}
        self._known: dict[tuple[str, str], tuple[int, ...]] = {}
        for place, draft in enumerate(drafts):
            self._enter(place, draft)

    def _enter(self, place: int, draft: Draft) -> None:
        """Make a draft findable by its id and name, and by the SLS it came through."""
        for holder in (self._by_module.setdefault(draft.module, {}), self._by_module["id"]):
            for name in {draft.name: None, draft.entry.id: None}:
                holder.setdefault(name, []).append(place)
        for sls in {draft.entry.sls: None, **dict.fromkeys(draft.entry.included_from)}:
            self._by_module["sls"].setdefault(sls, []).append(place)

    def all(self) -> list[tuple[Requisite, ...]]:
        return [tuple(self._of(draft)) for draft in self._drafts]

    def _of(self, draft: Draft) -> Iterator[Requisite]:
        low = draft.low
        for type in TYPES:
            if type not in low or type in self._disabled:
                continue
            seen = set()
            for reference in self._references(draft, type):
                mark = (reference.module, reference.pattern)
                if mark not in seen and (made := self._resolved(draft, reference)) is not None:
                    seen.add(mark)
                    yield made

    def _references(self, draft: Draft, type: str) -> Iterator[_Reference]:
        written: Any = draft.low[type]
        place = draft.place(type)
        for one in written if isinstance(written, list) else [written]:
            problem, hint = _problem(one)
            if problem:
                self._high.fault(f"ID {draft.entry.id!r}: {type}: {problem}", place, hint=hint)
                continue
            module, pattern = ("id", one) if isinstance(one, str) else next(iter(one.items()))
            yield _Reference(type, module, pattern, place)

    def _resolved(self, draft: Draft, reference: _Reference) -> Requisite | None:
        kind, quantity = TYPES[reference.type]
        targets = self._targets(reference.module, reference.pattern)
        if not targets and not self._is_empty_sls(reference):
            self._missing(draft, reference)
            return None
        return Requisite(
            kind=kind, quantity=quantity, module=reference.module, pattern=reference.pattern, targets=targets
        )

    def _targets(self, module: str, pattern: str) -> tuple[int, ...]:
        mark = (module, pattern)
        if mark not in self._known:
            names = self._by_module.get(module, {})
            found = names.get(pattern, [])
            if not found and is_glob(pattern):
                found = [place for name in matching(names, pattern) for place in names[name]]
            self._known[mark] = tuple(dict.fromkeys(found))
        return self._known[mark]

    def _is_empty_sls(self, reference: _Reference) -> bool:
        if reference.module != "sls":
            return False
        rendered = self._high.rendered
        return reference.pattern in rendered or bool(matching(rendered, reference.pattern))

    def _missing(self, draft: Draft, reference: _Reference) -> None:
        if reference.module == "id":
            asked, hint = repr(reference.pattern), ""
        else:
            asked, hint = f"{reference.module}: {reference.pattern}", self._elsewhere(reference)
        names = self._by_module.get(reference.module, {})
        hint = hint or self._high.near(reference.pattern, names) or "is the SLS that declares it included?"
        self._high.fault(
            f"ID {draft.entry.id!r} in SLS {draft.entry.sls}: {reference.type}: "
            f"{asked} is not part of this run",
            reference.place,
            hint=hint,
        )

    def _elsewhere(self, reference: _Reference) -> str:
        """Return a hint when the id is there with other modules."""
        found = self._by_module["id"].get(reference.pattern, [])
        modules = sorted({self._drafts[place].module for place in found})
        return f"{reference.pattern!r} has {', '.join(modules)}" if modules else ""


def _problem(reference: Any) -> tuple[str, str]:
    """Return what is wrong with one reference, and a hint; empty texts when it is well formed."""
    if isinstance(reference, str):
        return "", ""
    if not isinstance(reference, dict) or len(reference) != 1:
        return f"{reference!r} is no requisite", "a requisite is '- module: id', or '- id'"
    module, name = next(iter(reference.items()))
    if not isinstance(module, str):
        return f"the module {module!r} is not text", ""
    if "." in module:
        return f"the module {module!r} has a dot in it", f"did you mean {module.split('.')[0]!r}?"
    if not isinstance(name, str):
        return f"{module}: {name!r} is not text", "put it in quotes, or take the line away if it is empty"
    return "", ""
