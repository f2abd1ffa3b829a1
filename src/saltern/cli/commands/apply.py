"""``saltern apply``: bring machines into their declared state."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from saltern.cli import local
from saltern.cli.client import quoted
from saltern.cli.commands import fleet
from saltern.cli.commands.run import add_rollout, rollout_of
from saltern.cli.context import Context
from saltern.cli.durations import duration
from saltern.cli.exit_codes import ExitCode
from saltern.cli.follow import Follower
from saltern.cli.output.highstate import highstate
from saltern.foundation.errors import UsageError
from saltern.model.job import Job
from saltern.model.plan import PlanDetails

USAGE = """saltern apply [OPTIONS] TARGET [SLS …] [NAME=VALUE …]
       saltern apply [OPTIONS] --plan ID | PLANFILE
       saltern apply --local [OPTIONS] [SLS …] | PLANFILE"""
EXAMPLES = """
  saltern apply 'web*'                   (all that the top file gives them)
  saltern apply 'web*' nginx users --test
  saltern apply -G 'os:Debian' ntp --pillar servers='[10.0.0.1]'
  saltern apply 'web*' --batch 10% --check 'http.query http://localhost/health' --rollback
  saltern plan 'web*' nginx && saltern apply --plan p3f9a20c1d4
  saltern plan --local -o web.plan web && saltern apply web.plan
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    fleet.add_options(parser)
    parser.add_argument("--test", action="store_true", help="only look what would change")
    parser.add_argument("--plan", metavar="ID", help="do exactly what this plan says, on all of its agents")
    parser.add_argument("--queue", action="store_true", help="wait while another run changes a machine")
    parser.add_argument("--async", dest="detach", action="store_true", help="print the job id and leave")
    parser.add_argument("--timeout", metavar="TIME", help="how long it may run on a target, e.g. 30m")
    add_rollout(parser)
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Apply states, or a plan, and show what was done."""
    words = fleet.words_of(options)
    file = _plan_file(words, options)
    of_fleet = None if file is None else _plan_in(file)
    if file is not None and of_fleet is None:
        return _file_here(context, options, file)
    if fleet.is_local(options):
        return _here(context, options, words)
    if of_fleet is not None:
        return _planned(context, options, of_fleet.plan.id, [])
    if options.plan is not None:
        return _planned(context, options, options.plan, words)
    target, names, named = fleet.target_of(words, "apply")
    return _start(context, options, "/v1/jobs", _body(options, target, names, named))


# --- on the fleet ---------------------------------------------------------------------------------------


def _body(
    options: argparse.Namespace, target: str, names: list[str], named: dict[str, Any]
) -> dict[str, Any]:
    kwargs = named | fleet.selection(options)
    kwargs |= {name: True for name in ("test", "queue") if getattr(options, name)}
    body = fleet.whom(options, target) | {"fun": "state.apply", "args": [names] if names else []}
    body |= {"kwargs": kwargs} | _how(options)
    return body if options.subset is None else body | {"subset": options.subset}


def _how(options: argparse.Namespace) -> dict[str, Any]:
    timeout = {} if options.timeout is None else {"timeout": duration(options.timeout)}
    return timeout | rollout_of(options)


def _planned(context: Context, options: argparse.Namespace, id: str, words: list[str]) -> int:
    """Apply a plan of the fleet."""
    if words or options.test or options.pillar or options.saltenv or options.exclude or options.subset:
        raise UsageError(
            "a plan says itself what is applied, and where", hint=f"only: saltern apply --plan {id}"
        )
    return _start(context, options, f"/v1/plans/{quoted(id)}/apply", _how(options))


def _start(context: Context, options: argparse.Namespace, path: str, body: dict[str, Any]) -> int:
    if not options.detach:
        return Follower(context.client, fleet.view_of(context, options)).start(path, body)
    job = context.client.ask("POST", path, Job, body=body)
    if context.json:
        context.emit({"jid": job.jid})
    else:
        context.say([job.jid])
    return ExitCode.OK


# --- a file that holds a plan ---------------------------------------------------------------------------


def _plan_file(words: list[str], options: argparse.Namespace) -> Path | None:
    """Return the file meant, if one is: a single word with a slash, or that ends in ``.plan``."""
    if len(words) != 1 or options.kind != "glob":
        return None
    return Path(words[0]) if "/" in words[0] or words[0].endswith(".plan") else None


def _plan_in(file: Path) -> PlanDetails | None:
    """Return the fleet's plan in a file; None when it holds none, or is not there."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=PlanDetails)
    except (msgspec.MsgspecError, FileNotFoundError):
        return None


# --- on this machine ------------------------------------------------------------------------------------


def _file_here(context: Context, options: argparse.Namespace, file: Path) -> int:
    from saltern.engine import plan as plans
    from saltern.engine.site import site_of

    saved = plans.load(file)
    machine = local.host(context, options)
    return _shown(
        context, options, plans.apply_plan(site_of(machine), saved, queue=options.queue), saved.machine
    )


def _here(context: Context, options: argparse.Namespace, words: list[str]) -> int:
    from saltern.engine.nouns.state import apply_

    machine = local.host(context, options)
    given: dict[str, Any] = {"test": options.test, "queue": options.queue, **fleet.selection(options)}
    return _shown(context, options, apply_(machine, fleet.names_of(words), **given), options.id or "local")


def _shown(
    context: Context, options: argparse.Namespace, results: dict[str, dict[str, Any]], name: str
) -> int:
    if context.json:
        context.emit(results)
    else:
        context.say(highstate(results, name, context.style, options.state_output))
    return ExitCode.FAILED if any(one["result"] is False for one in results.values()) else ExitCode.OK
