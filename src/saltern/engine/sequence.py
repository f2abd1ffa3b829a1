"""Which steps of a run wait for which: Salt's order, or only what requisites and paths demand."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from saltern.sls.low import Chunk, Compiled, Kind


def waits(compiled: Compiled, *, auto: bool) -> list[set[int]]:
    """Return for each step the earlier steps that must have ended before it begins.

    In Salt's order (``auto`` False) a step waits for the one before it, unless that has ``parallel: True``.
    With ``auto`` it waits only for what its requisites name, and for earlier states about the same path,
    one above it or one below it.
    """
    found = _by_requisites(compiled)
    for step, waited_for in enumerate(_by_path(compiled) if auto else _in_order(compiled)):
        found[step] |= waited_for
    return found


def _by_requisites(compiled: Compiled) -> list[set[int]]:
    needs: dict[int, set[int]] = {}
    for chunk, needed in compiled.dependencies():
        needs.setdefault(chunk, set()).add(needed)
    for index, one in enumerate(compiled.chunks):  # a prereq waits for the look at its target
        for requisite in one.requisites:
            if requisite.kind is Kind.PREREQ:
                needs.setdefault(index, set()).update(requisite.targets)
    done: dict[int, int] = {}  # chunk: its latest step so far
    found: list[set[int]] = []
    for number, step in enumerate(compiled.steps):
        wanted = needs.get(step.chunk, set()) | {step.chunk}
        found.append({done[chunk] for chunk in wanted if chunk in done})
        done[step.chunk] = number
    return found


def _in_order(compiled: Compiled) -> Iterator[set[int]]:
    previous: set[int] = set()
    for number, step in enumerate(compiled.steps):
        yield set(previous)
        if step.look or not compiled.chunks[step.chunk].globals.parallel:
            previous = {number}


def _by_path(compiled: Compiled) -> Iterator[set[int]]:
    at: dict[str, int] = {}  # path: the latest step about it
    below: dict[str, int] = {}  # path: the latest step about something below it
    for number, step in enumerate(compiled.steps):
        path = _path(compiled.chunks[step.chunk])
        if not path:
            yield set()
            continue
        above = list(_above(path))
        yield {
            *(at[one] for one in (path, *above) if one in at),
            *(below[one] for one in (path,) if one in below),
        }
        at[path] = number
        below.update(dict.fromkeys(above, number))


def _path(chunk: Chunk) -> str:
    return posixpath.normpath(chunk.name) if chunk.name.startswith("/") else ""


def _above(path: str) -> Iterator[str]:
    while path != "/":
        path = posixpath.dirname(path)
        yield path
