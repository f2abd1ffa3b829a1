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

    ``unknown`` says why what will happen can't be known; ``changes`` then is only what is known.
    """

    key: str
    result: bool | None
    comment: str = ""
    changes: Mapping[str, Any] = {}
    unknown: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A saved dry run. ``made`` is seconds since the epoch; ``fingerprint`` covers all that would happen."""

    version: int = VERSION
    machine: str
    made: float
    states: tuple[str, ...]
    saltenv: str = "base"
    pillar: Mapping[str, Any] = {}
    planned: tuple[Planned, ...]
    fingerprint: str


def plan(
    site: Site, states: Sequence[str] = (), *, saltenv: str = "base", pillar: Mapping[str, Any] | None = None
) -> Plan:
    """Return what a run of ``states`` (of the highstate, without any) would do now. Writes nothing."""
    site.give_pillar(pillar)
    results = look(site, site.compile(states, saltenv=saltenv), Wishes(test=True))
    planned = tuple(_planned(results))
    return Plan(
        machine=site.world.id,
        made=site.host.now(),
        states=tuple(states),
        saltenv=saltenv,
        pillar=pillar or {},
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
    now = plan(site, saved.states, saltenv=saved.saltenv, pillar=saved.pillar)
    if now.fingerprint != saved.fingerprint:
        lines = "\n".join(differences(saved, now))
        raise Conflict(f"what would change is no longer what was planned:\n{lines}", hint="make a new plan")
    wishes = Wishes(auto=auto, expected={one.key: _as_changes(one) for one in saved.planned})
    compiled = site.compile(saved.states, saltenv=saved.saltenv)
    return perform(site, compiled, wishes, what=f"plan {saved.fingerprint[:12]}", queue=queue)


def differences(old: Plan, new: Plan) -> Iterator[str]:
    """Give a line for each state whose plan is another one: its key, what was planned, what would be done."""
    before = {one.key: one for one in old.planned}
    after = {one.key: one for one in new.planned}
    for key in dict.fromkeys((*before, *after)):
        first, second = before.get(key), after.get(key)
        if first != second and _essence(first) != _essence(second):
            yield f"- {_named(key)}: planned {_told(first)}, now {_told(second)}"


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
        found = msgspec.json.decode(data, type=Plan)
    except msgspec.MsgspecError as error:
        raise BadArgument(f"{path} is no plan: {error}") from None
    if found.version != VERSION or found.fingerprint != _fingerprint(found.planned):
        raise BadArgument(f"{path} is of another version, or has been changed since", hint="make a new plan")
    return found


def _planned(results: Results) -> Iterator[Planned]:
    for key, one in results.items():
        yield Planned(
            key=key,
            result=one["result"],
            comment=str(one["comment"]),
            changes=msgspec.json.decode(encode(one["changes"])),
            unknown=one.get("unknown", ""),
        )


def _essence(planned: Planned | None) -> Any:
    return None if planned is None else (planned.key, planned.result, dict(planned.changes), planned.unknown)


def _fingerprint(planned: Sequence[Planned]) -> str:
    return hashlib.sha256(encode([_essence(one) for one in planned])).hexdigest()


def _as_changes(planned: Planned) -> Changes:
    return Changes(planned.changes, unknown=planned.unknown)


def _named(key: str) -> str:
    module, id_, _, function = key.split("_|-", 3)
    return f"{module}.{function} {id_}"


def _told(planned: Planned | None) -> str:
    if planned is None:
        return "not in it"
    if planned.result is False:
        return f"to fail ({planned.comment})"
    if planned.result is True:
        return "no change"
    names = ", ".join(planned.changes)
    return f"a change ({names})" if names else "something that can't be foreseen"
