"""A plan: what a run would change, saved, so that exactly that is done later or nothing at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from saltern.engine.encode import encode
from saltern.engine.runner import Wishes
from saltern.engine.site import Site
from saltern.engine.states import Results, look, perform
from saltern.foundation import atomic
from saltern.sdk import BadArgument, Changes, Conflict, NotFound

VERSION = 1


class Planned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one state would do. ``result`` is None when it would change something, False when it would fail.

    ``unknown`` says why what will happen can't be known; ``changes`` then is only what is known. The marks
    are of all that is written of the state, and of what it would do that is not shown: a file's content.
    """

    key: str
    result: bool | None
    comment: str = ""
    changes: Mapping[str, Any] = {}
    unknown: str = ""
    written: str = ""
    mend: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A saved dry run. ``made`` is seconds since the epoch; ``fingerprint`` covers all that would happen."""

    version: int = VERSION
    machine: str
    made: float
    states: tuple[str, ...]
    saltenv: str = "base"
    pillar: Mapping[str, Any] = {}
    exclude: tuple[str, ...] = ()
    planned: tuple[Planned, ...]
    fingerprint: str


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What one state was planned to do, in few words; ``mark`` tells whether it is still exactly that."""

    key: str
    words: str
    mark: str


def plan(
    site: Site,
    states: Sequence[str] = (),
    *,
    saltenv: str = "base",
    pillar: Mapping[str, Any] | None = None,
    exclude: Sequence[str] = (),
) -> Plan:
    """Return what a run of ``states`` (of the highstate, without any) would do now. Writes nothing."""
    site.give_pillar(pillar)
    compiled = site.compile(states, saltenv=saltenv, exclude=exclude)
    results = look(site, compiled, Wishes(test=True, marks=True))
    planned = tuple(_planned(results))
    return Plan(
        machine=site.world.id,
        made=site.host.now(),
        states=tuple(states),
        saltenv=saltenv,
        pillar=pillar or {},
        exclude=tuple(exclude),
        planned=planned,
        fingerprint=_fingerprint(planned),
    )


def apply_plan(site: Site, saved: Plan, *, auto: bool = False, queue: bool = False) -> Results:
    """Do exactly what a plan says. Raises Conflict that says what differs since; then nothing is done.

    A state that, when its turn comes, would do something else than planned fails instead of doing it; but
    one that was planned to change may change otherwise when a state before it has changed something.
    """
    if saved.machine != site.world.id:
        raise Conflict(f"this plan is for {saved.machine}, and this is {site.world.id}")
    now = plan(site, saved.states, saltenv=saved.saltenv, pillar=saved.pillar, exclude=saved.exclude)
    if now.fingerprint != saved.fingerprint:
        raise _outdated(differences(saved, now))
    return _perform(site, now, auto=auto, queue=queue)


def apply_approved(
    site: Site, saved: Plan, told: Sequence[Told], *, auto: bool = False, queue: bool = False
) -> Results:
    """Do exactly what was planned elsewhere: of that plan only the fingerprint and ``told`` are here.

    Raises Conflict as ``apply_plan`` does.
    """
    now = plan(site, saved.states, saltenv=saved.saltenv, pillar=saved.pillar, exclude=saved.exclude)
    if now.fingerprint != saved.fingerprint:
        raise _outdated(differences_told(told, now))
    return _perform(site, now, auto=auto, queue=queue)


def _perform(site: Site, now: Plan, *, auto: bool, queue: bool) -> Results:
    wishes = Wishes(auto=auto, expected={one.key: _as_changes(one) for one in now.planned})
    compiled = site.compile(now.states, saltenv=now.saltenv, exclude=now.exclude)
    return perform(site, compiled, wishes, what=f"plan {now.fingerprint[:12]}", queue=queue)


def _outdated(differing: Iterator[str]) -> Conflict:
    lines = "\n".join(differing) or "- states that change nothing, now as then"
    return Conflict(f"what would change is no longer what was planned:\n{lines}", hint="make a new plan")


def told_of(plan: Plan) -> Iterator[Told]:
    """Give what each state of a plan would do, in few words; those that would do nothing are left out."""
    for one in plan.planned:
        if one.result is not True:
            yield Told(one.key, _told(one), _mark(one))


def differences_told(told: Sequence[Told], now: Plan) -> Iterator[str]:
    """Give a line for each state that would now do something else than was told."""
    before = {one.key: one for one in told}
    after = {one.key: one for one in now.planned}
    for key in dict.fromkeys((*before, *after)):
        first, second = before.get(key), after.get(key)
        if (first.mark if first else "") == ("" if second is None else _marked(second)):
            continue
        planned = first.words if first else "no change, or not in it"
        yield f"- {_named(key)}: planned {planned}, now {_another(planned, _told(second))}"


def _another(planned: str, now: str) -> str:
    return f"another: {now}" if now == planned else now


def _marked(planned: Planned) -> str:
    return "" if planned.result is True else _mark(planned)


def _mark(planned: Planned) -> str:
    return hashlib.sha256(encode(_essence(planned))).hexdigest()[:16]


def differences(old: Plan, new: Plan) -> Iterator[str]:
    """Give a line for each state whose plan is another one: its key, what was planned, what would be done."""
    before = {one.key: one for one in old.planned}
    after = {one.key: one for one in new.planned}
    for key in dict.fromkeys((*before, *after)):
        first, second = before.get(key), after.get(key)
        if first != second and _essence(first) != _essence(second):
            yield f"- {_named(key)}: planned {_told(first)}, now {_another(_told(first), _told(second))}"


def save(plan: Plan, path: Path) -> None:
    """Write a plan, readable by its owner only: a diff may hold what is secret. Raises OSError."""
    atomic.write(path, msgspec.json.format(encode(plan), indent=1) + b"\n")


def load(path: Path) -> Plan:
    """Read a plan. Raises NotFound, BadArgument for what is none or has been tampered with."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no plan {path}", hint=f"saltern plan -o {path}") from None
    try:
        return read(data)
    except BadArgument as error:
        raise BadArgument(f"{path}: {error.message}", hint="make a new plan") from None


def _planned(results: Results) -> Iterator[Planned]:
    for key, one in results.items():
        yield Planned(
            key=key,
            result=one["result"],
            comment=str(one["comment"]),
            changes=msgspec.json.decode(encode(one["changes"])),
            unknown=one.get("unknown", ""),
            written=one["marks"][0] if "marks" in one else "",
            mend=one["marks"][1] if "marks" in one else "",
        )


def _essence(planned: Planned | None) -> Any:
    if planned is None:
        return None
    shown = (planned.key, planned.result, dict(planned.changes), planned.unknown)
    return (*shown, planned.written, planned.mend)


def _fingerprint(planned: Sequence[Planned]) -> str:
    return hashlib.sha256(encode([_essence(one) for one in planned])).hexdigest()


def _as_changes(planned: Planned) -> Changes:
    return Changes(planned.changes, unknown=planned.unknown, mend=planned.mend or None)


def _named(key: str) -> str:
    module, id_, _, function = key.split("_|-", 3)
    return f"{module}.{function} {id_}"


def read(data: bytes) -> Plan:
    """Return the plan in what ``state.plan`` returned. Raises BadArgument for what is none."""
    try:
        found = msgspec.json.decode(data, type=Plan)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadArgument(f"this is no plan: {error}") from None
    if found.version != VERSION or found.fingerprint != _fingerprint(found.planned):
        raise BadArgument("this plan is of another version, or has been changed since")
    return found


def _told(planned: Planned | None) -> str:
    if planned is None:
        return "not in it"
    if planned.result is False:
        return f"to fail ({planned.comment})"
    if planned.result is True:
        return "no change"
    names = ", ".join(planned.changes)
    return f"a change ({names})" if names else "something that can't be foreseen"
