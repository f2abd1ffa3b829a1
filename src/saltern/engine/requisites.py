"""What a state's requisites say once those they name have run: values in, values out."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from saltern.engine.result import Result
from saltern.sls.low import Chunk, Kind, Quantity, Requisite


class Status(enum.Enum):
    """What follows for the state."""

    MET = "met"  # run it
    CHANGED = "changed"  # run it, and what it does when a watched state changed
    FAILED = "failed"  # a requisite failed: it fails without running
    UNFORESEEN = "pre"  # prereq: nothing would change, so it is not run
    NO_FAILURE = "onfail"  # onfail: nothing failed
    NO_CHANGE = "onchanges"  # onchanges: nothing changed


#: The comment of a state that its requisites keep from running.
COMMENTS: Mapping[Status, str] = {
    Status.UNFORESEEN: "No changes detected",
    Status.NO_FAILURE: "State was not run because onfail req did not change",
    Status.NO_CHANGE: "State was not run because none of the onchanges reqs changed",
}


class Judgement(msgspec.Struct, frozen=True):
    """A status, with the chunks (indexes) that failed, and the watched ones that changed."""

    status: Status
    failed: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()


MET = Judgement(Status.MET)


def judge(
    chunk: Chunk, results: Mapping[int, Result], looks: Mapping[int, Result], before: Iterable[int] = ()
) -> Judgement:
    """Return what the requisites of ``chunk`` come to.

    ``results`` are those of the states that have run, ``looks`` of those that were looked at for a
    ``prereq``; ``before`` are the chunks with a ``prereq`` on this one. One that has no result was not
    run, which counts as a failure.
    """
    requisites = [one for one in chunk.requisites if one.kind is not Kind.LISTEN and one.targets]
    held_up = [index for index in before if index in results and results[index].result is False]
    if not requisites and not held_up:
        return MET
    answers = {_answer(group, results, looks) for group in _grouped(requisites)}
    words = set().union(*answers) if answers else set()
    if held_up or "fail" in words:
        return Judgement(Status.FAILED, (*held_up, *_failed(requisites, results, looks)))
    return Judgement(_status(words), changed=_changed(requisites, results))


def _grouped(requisites: Sequence[Requisite]) -> list[list[Requisite]]:
    """Put the requisites of one type together: ``require_any`` counts over all of them."""
    groups: dict[str, list[Requisite]] = {}
    for one in requisites:
        groups.setdefault(one.type, []).append(one)
    return list(groups.values())


def _answer(
    group: list[Requisite], results: Mapping[int, Result], looks: Mapping[int, Result]
) -> frozenset[str]:
    """Return what the targets of one type of requisite say, in the words of ``_word``."""
    first = group[0]
    source = looks if first.kind is Kind.PREREQ else results
    words = {_word(first.kind, source.get(target)) for one in group for target in one.targets}
    if first.quantity is Quantity.ANY or (first.kind is Kind.ONFAIL and first.quantity is Quantity.PLAIN):
        if words & {"met", "change"}:
            words -= {"fail", "onfail"}
        if "onchangesmet" in words:
            words -= {"fail", "onchanges"}
    elif first.quantity is Quantity.ALL and "onfail" in words:
        words -= {"met"}
    return frozenset(words)


def _word(kind: Kind, result: Result | None) -> str:
    """Return what one target says."""
    if result is None:
        return "fail"
    if kind is Kind.ONFAIL:
        return "onfail" if result.result is True else "met"
    if kind is Kind.ONCHANGES:
        return "onchangesmet" if result.changed and result.result is not False else "onchanges"
    if result.result is False:
        return "fail"
    if kind is Kind.WATCH and result.changed:
        return "change"
    if kind is Kind.PREREQ:
        return "premet" if result.result is None else "pre"
    return "met"


def _status(words: set[str]) -> Status:
    if "pre" in words and "premet" not in words:
        return Status.UNFORESEEN
    if "pre" in words:
        return Status.MET
    if "onfail" in words and "onchangesmet" not in words:
        return Status.NO_FAILURE
    if "onchanges" in words and "onchangesmet" not in words:
        return Status.NO_CHANGE
    if "change" in words:
        return Status.CHANGED
    return Status.NO_FAILURE if "onfail" in words else Status.MET


def _failed(
    requisites: Sequence[Requisite], results: Mapping[int, Result], looks: Mapping[int, Result]
) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for one in requisites:
        if one.kind in (Kind.ONFAIL, Kind.ONCHANGES):
            continue
        source = looks if one.kind is Kind.PREREQ else results
        for target in one.targets:
            result = source.get(target)
            if result is None or result.result is False:
                found[target] = None
    return tuple(found)


def _changed(requisites: Sequence[Requisite], results: Mapping[int, Result]) -> tuple[int, ...]:
    watched = [target for one in requisites if one.kind is Kind.WATCH for target in one.targets]
    return tuple(dict.fromkeys(index for index in watched if index in results and results[index].changed))
