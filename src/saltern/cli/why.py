"""Why a state ended as it did on a host, and what is otherwise where it went well: values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from saltern.cli.output.highstate import states
from saltern.cli.output.plans import names
from saltern.cli.output.printable import one_line
from saltern.cli.output.states import essence
from saltern.cli.output.style import Style
from saltern.cli.output.value import lines

_ABSENT = "(not there)"


class Found(msgspec.Struct, kw_only=True):
    """What is known of one state of a job on one host. ``well`` and ``same`` are other hosts, by name.

    ``written`` is what hosts say themselves was written there, by name; ``unasked`` why they don't.
    """

    job: str
    host: str
    key: str
    result: dict[str, Any]
    snapshot: dict[str, str] = {}
    well: dict[str, dict[str, Any]] = {}
    same: list[str] = []
    otherwise: list[str] = []
    written: dict[str, dict[str, Any]] = {}
    unasked: str = ""


def alike(key: str) -> str:
    """Return a state as it may be called: ``file.managed motd``; the same on all hosts that have it."""
    parts = [*key.split("_|-", 3), "", "", ""]
    return f"{parts[0]}.{parts[3]} {parts[1]}"


def chosen(results: Mapping[str, Mapping[str, Any]], state: str | None) -> list[str]:
    """Return the keys that ``state`` means: a key, an id, a name, ``file.managed ID``; else what failed."""
    if state is None:
        return [key for key, one in results.items() if one.get("result") is False]
    return [
        key
        for key, one in results.items()
        if state in (key, alike(key), str(one.get("__id__")), str(one.get("name")))
    ]


def compare(found: Found, others: Iterable[tuple[str, Mapping[str, Mapping[str, Any]]]]) -> None:
    """Sort the other hosts of a job by how the same state ended there."""
    wanted, own = alike(found.key), essence(found.result)
    for name, results in others:
        one = next((one for key, one in results.items() if alike(key) == wanted), None)
        if name == found.host or one is None:
            continue
        if one.get("result") is not False and one.get("__state_ran__", True):
            found.well[name] = dict(one)
        elif essence(one) == own:
            found.same.append(name)
        else:
            found.otherwise.append(name)


def differing(here: Mapping[str, Any], there: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what is otherwise here than on every one of the others: name to values, ``here`` among them."""
    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys([*here, *(one for each in there.values() for one in each)]):
        own = here.get(name, _ABSENT)
        if there and all(each.get(name, _ABSENT) != own for each in there.values()):
            found[name] = {"here": own} | {host: each.get(name, _ABSENT) for host, each in there.items()}
    return found


#: Grains that are another on every machine, whatever the matter is.
_OWN = frozenset(
    {"id", "pid", "host", "fqdn", "nodename", "localhost", "machine_id", "uuid", "serialnumber", "server_id"}
)


def told(found: Found, style: Style) -> Iterator[str]:
    """Yield the explanation as lines."""
    yield style.paint(f"{one_line(found.host)}: {one_line(alike(found.key))}, job {found.job}", "bold")
    yield from states({found.key: {**found.result, "why": None}}, style)
    why = found.result.get("why") or found.written.get(found.host)
    if why:
        yield from _origin(why, found.snapshot)
        yield from _path(why.get("requisites") or [], style)
    yield from _others(found, style)


def _origin(why: Mapping[str, Any], snapshot: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield f"written in {one_line(str(why.get('where')))}"
    for environment, tree in snapshot.items():
        yield f"  tree {one_line(environment)}: {one_line(tree)}"
    yield "as it was rendered:"
    yield from (f"  {line}" for line in lines(dict(why.get("arguments") or {})))


def _path(requisites: Sequence[Any], style: Style) -> Iterator[str]:
    """Yield what the state waited for, and what that waited for."""
    if not requisites:
        return
    yield "what it waited for:"
    for one in requisites:
        if isinstance(one, Mapping):
            yield style.paint(f"  {_step(one)}", "red" if one.get("result") is False else "dim")
        else:
            yield f"  {one_line(str(one[0]))} {one_line(alike(str(one[1])))}"


def _step(one: Mapping[str, Any]) -> str:
    end = {True: "went well", False: "FAILED", None: "would change, or was not run"}[one.get("result")]
    end += ", changed" if one.get("changed") else ""
    end += "" if one.get("ran") else ", held back itself"
    of, state = one_line(alike(str(one.get("of")))), one_line(alike(str(one.get("state"))))
    return f"{of}: {one_line(str(one.get('type')))} {state} ({one_line(str(one.get('where')))}): {end}"


def _others(found: Found, style: Style) -> Iterator[str]:
    yield ""
    if found.same:
        yield f"the same on {names(found.same)}"
    if found.otherwise:
        yield f"failed otherwise, or not run, on {names(found.otherwise)}"
    if not found.well:
        yield "it went well nowhere in this job"
        return
    yield style.paint(f"it went well on {names(list(found.well))}", "green")
    yield from _told_differences(found)


def _told_differences(found: Found) -> Iterator[str]:
    here = found.written.get(found.host) or found.result.get("why") or {}
    there = {name: found.written[name] for name in sorted(found.written) if name != found.host}
    if not there:
        yield f"  what is otherwise there is not known: {one_line(found.unasked) or 'nobody answered'}"
        return
    for title, part in (("argument", "arguments"), ("grain", "grains")):
        values = {name: one.get(part) or {} for name, one in there.items()}
        differs = differing(here.get(part) or {}, values) if here.get(part) else {}
        shown = {name: each for name, each in differs.items() if not (part == "grains" and name in _OWN)}
        for name, each in shown.items():
            yield f"  {title} {one_line(name)}:"
            yield from (f"    {one_line(host)}: {one_line(str(value))[:200]}" for host, value in each.items())
        if not shown and here.get(part):
            yield f"  no {title} is otherwise than on all of {names(list(there))}"
