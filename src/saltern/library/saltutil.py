"""The agent that runs this: its jobs, its grains."""

from __future__ import annotations

import signal
from typing import Any

from saltern.sdk import AgentControl, BadArgument, Host, RunningJob, Unavailable

ALIASES = {"pillar_refresh": "refresh_pillar", "sync_outputters": "sync_output"}


def running(host: Host) -> list[dict[str, Any]]:
    """Return the jobs at work, without this one: each ``{jid, fun, arg, kwargs, pid, user, started}``.

    Example:
        saltern run '*' saltutil.running
    """
    agent = _agent(host)
    return [_shown(job) for job in agent.running_jobs() if job.jid != agent.jid]


def find_job(host: Host, jid: str) -> dict[str, Any]:
    """Return a job that is at work on the agent; an empty mapping when it isn't.

    Example:
        saltern run '*' saltutil.find_job 20261122131908123456
    """
    return next((_shown(job) for job in _agent(host).running_jobs() if job.jid == jid), {})


def is_running(host: Host, fun: str) -> list[dict[str, Any]]:
    """Return the jobs at work whose function matches a shell pattern, without this one.

    Example:
        saltern run '*' saltutil.is_running 'state.*'
    """
    from fnmatch import fnmatchcase

    return [job for job in running(host) if fnmatchcase(job["fun"], fun)]


def signal_job(host: Host, jid: str, sig: int | str) -> str:
    """Send a signal, by number or name, to all of a job's processes; return what was done.

    Example:
        saltern run '*' saltutil.signal_job 20261122131908123456 HUP
    """
    number = _number(sig)
    if _agent(host).signal_job(jid, number):
        return f"Signal {number} sent to job {jid}"
    host.fail(1)
    return f"Job {jid} does not run here"


def term_job(host: Host, jid: str) -> str:
    """Ask a job to end (SIGTERM).

    Example:
        saltern run '*' saltutil.term_job 20261122131908123456
    """
    return signal_job(host, jid, signal.SIGTERM)


def kill_job(host: Host, jid: str) -> str:
    """End a job at once (SIGKILL).

    Example:
        saltern run '*' saltutil.kill_job 20261122131908123456
    """
    return signal_job(host, jid, signal.SIGKILL)


def term_all_jobs(host: Host) -> list[str]:
    """Ask every other job on the agent to end (SIGTERM).

    Example:
        saltern run '*' saltutil.term_all_jobs
    """
    return [term_job(host, job["jid"]) for job in running(host)]


def kill_all_jobs(host: Host) -> list[str]:
    """End every other job on the agent at once (SIGKILL).

    Example:
        saltern run '*' saltutil.kill_all_jobs
    """
    return [kill_job(host, job["jid"]) for job in running(host)]


def clear_job_cache(host: Host, hours: float = 24) -> int:
    """Forget the jobs that ended more than ``hours`` ago; return how many.

    Example:
        saltern run '*' saltutil.clear_job_cache hours=12
    """
    return _agent(host).clear_job_cache(hours)


def refresh_grains(host: Host) -> bool:
    """Collect the grains anew and publish them; return true when they are out.

    Example:
        saltern run '*' saltutil.refresh_grains
    """
    _agent(host).refresh_grains()
    host.forget_grains()
    return True


def refresh_pillar(host: Host) -> bool:
    """Have the pillar made anew and return true. Raises when it does not render, with file and line.

    Each job asks for the pillar as it is then, so nothing has to be refreshed before another job.

    Example:
        saltern run '*' saltutil.refresh_pillar
    """
    host.supply.forget_pillar()
    _ = host.supply.pillar
    return True


def sync_all(host: Host, refresh: bool = True) -> dict[str, list[str]]:
    """Note the file roots' code; return by kind what is new or has changed: ``{modules: [modules.web]}``.

    Functions, states, renderers and utilities are found without this, as they are when a job begins. Two
    things wait for it, or for a run of states: grains of the file roots, which are collected anew unless
    ``refresh`` is false, and functions that take the place of our own in calls from outside.

    Example:
        saltern run '*' saltutil.sync_all
    """
    found = {kind: list(new) for kind, new in host.supply.sync(host).items()}
    _collect_anew(host, found["grains"], refresh)
    return found


def sync_modules(host: Host, refresh: bool = True) -> list[str]:
    """Note the file roots' functions (``_modules``); return the new and the changed, as ``sync_all`` does.

    Example:
        saltern run '*' saltutil.sync_modules
    """
    return _synced(host, "modules", refresh)


def sync_states(host: Host, refresh: bool = True) -> list[str]:
    """Note the file roots' states (``_states``); return the new and the changed, as ``sync_all`` does.

    Example:
        saltern run '*' saltutil.sync_states
    """
    return _synced(host, "states", refresh)


def sync_grains(host: Host, refresh: bool = True) -> list[str]:
    """Note the file roots' grains (``_grains``); return the new and the changed, as ``sync_all`` does.

    Example:
        saltern run '*' saltutil.sync_grains
    """
    return _synced(host, "grains", refresh)


def sync_renderers(host: Host, refresh: bool = True) -> list[str]:
    """Note the file roots' renderers (``_renderers``); return the new and the changed, as ``sync_all`` does.

    Example:
        saltern run '*' saltutil.sync_renderers
    """
    return _synced(host, "renderers", refresh)


def sync_utils(host: Host, refresh: bool = True) -> list[str]:
    """Note the file roots' utilities (``_utils``); return the new and the changed, as ``sync_all`` does.

    Example:
        saltern run '*' saltutil.sync_utils
    """
    return _synced(host, "utils", refresh)


def sync_returners(host: Host, refresh: bool = True) -> list[str]:
    """Note the file roots' returners (``_returners``); return the new and the changed, as ``sync_all`` does.

    Example:
        saltern run '*' saltutil.sync_returners
    """
    return _synced(host, "returners", refresh)


def sync_output(host: Host, refresh: bool = True) -> list[str]:
    """Note the file roots' outputters (``_output``); return the new and the changed, as ``sync_all`` does.

    Example:
        saltern run '*' saltutil.sync_output
    """
    return _synced(host, "output", refresh)


def refresh_modules(host: Host) -> bool:
    """Return true: each job finds the modules as they are when it begins.

    Example:
        saltern run '*' saltutil.refresh_modules
    """
    return True


def _synced(host: Host, kind: str, refresh: bool) -> list[str]:
    new = list(host.supply.sync(host, (kind,))[kind])
    _collect_anew(host, new if kind in ("grains", "utils") else [], refresh)
    return new


def _collect_anew(host: Host, new: list[str], refresh: bool) -> None:
    if new and refresh and host.agent is not None:
        refresh_grains(host)


def _agent(host: Host) -> AgentControl:
    if host.agent is None:
        raise Unavailable(
            "no agent runs this call", hint="saltutil works through an agent: saltern run TARGET saltutil.…"
        )
    return host.agent


def _shown(job: RunningJob) -> dict[str, Any]:
    return {
        "jid": job.jid,
        "fun": job.fun,
        "arg": list(job.args),
        "kwargs": job.kwargs,
        "pid": job.pid,
        "user": job.user,
        "started": job.started,
    }


def _number(sig: int | str) -> int:
    text = str(int(sig) if isinstance(sig, int) else sig).upper().removeprefix("SIG")
    if text.isdigit() and int(text) in signal.valid_signals():
        return int(text)
    try:
        return int(signal.Signals[f"SIG{text}"])
    except KeyError:
        raise BadArgument(f"no signal {sig!r}", hint="write a number or a name: 15, TERM") from None
