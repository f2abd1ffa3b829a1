"""``saltern why``: explain how a state ended on a host, by what is otherwise where it went well."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import msgspec

from saltern.api.replies import Broken
from saltern.cli.client import quoted
from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.highstate import is_highstate
from saltern.cli.why import Found, alike, chosen, compare, told
from saltern.foundation.errors import NotFound, SalternError, UsageError, nearest
from saltern.model.ids import JobId, is_job_id
from saltern.model.update import Settled, Update

USAGE = "saltern why [OPTIONS] JOB HOST [STATE]"
EXAMPLES = """
  saltern why 20261122130500123456 web3                    (all that failed there)
  saltern why 20261122130500123456 web3 nginx-config
  saltern why 20261122130500123456 web3 'file.managed motd' --no-ask
"""
#: Hosts where it went well that are asked what was written there.
_ASKED = 3
_settled = msgspec.json.Decoder(Settled | Broken)
_update = msgspec.json.Decoder(Update | Broken)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("jid", metavar="JOB", help="the job's id, as `saltern job list` shows it")
    parser.add_argument("host", metavar="HOST", help="the agent's name")
    parser.add_argument("state", nargs="?", metavar="STATE", help="an id, a name, or 'file.managed ID'")
    parser.add_argument(
        "--no-ask", action="store_true", help="ask no agent; only what the job returned (starts no job)"
    )
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Explain each state meant."""
    if not is_job_id(options.jid):
        raise UsageError(f"{options.jid!r} is not a job id", hint="it has 20 digits; see `saltern job list`")
    jid = JobId(options.jid)
    everybody = {line.name: line for line in _returns(context, jid)}
    here = everybody.get(options.host)
    if here is None:
        raise NotFound(
            f"{options.host!r} has returned nothing in job {jid}", hint=f"see `saltern job show {jid}`"
        )
    results = _results(context, here)
    if not results:
        said = (here.error or {}).get("message") or here.reason or "its return holds no states"
        raise NotFound(f"no state was run on {here.name}: {said}")
    keys = chosen(results, options.state)
    if not keys:
        hint = nearest(options.state or "", map(alike, results)) if options.state else "name one to look at"
        what = f"no state {options.state!r}" if options.state else "no state that failed"
        raise NotFound(f"job {jid} had {what} on {here.name}", hint=hint)
    others = [(name, _results(context, line)) for name, line in everybody.items() if name != here.name]
    for key in keys:
        found = Found(job=jid, host=here.name, key=key, result=results[key], snapshot=here.snapshot)
        compare(found, others)
        if found.well and not options.no_ask:
            _ask(context, found)
        context.emit(found) if context.json else context.say([*told(found, context.style), ""])
    return ExitCode.OK


def _returns(context: Context, jid: JobId) -> Iterator[Settled]:
    for line in context.client.lines("GET", f"/v1/jobs/{jid}/returns"):
        read = _settled.decode(line)
        if isinstance(read, Broken):
            raise NotFound(read.error.message, hint=read.error.hint)
        yield read


def _results(context: Context, line: Settled) -> dict[str, dict[str, Any]]:
    """Return a host's states; nothing when it returned none."""
    if not isinstance(line.data, msgspec.UnsetType):
        data = bytes(line.data)
    elif line.size:
        data = b"".join(context.client.pieces(f"/v1/jobs/{line.jid}/returns/{quoted(line.key)}"))
    else:
        return {}
    found = msgspec.json.decode(data)
    return found if is_highstate(found) else {}


def _ask(context: Context, found: Found) -> None:
    """Ask the host, and some where it went well, what was written there."""
    asked = [found.host, *sorted(found.well)[:_ASKED]]
    body = {
        "target": ",".join(asked),
        "kind": "list",
        "fun": "state.explain",
        "kwargs": {"run": found.job, "state": alike(found.key)},
        "timeout": 30.0,
    }
    try:
        for line in context.client.lines("POST", "/v1/jobs", query={"stream": True}, body=body):
            update = _update.decode(line)
            if isinstance(update, Settled):
                _take(found, update)
    except SalternError as error:
        found.unasked = error.message


def _take(found: Found, line: Settled) -> None:
    if isinstance(line.data, msgspec.UnsetType) or line.error:
        found.unasked = str((line.error or {}).get("message") or line.reason or line.status)
    else:
        found.written[line.name] = msgspec.json.decode(line.data)
