"""What ``state.show_…`` tells: a compiled run, or a tree, as plain data in Salt's shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from saltern.foundation.errors import SalternError
from saltern.sls import names
from saltern.sls.fault import SlsError
from saltern.sls.low import Chunk, Compiled, Kind
from saltern.sls.renderers import RENDERERS, Renderers
from saltern.sls.top import read_top
from saltern.sls.tree import Tree
from saltern.sls.world import World


def low(compiled: Compiled) -> list[dict[str, Any]]:
    """Return the low data in the order of the run (``show_low_sls``, ``show_lowstate``). Raises SlsError."""
    return [dict(chunk.low) for chunk in compiled.check().chunks]


def top(world: World, tree: Tree, *, renderers: Renderers = RENDERERS) -> dict[str, list[str]]:
    """Return the SLS of each environment that the top files give a machine. Raises SlsError."""
    found = read_top(world, tree, renderers=renderers)
    if found.faults:
        raise SlsError(found.faults)
    return {saltenv: list(states) for saltenv, states in found.matches.items()}


def states(tree: Tree, saltenv: str = "base") -> list[str]:
    """Return the names of all SLS of an environment (``state.show_states`` with ``all``)."""
    return names.available(tree, saltenv)


def sls_exists(tree: Tree, wanted: str | Sequence[str], saltenv: str = "base") -> bool:
    """Tell whether every SLS named (a comma list or a list) is in an environment."""
    return all(_there(tree, saltenv, sls) for sls in _list(wanted))


def _there(tree: Tree, saltenv: str, sls: str) -> bool:
    try:
        return names.find(tree, saltenv, sls) is not None
    except SalternError:
        return False


def id_exists(compiled: Compiled, ids: str | Sequence[str]) -> bool:
    """Tell whether every id named is in a run. Raises SlsError."""
    known = {chunk.id for chunk in compiled.check().chunks}
    return known.issuperset(_list(ids))


def sls_id(compiled: Compiled, id: str) -> list[Chunk]:
    """Return the chunks of one id. Raises SlsError, also when there are none."""
    from saltern.foundation.errors import nearest
    from saltern.sls.fault import Fault

    found = [chunk for chunk in compiled.check().chunks if chunk.id == id]
    if not found:
        hint = nearest(id, (chunk.id for chunk in compiled.chunks))
        raise SlsError([Fault(message=f"there is no ID {id!r} in this run", hint=hint)])
    return found


def _list(wanted: str | Sequence[str]) -> list[str]:
    return [one.strip() for one in wanted.split(",")] if isinstance(wanted, str) else list(wanted)


def graph(compiled: Compiled) -> str:
    """Return the requisites as a graph in the language of Graphviz (``state.graph``). Raises SlsError."""
    chunks = compiled.check().chunks
    lines = ["digraph states {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  n{place} [label={_quoted(_label(chunk))}];" for place, chunk in enumerate(chunks)]
    for place, chunk in enumerate(chunks):
        for requisite in chunk.requisites:
            style = ", style=dashed" if requisite.kind is Kind.LISTEN else ""
            lines += [
                f"  n{target} -> n{place} [label={requisite.type}{style}];" for target in requisite.targets
            ]
    return "\n".join([*lines, "}", ""])


def _label(chunk: Chunk) -> str:
    name = "" if chunk.name == chunk.id else f"\n({chunk.name})"
    return f"{chunk.full_name}\n{chunk.id}{name}"


def _quoted(text: str) -> str:
    escaped = re.sub(r'(["\\])', r"\\\1", text).replace("\n", r"\n")
    return f'"{escaped}"'


def errors(compiled: Compiled) -> list[str]:
    """Return the faults as texts, as a failed ``state.show_…`` returns them."""
    return [str(fault) for fault in compiled.faults]


def unused(compiled_top: Mapping[str, Sequence[str]], tree: Tree) -> dict[str, dict[str, Any]]:
    """Return which SLS a highstate uses and which not, by environment (``state.show_state_usage``)."""
    usage: dict[str, dict[str, Any]] = {}
    for saltenv in tree.environments():
        known = names.available(tree, saltenv)
        used = [sls for sls in known if sls in compiled_top.get(saltenv, ())]
        rest = [sls for sls in known if sls not in used]
        usage[saltenv] = {
            "used": used,
            "unused": rest,
            "count_all": len(known),
            "count_used": len(used),
            "count_unused": len(rest),
        }
    return usage
