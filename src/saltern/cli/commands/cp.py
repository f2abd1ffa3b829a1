"""``saltern cp``: files of this machine, to many others."""

from __future__ import annotations

import argparse
import os

from saltern.cli.commands.run import add_kinds, add_rollout, add_view, as_json, rollout_of, view_of
from saltern.cli.context import Context
from saltern.cli.durations import duration
from saltern.cli.exit_codes import ExitCode
from saltern.cli.follow import Follower
from saltern.cli.sending import Bar, Item, gather, send
from saltern.foundation.errors import NotFound, UsageError
from saltern.model.job import Job

USAGE = "saltern cp [OPTIONS] FILE … TARGET DEST"
EXAMPLES = """
  saltern cp motd '*' /etc/motd
  saltern cp app.conf tls.pem 'web*' /etc/app/     (DEST ends with a slash: a directory that is there)
  saltern cp site 'web*' /srv/                     (makes /srv/site; `site/` sends what is in it)
  saltern cp release.tar.gz -G 'os:Debian' /opt/releases/ --makedirs --batch 10%
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("words", nargs="*", metavar="WORD", help=argparse.SUPPRESS)
    add_kinds(parser)
    add_view(parser)
    parser.add_argument("--makedirs", action="store_true", help="make the directory where it is missing")
    parser.add_argument("--async", dest="detach", action="store_true", help="print the job id and leave")
    parser.add_argument("--timeout", metavar="TIME", help="how long it may take on a target, e.g. 10m")
    parser.add_argument(
        "--queue", metavar="TIME", help="offline targets may still get it for so long, e.g. 24h"
    )
    add_rollout(parser)
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Send the files to the controller, then have the targets fetch them."""
    *sources, target, dest = _words(options)
    items = _gathered(sources, target)
    whom = {"target": target, "kind": options.kind}
    if options.delimiter is not None:
        whom["delimiter"] = options.delimiter
    body = whom | {"fun": "cp.receive", "args": [_dest(sources, dest)]} | _how(options)
    body["kwargs"] = {"files": _sent(context, options, items, whom), "makedirs": options.makedirs}
    if not options.detach:
        view = view_of(context, options)
        return Follower(context.client, view, output=options.show_output).start("/v1/jobs", body)
    job = context.client.ask("POST", "/v1/jobs", Job, body=body)
    if as_json(context, options):
        context.emit({"jid": job.jid})
    else:
        context.say([job.jid])
    return ExitCode.OK


def _words(options: argparse.Namespace) -> list[str]:
    words = [*options.words, *options.literal]
    if len(words) < 3 or not all(words):
        raise UsageError(
            "saltern cp needs a FILE, a TARGET and a DEST", hint="for example: saltern cp motd '*' /etc/motd"
        )
    if not words[-1].startswith("/"):
        raise UsageError(f"DEST is {words[-1]!r}, which is no absolute path")
    return words


def _gathered(sources: list[str], target: str) -> list[Item]:
    try:
        return gather(sources)
    except NotFound as error:
        if os.path.exists(target) and not os.path.exists(sources[0]):
            raise UsageError(error.message, hint="the order is FILE … TARGET DEST") from None
        raise


def _dest(sources: list[str], dest: str) -> str:
    """Return DEST so that agents need not guess: what is put into a directory ends with a slash."""
    into = len(sources) > 1 or os.path.isdir(sources[0])
    return dest.rstrip("/") + "/" if into else dest


def _how(options: argparse.Namespace) -> dict[str, object]:
    times = {"timeout": options.timeout, "queue": options.queue}
    how: dict[str, object] = {name: duration(text) for name, text in times.items() if text is not None}
    if options.subset is not None:
        if options.subset < 1:
            raise UsageError("--subset must be 1 or more", hint="--subset 1 sends it to one of them")
        how["subset"] = options.subset
    return how | rollout_of(options)


def _sent(
    context: Context, options: argparse.Namespace, items: list[Item], whom: dict[str, str]
) -> dict[str, list[object]]:
    bar = Bar(context.err, items, wanted=not options.no_progress)
    try:
        return send(context.client, items, whom, bar.told)
    finally:
        bar.clear()
