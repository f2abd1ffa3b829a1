"""``saltern plan``: what would change, seen before, approved by a name, and saved to be done exactly so."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from saltern.cli import local
from saltern.cli.client import quoted
from saltern.cli.commands import fleet
from saltern.cli.context import Context
from saltern.cli.durations import ago, duration, span
from saltern.cli.exit_codes import ExitCode
from saltern.cli.follow import Follower
from saltern.cli.output.highstate import highstate
from saltern.cli.output.plans import shown
from saltern.cli.output.printable import one_line
from saltern.cli.output.table import table
from saltern.foundation import atomic
from saltern.foundation.errors import UsageError
from saltern.model.plan import FleetPlan, PlanDetails

if TYPE_CHECKING:
    from saltern.engine.plan import Plan

USAGE = """saltern plan [OPTIONS] TARGET [SLS …] [-o FILE]
       saltern plan list
       saltern plan show ID
       saltern plan approve ID --reason TEXT
       saltern plan --local [OPTIONS] [SLS …] [-o FILE]"""
EXAMPLES = """
  saltern plan 'web*' nginx              (its id is in the last line)
  saltern plan show p3f9a20c1d4
  saltern plan approve p3f9a20c1d4 --reason 'change 1234'
  saltern apply --plan p3f9a20c1d4 --batch 10%
  saltern plan --local -o web.plan web && saltern apply web.plan
  saltern plan -L list nginx             (an agent whose name is `list`)
"""
VERBS = ("list", "show", "approve")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    fleet.add_options(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="save the plan, for `saltern apply FILE`")
    parser.add_argument("--lifetime", metavar="TIME", help="how long it can be applied, e.g. 2h")
    parser.add_argument("--reason", metavar="TEXT", help="with approve: why")
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Make a plan, or do something with one."""
    words = fleet.words_of(options)
    if fleet.is_local(options):
        return _here(context, options, words)
    if words and words[0] in VERBS and options.kind == "glob":
        return _verb(context, options, words)
    return _make(context, options, words)


# --- on the fleet ---------------------------------------------------------------------------------------


def _make(context: Context, options: argparse.Namespace, words: list[str]) -> int:
    target, names, named = fleet.target_of(words, "plan")
    if named:
        name = next(iter(named))
        raise UsageError(
            f"a plan has no argument {name!r}", hint="--pillar, --saltenv and --exclude there are"
        )
    body = fleet.whom(options, target) | {"states": names} | fleet.selection(options)
    if options.lifetime is not None:
        body["lifetime"] = duration(options.lifetime)
    plan = context.client.ask("POST", "/v1/plans", FleetPlan, body=body)
    view = fleet.view_of(context, options)
    code = Follower(context.client, view).watch(plan.jid)
    details = _details(context, plan.id)
    if options.output:
        atomic.write(
            Path(options.output), msgspec.json.format(msgspec.json.encode(details), indent=1) + b"\n"
        )
    if context.json:
        context.emit(details)
    else:
        context.note(_next(details))
    return code


def _next(details: PlanDetails) -> str:
    """Return what can be done with a new plan."""
    id = details.plan.id
    if all(agent.error for agent in details.agents):
        return f"plan {id} is for nobody: there is none for any agent"
    if not any(agent.changes or agent.failures for agent in details.agents):
        return f"plan {id}: nothing to change"
    return f"plan {id}: saltern apply --plan {id}"


def _details(context: Context, id: str) -> PlanDetails:
    return context.client.get(f"/v1/plans/{quoted(id)}", PlanDetails)


def _verb(context: Context, options: argparse.Namespace, words: list[str]) -> int:
    verb, *rest = words
    if len(rest) != (verb != "list"):
        raise UsageError(f"saltern plan {verb} needs {'no more' if verb == 'list' else 'the ID of a plan'}")
    if verb == "list":
        return _list(context)
    return _show(context, rest[0]) if verb == "show" else _approve(context, rest[0], options.reason)


def _list(context: Context) -> int:
    plans = context.client.get("/v1/plans", list[FleetPlan], limit=50)
    if context.json:
        for plan in plans:
            context.emit(plan)
        return ExitCode.OK
    now = context.now()
    heads = ("PLAN", "STATE", "MADE", "BY", "TARGET", "STATES", "APPROVED BY", "JOB")
    rows = [
        (
            plan.id,
            plan.state(now),
            ago(plan.created, now),
            plan.creator,
            plan.target,
            ",".join(plan.states) or "(top file)",
            plan.approved_by,
            plan.applied_jid,
        )
        for plan in plans
    ]
    context.say(table(heads, rows, context.style))
    return ExitCode.OK


def _show(context: Context, id: str) -> int:
    details = _details(context, id)
    if context.json:
        context.emit(details)
    else:
        context.say(shown(details, context.now(), context.style))
    return ExitCode.OK


def _approve(context: Context, id: str, reason: str | None) -> int:
    if not reason:
        raise UsageError(
            "an approval needs a reason", hint=f"saltern plan approve {id} --reason 'change 1234'"
        )
    seen = _details(context, id)
    body = {"reason": reason, "fingerprint": seen.plan.fingerprint}
    plan = context.client.ask("POST", f"/v1/plans/{quoted(id)}/approve", FleetPlan, body=body)
    if context.json:
        context.emit(plan)
    else:
        left = span(max(plan.expires - context.now(), 0.0))
        context.say(
            [f"{one_line(plan.id)} is approved by {one_line(plan.approved_by)}, to be applied within {left}"]
        )
    return ExitCode.OK


# --- on this machine ------------------------------------------------------------------------------------


def _here(context: Context, options: argparse.Namespace, words: list[str]) -> int:
    from saltern.engine import plan as plans
    from saltern.engine.site import site_of

    machine = local.host(context, options)
    given: dict[str, Any] = fleet.selection(options)
    made = plans.plan(site_of(machine), fleet.names_of(words), **given)
    if context.json:
        context.emit(made)
    else:
        _show_here(context, made, options)
    if options.output:
        plans.save(made, Path(options.output))
        context.note(f"saved; `saltern apply {options.output}` does exactly this")
    return ExitCode.FAILED if any(one.result is False for one in made.planned) else ExitCode.OK


def _show_here(context: Context, made: Plan, options: argparse.Namespace) -> None:
    from saltern.cli.output.highstate import of_plan

    results = of_plan({"planned": [msgspec.to_builtins(one) for one in made.planned]})
    context.say(highstate(results, made.machine, context.style, options.state_output))
