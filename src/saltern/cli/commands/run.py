"""``saltern run``: the main job."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Collection

from saltern.cli import outputting
from saltern.cli.arguments import parse
from saltern.cli.context import Context
from saltern.cli.durations import duration
from saltern.cli.follow import Follower
from saltern.cli.output.highstate import MODES
from saltern.cli.states import StatesView
from saltern.cli.views import JsonView, View
from saltern.foundation.errors import UsageError
from saltern.model.job import Job

USAGE = "saltern run [OPTIONS] TARGET FUNCTION [ARGUMENT …] [NAME=VALUE …]"
EXAMPLES = """
  saltern run '*' test.ping
  saltern run 'web*,db1' cmd.run 'systemctl is-active nginx' --timeout 10s
  saltern run -G 'os:Debian' grains.item kernelrelease
  saltern run '*' cmd.run 'apt-get -y upgrade' --queue 24h --async
  saltern run 'web*' cmd.run 'systemctl restart app' --batch 10% --max-failures 2
  saltern run 'web*' cmd.run 'systemctl restart app' --batch 1 --check 'service.status app'
  saltern run '*' disk.usage --json | jq 'select(.status=="ok")'
  saltern run db1 cmd.run -- 'ls -l'      (what follows -- is never an option)
"""

#: Salt's letters. The kinds are the names the targeting language knows.
KINDS = (
    ("-E", "--pcre", "pcre", "TARGET is a regular expression for names"),
    ("-L", "--list", "list", "TARGET is a list of names, with commas"),
    ("-G", "--grain", "grain", "TARGET is grain:glob"),
    ("-P", "--grain-pcre", "grain_pcre", "TARGET is grain:regular expression"),
    ("-I", "--pillar", "pillar", "TARGET is pillar key:glob"),
    ("-J", "--pillar-pcre", "pillar_pcre", "TARGET is pillar key:regular expression"),
    ("-S", "--ipcidr", "ipcidr", "TARGET is an IP address or network"),
    ("-N", "--nodegroup", "nodegroup", "TARGET is the name of a node group"),
    ("-R", "--range", "range", "TARGET is a range expression"),
    ("-C", "--compound", "compound", "TARGET joins terms with and, or, not"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("words", nargs="*", metavar="WORD", help=argparse.SUPPRESS)
    add_kinds(parser)
    add_view(parser)
    parser.add_argument("--async", dest="detach", action="store_true", help="print the job id and leave")
    parser.add_argument("--timeout", metavar="TIME", help="how long it may run on a target, e.g. 30s")
    parser.add_argument(
        "--queue", metavar="TIME", help="offline targets may still get it for so long, e.g. 24h"
    )
    parser.add_argument(
        "--return",
        dest="returners",
        action="append",
        metavar="NAME[,NAME]",
        help="deliver the returns to these returners, too: `saltern returner list`",
    )
    add_rollout(parser)
    parser.set_defaults(handler=run)


def add_rollout(parser: argparse.ArgumentParser) -> None:
    """Declare how a job goes round."""
    group = parser.add_argument_group("how it goes round")
    group.add_argument("--subset", type=int, metavar="N", help="only N of them, chosen at random")
    group.add_argument("--batch", metavar="N|N%%", help="so many at a time; the next when one is done")
    group.add_argument("--batch-wait", metavar="TIME", help="rest so long before the next one's turn")
    group.add_argument(
        "--max-failures", metavar="N|N%%", help="stop when more than these have failed (with --batch)"
    )
    group.add_argument(
        "--check",
        action="append",
        metavar="'FUNCTION …'",
        help="run this after each batch; stop when it fails or returns false",
    )
    group.add_argument("--check-on", metavar="TARGET", help="run checks there, not on the batch (compound)")
    group.add_argument("--check-within", metavar="TIME", help="try checks again for so long until they pass")
    group.add_argument(
        "--rollback",
        action="store_true",
        help="undo the batch in which it stops (states; stops at a failure)",
    )


def add_kinds(parser: argparse.ArgumentParser, *, taken: Collection[str] = ()) -> None:
    """Declare how TARGET is to be read; globs and comma lists without an option.

    ``taken`` are long options that mean something else to the command; only their letter is left.
    """
    group = parser.add_argument_group("what TARGET is (names with * and ?, and commas, unless you say)")
    kinds = group.add_mutually_exclusive_group()
    for letter, name, kind, explanation in KINDS:
        options = [letter] if name in taken else [letter, name]
        kinds.add_argument(*options, dest="kind", action="store_const", const=kind, help=explanation)
    group.add_argument("--delimiter", metavar="TEXT", help="between the steps of a path, in place of ':'")
    parser.set_defaults(kind="glob")


def add_view(parser: argparse.ArgumentParser) -> None:
    """Declare how results are shown."""
    group = parser.add_argument_group("how results are shown")
    outputting.add_options(group)
    add_state_output(group)
    group.add_argument("--no-fold", action="store_true", help="each result for itself, as it comes")
    group.add_argument("--no-progress", action="store_true", help="no progress line")
    group.add_argument(
        "-o", "--show-output", action="store_true", help="show output as it is printed, on stderr"
    )


def add_state_output(group: argparse._ActionsContainer) -> None:
    """Declare how much of a run of states is shown."""
    group.add_argument(
        "--state-output",
        choices=MODES,
        default="changes",
        metavar="MODE",
        help=f"how much of each state is shown: {', '.join(MODES)} (default: changes)",
    )


def run(context: Context, options: argparse.Namespace) -> int:
    """Start a job and show what comes back."""
    body = _job(options)
    if options.detach:
        return _detached(context, body, as_json(context, options))
    view = view_of(context, options, of_states=str(body["fun"]).startswith("state."))
    return Follower(context.client, view, output=options.show_output).start("/v1/jobs", body)


def _job(options: argparse.Namespace) -> dict[str, object]:
    words = [*options.words, *options.literal]
    if len(words) < 2:
        missing = "a TARGET and a FUNCTION" if not words else "a FUNCTION"
        raise UsageError(f"saltern run needs {missing}", hint="for example: saltern run '*' test.ping")
    target, fun, *rest = words
    if not target or not fun:
        empty = "FUNCTION" if target else "TARGET"
        raise UsageError(f"{empty} is empty", hint="in a script, is the variable set?")
    positional, named = parse(rest)
    body = {"target": target, "kind": options.kind, "fun": fun, "args": positional, "kwargs": named}
    times = {"timeout": options.timeout, "queue": options.queue}
    body |= {name: duration(text) for name, text in times.items() if text is not None}
    if options.delimiter is not None:
        body["delimiter"] = options.delimiter
    if options.subset is not None:
        if options.subset < 1:
            raise UsageError("--subset must be 1 or more", hint="--subset 1 runs it on one of them")
        body["subset"] = options.subset
    if options.returners:
        body["returners"] = [name for text in options.returners for name in text.split(",") if name]
    return body | rollout_of(options)


def rollout_of(options: argparse.Namespace) -> dict[str, object]:
    """Return how the job goes round, as the API takes it. Raises UsageError."""
    checks = [check_of(words, options.check_on) for words in options.check or ()]
    if not checks and (options.check_on or options.check_within):
        raise UsageError("--check-on and --check-within go with --check")
    if options.batch is None and not (checks or options.rollback):
        if options.batch_wait or options.max_failures:
            raise UsageError("--batch-wait and --max-failures go with --batch")
        return {}
    rollout: dict[str, object] = {
        "batch": options.batch or "100%",
        "wait": duration(options.batch_wait) if options.batch_wait else 0.0,
        "max_failures": options.max_failures or "",
    }
    if checks or options.rollback:
        within = duration(options.check_within) if options.check_within else 0.0
        rollout |= {"checks": checks, "check_within": within, "rollback": options.rollback}
    return {"rollout": rollout}


def check_of(text: str, target: str | None) -> dict[str, object]:
    """Return a check such as ``http.query http://localhost/ status=200``, as the API takes it."""
    try:
        fun, *rest = shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"--check {text!r}: {error}", hint="--check 'FUNCTION ARGUMENT NAME=VALUE'"
        ) from None
    args, kwargs = parse(rest)
    check: dict[str, object] = {"fun": fun, "args": args, "kwargs": kwargs}
    return check if target is None else check | {"target": target, "target_kind": "compound"}


def _detached(context: Context, body: dict[str, object], json: bool) -> int:
    job = context.client.ask("POST", "/v1/jobs", Job, body=body)
    if json:
        context.emit({"jid": job.jid})
    else:
        context.say([job.jid])
    return 0


def as_json(context: Context, options: argparse.Namespace) -> bool:
    """Tell whether results are wanted as JSON, a line each."""
    return context.json or (options.out == "json" and not options.static)


def view_of(context: Context, options: argparse.Namespace, *, of_states: bool = False) -> View:
    """Return the view that the options ask for; ``of_states`` when runs of states are what will come."""
    outputting.redirect(context, options)
    if as_json(context, options):
        return JsonView(context)
    view: View = StatesView(
        context,
        options.state_output,
        together=not options.no_fold,
        progress=not options.no_progress,
        of_states=of_states,
    )
    if options.out != "text":
        view = outputting.OutputView(context, options)
    return outputting.Named(view) if options.summary else view
