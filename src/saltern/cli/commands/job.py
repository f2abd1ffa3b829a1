"""``saltern job``: what was asked, and what became of it."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from itertools import chain

import msgspec

from saltern.api.replies import JobTargets
from saltern.cli.client import quoted
from saltern.cli.commands.run import add_view, as_json, view_of
from saltern.cli.context import Context
from saltern.cli.durations import duration, moment, span, when
from saltern.cli.exit_codes import ExitCode, of_statuses
from saltern.cli.follow import Follower
from saltern.cli.output.printable import one_line
from saltern.cli.output.results import sorted_counts, standing
from saltern.cli.output.table import table
from saltern.cli.output.words import counted
from saltern.cli.parser import Verbs
from saltern.cli.views import JsonView, View
from saltern.foundation.errors import NotFound, UsageError
from saltern.model.ids import JobId, is_job_id
from saltern.model.job import Job, Tally
from saltern.model.status import SETTLED, Status
from saltern.model.update import Settled

EXAMPLES = """
  saltern job list --since 1d --fun 'pkg.*'
  saltern job list --since 2026-11-20 --until '2026-11-21 12:00' --user ann --text nginx
  saltern job show 20261122130500123456
  saltern job show 20261122130500123456 web1.example.com --json
  saltern job rerun 20261122130500123456 --failed
  saltern job wait 20261122130500123456 --timeout 10m && echo done
  saltern job export 20261122130500123456 > job.jsonl
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    verbs = Verbs(parser)
    _configure_list(verbs)
    showing = _with_jid(verbs.add("show", "Show a job and what its agents returned", show))
    showing.set_defaults(paged=True)
    showing.add_argument("match", nargs="?", metavar="GLOB", help="only agents with names like this")
    add_view(showing)
    add_view(_with_jid(verbs.add("watch", "Follow a job from its beginning to its end", watch)))
    _with_jid(verbs.add("cancel", "Stop a job wherever it has not ended", cancel))
    _with_jid(verbs.add("kill", "The same as cancel", cancel))
    waiting = _with_jid(verbs.add("wait", "Wait until a job has ended; show nothing", wait))
    waiting.add_argument("--timeout", metavar="TIME", help="give up after this, e.g. 10m (exit code 7)")
    _with_jid(verbs.add("export", "Write a job and all returns as JSON, a line each", export))
    again = _with_jid(verbs.add("rerun", "Run a job again, on the agents it had", rerun))
    again.add_argument("--failed", action="store_true", help="only where it did not end ok")
    again.add_argument(
        "--missing", action="store_true", help="only where it is not known to have run to an end"
    )
    add_view(again)


def _configure_list(verbs: Verbs) -> None:
    listing = verbs.add("list", "List jobs, newest first", show_list)
    listing.set_defaults(paged=True)
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default: 20)")
    listing.add_argument("--before", metavar="JID", help="older than this job")
    listing.add_argument("--user", help="whose")
    listing.add_argument("--fun", metavar="GLOB", help="which functions")
    listing.add_argument("--target", metavar="NAME", help="with this agent among the targets")
    listing.add_argument("--since", metavar="TIME", help="not older: 2h, 1d, 2026-11-22, '2026-11-22 13:05'")
    listing.add_argument("--until", metavar="TIME", help="made before that")
    listing.add_argument("--text", metavar="TEXT", help="with this in the arguments")
    listing.add_argument("--all", action="store_true", help="every one, page after page")
    listing.add_argument("--status", choices=[str(status) for status in Status], help="with a target in it")


def _with_jid(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("jid", metavar="JID", help="a job's id, as `saltern job list` shows it")
    return parser


def _checked(text: str) -> JobId:
    if not is_job_id(text):
        raise UsageError(f"{text!r} is not a job id", hint="it has 20 digits; see `saltern job list`")
    return JobId(text)


class _Page(msgspec.Struct):
    jobs: list[Job]
    next: JobId | None = None


_FILTERS = ("limit", "before", "user", "fun", "target", "status", "text")
#: Jobs that are asked for at a time when all are wanted.
_MANY = 500


def show_list(context: Context, options: argparse.Namespace) -> int:
    """List jobs."""
    query = {name: getattr(options, name) for name in _FILTERS}
    if options.before is not None:
        query["before"] = _checked(options.before)
    for name in ("since", "until"):
        if (text := getattr(options, name)) is not None:
            query[name] = when(text, context.now())
    if options.all:
        return _show_all(context, query)
    page = context.client.get("/v1/jobs", _Page, **query)
    jobs = page.jobs
    if context.json:
        for job in jobs:
            context.emit(job)
    elif jobs:
        heads = ("JID", "STARTED", "USER", "TARGET", "FUNCTION")
        context.say(table(heads, map(_row, jobs), context.style))
        if page.next is not None:
            context.note(f"older ones: --before {page.next}, or --all")
    else:
        context.note("no jobs")
    return ExitCode.OK


def _show_all(context: Context, query: dict[str, object]) -> int:
    """List every job, a page at a time: there may be a million."""
    query = query | {"limit": _MANY}
    while True:
        page = context.client.get("/v1/jobs", _Page, **query)
        for job in page.jobs:
            context.emit(job) if context.json else context.say(["  ".join(map(one_line, _row(job)))])
        if page.next is None:
            return ExitCode.OK
        query["before"] = page.next


def _row(job: Job) -> tuple[str, ...]:
    return job.jid, moment(job.created), job.user, _short(job.target, 30), _short(_asked(job), 60)


def _asked(job: Job) -> str:
    words = [job.fun, *map(str, job.args), *(f"{name}={value}" for name, value in job.kwargs.items())]
    return " ".join(words)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def show(context: Context, options: argparse.Namespace) -> int:
    """Show a job and its returns so far."""
    jid = _checked(options.jid)
    job = context.client.get(f"/v1/jobs/{jid}", Job)
    targets = context.client.get(f"/v1/jobs/{jid}/targets", JobTargets)
    view = view_of(context, options)
    json = as_json(context, options)
    if not json:
        context.note("\n".join(_about(job, context)))
    shown: Counter[Status] = Counter()
    slowest: tuple[float, str] | None = None
    for settled in chain(_returns(context, jid, options.match), _open(targets, options.match)):
        view.settled(settled)
        shown[settled.status] += 1
        if settled.started is not None and settled.finished is not None:
            took = (settled.finished - settled.started, settled.name)
            slowest = max(slowest or took, took)
    if options.match is not None and not shown:
        raise NotFound(f"no target of job {jid} matches {options.match!r}")
    totals = dict(shown) if options.match is not None else targets.counts
    view.finish(totals, slowest, None)
    return of_statuses(totals)


def _returns(context: Context, jid: JobId, match: str | None) -> Iterator[Settled]:
    path = f"/v1/jobs/{jid}/returns"
    decoder = msgspec.json.Decoder(Settled)
    for line in context.client.lines("GET", path, query={"match": match}):
        yield decoder.decode(line)


def _open(targets: JobTargets, match: str | None) -> Iterator[Settled]:
    for target in targets.targets:
        if target.status not in SETTLED and fnmatchcase(target.name, match or "*"):
            yield standing(target)


def _about(job: Job, context: Context) -> Iterator[str]:
    yield f"job {job.jid}: {one_line(_asked(job))}"
    yield f"  on {one_line(job.target)} ({job.target_kind}), by {one_line(job.user)}, {moment(job.created)}"
    if job.queue_until is not None and job.queue_until > context.now():
        yield f"  queued for who is offline, for another {span(job.queue_until - context.now())}"
    if job.cancelled_by is not None:
        yield f"  cancelled by {one_line(job.cancelled_by)}"


def watch(context: Context, options: argparse.Namespace) -> int:
    """Follow a job."""
    follower = Follower(context.client, view_of(context, options), output=options.show_output)
    return follower.watch(_checked(options.jid))


def wait(context: Context, options: argparse.Namespace) -> int:
    """Wait for a job's end; the exit code says how it went."""
    jid = _checked(options.jid)
    give_up = None if options.timeout is None else time.monotonic() + duration(options.timeout)

    def look() -> None:
        if give_up is not None and time.monotonic() > give_up:
            raise _Late

    try:
        return Follower(context.client, Quiet(context, look)).watch(jid)
    except _Late:
        context.note(f"job {jid} has not ended within {options.timeout}; it goes on")
        return ExitCode.STOPPED


class _Late(Exception):
    """The time is over."""


class Quiet(View):
    """Shows nothing; ``look`` is called now and then, and may raise."""

    def __init__(self, context: Context, look: Callable[[], None]) -> None:
        super().__init__(context)
        self.idle = look  # type: ignore[method-assign]


def export(context: Context, options: argparse.Namespace) -> int:
    """Write everything that is known of a job: itself, then each target, with all of what it returned."""
    jid = _checked(options.jid)
    context.emit({"event": "job", "job": context.client.get(f"/v1/jobs/{jid}", Job)})
    targets = context.client.get(f"/v1/jobs/{jid}/targets", JobTargets)
    view = JsonView(context)
    for settled in chain(_returns(context, jid, None), _open(targets, None)):
        view.settled(settled)
    return ExitCode.OK


def cancel(context: Context, options: argparse.Namespace) -> int:
    """Cancel a job; what was under way is being stopped when this returns."""
    jid = _checked(options.jid)
    tally = context.client.ask("POST", f"/v1/jobs/{jid}/cancel", Tally)
    if context.json:
        context.emit({"jid": jid, "counts": tally.counts})
        return ExitCode.OK
    words = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted_counts(tally.counts))
    open_ = sum(count for status, count in tally.counts.items() if status not in SETTLED)
    context.say([f"cancelled {jid}: {words}"])
    if open_:
        context.note(f"{counted(open_, 'agent')} still to stop: saltern job watch {jid}")
    return ExitCode.OK


def rerun(context: Context, options: argparse.Namespace) -> int:
    """Run a job again and follow it."""
    follower = Follower(context.client, view_of(context, options), output=options.show_output)
    return follower.start(
        f"/v1/jobs/{quoted(_checked(options.jid))}/rerun",
        {"failed": options.failed, "missing": options.missing},
    )
