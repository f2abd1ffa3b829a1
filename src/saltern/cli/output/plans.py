"""A plan over a fleet, for the eyes of whoever is to approve it: what is equal is shown once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from saltern.cli.durations import ago, moment
from saltern.cli.output.printable import one_line
from saltern.cli.output.style import Style
from saltern.cli.output.words import counted
from saltern.model.plan import FleetPlan, PlanDetails, PlannedAgent


def shown(details: PlanDetails, now: float, style: Style) -> Iterator[str]:
    """Yield a plan as lines: its life, then its agents by what they would do."""
    yield from _life(details.plan, details.state, now, style)
    groups: dict[object, list[PlannedAgent]] = {}
    for agent in details.agents:
        groups.setdefault((agent.told, agent.error), []).append(agent)
    for same in sorted(groups.values(), key=len, reverse=True):
        yield ""
        yield from _group(same, style)


def _life(plan: FleetPlan, state: str, now: float, style: Style) -> Iterator[str]:
    states = ", ".join(plan.states) or "what the top file gives"
    yield f"{style.paint(plan.id, 'bold')}: {state}"
    yield f"  target:      {one_line(plan.target)} ({plan.target_kind})"
    yield f"  states:      {one_line(states)}, environment {one_line(plan.saltenv)}"
    yield f"  made:        {ago(plan.created, now)} by {one_line(plan.creator)}, job {plan.jid}"
    yield f"  expires:     {moment(plan.expires)}"
    if plan.approved_by:
        by = f"{one_line(plan.approved_by)}: {one_line(plan.reason)}"
        yield f"  approved:    {ago(plan.approved_at, now)} by {by}"
    if plan.applied_by:
        by = f"{one_line(plan.applied_by)}, job {plan.applied_jid}"
        yield f"  applied:     {ago(plan.applied_at, now)} by {by}"
    if plan.fingerprint:
        yield f"  fingerprint: {plan.fingerprint}"


def _group(same: Sequence[PlannedAgent], style: Style) -> Iterator[str]:
    first = same[0]
    count = f" ({len(same)})" if len(same) > 1 else ""
    yield f"{style.paint(names([agent.name for agent in same]), 'cyan')}{count}: {_sum(first)}"
    if first.error:
        yield style.paint(f"  {one_line(first.error)}", "red")
    yield from told(first.told)


def _sum(agent: PlannedAgent) -> str:
    if agent.error:
        return "no plan"
    words = [counted(agent.changes, "change")] if agent.changes else ["nothing to change"]
    words += [f"{agent.unknown} of them can't be foreseen"] if agent.unknown else []
    words += [f"{counted(agent.failures, 'state')} would fail"] if agent.failures else []
    return ", ".join(words)


def told(differs: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Yield a line for each state that would do something."""
    for key, words, _ in differs:
        module, id_, _, function = [*key.split("_|-", 3), "", "", ""][:4]
        yield f"  {one_line(f'{module}.{function} {id_}')}: {one_line(words)}"


def names(of: Sequence[str]) -> str:
    """Return names as a node set."""
    if len(of) == 1:
        return one_line(of[0])
    from saltern.targeting.nodeset import fold

    return one_line(fold(of))
