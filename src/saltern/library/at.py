"""Commands that run once, later."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern.sdk import (
    BadArgument,
    Changes,
    Command,
    CommandFailed,
    Conflict,
    Done,
    Host,
    Moment,
    State,
)
from saltern.sdk.host import PLAIN_LOCALE

REQUIRES = ("at",)
#: The line in a job that says its tag; Salt's, so jobs that Salt has made are known.
_TAG = "### SALT: "
_LISTED = re.compile(r"(?P<job>\d+)\s+(?P<date>.+?\d{4})\s+(?P<queue>\S)\s+(?P<user>\S+)")

Job = dict[str, Any]


def atq(host: Host, tag: str | int | None = None) -> dict[str, list[Job]]:
    """Return the jobs that wait: ``{jobs: [{job, date, time, queue, user, tag}]}``.

    With ``tag`` those of that number, else those with that tag.

    Example:
        saltern run web1 at.atq
    """
    found = [_job(host, met) for line in host.run("atq").splitlines() if (met := _LISTED.match(line))]
    jobs = sorted(found, key=lambda one: int(one["job"]))
    if tag is None:
        return {"jobs": jobs}
    numbered = [one for one in jobs if str(one["job"]) == str(tag)]
    return {"jobs": numbered or [one for one in jobs if one["tag"] == str(tag)]}


def at(host: Host, timespec: str, cmd: str, tag: str = "", runas: str | None = None) -> dict[str, list[Job]]:
    """Have a command run once; return the job as ``at.atq`` does. Raises CommandFailed for no time.

    ``timespec`` is a time as at(1) knows it: ``now + 1 hour``, ``9:09 11/12/2030``. ``runas`` runs it as
    that account.

    Example:
        saltern run web1 at.at 'now + 10 min' '/usr/bin/backup' tag=backup
    """
    words = timespec.split()
    if not words or any(word.startswith("-") for word in words) or "\n" in tag:
        raise BadArgument(
            f"timespec = {timespec!r} or tag = {tag!r} can't be meant", hint="write now + 1 hour"
        )
    script = f"{_TAG}{tag}\n{cmd}\n" if tag else f"{cmd}\n"
    command = Command(argv=("at", *words), stdin=script.encode(), user=runas, env=PLAIN_LOCALE, timeout=60.0)
    done = host.execute(command)
    said = done.stderr.decode(errors="replace")
    met = re.search(r"^job (\d+) at ", said, re.MULTILINE)
    if done.retcode != 0 or met is None:
        raise CommandFailed(f"at {timespec}: {said.strip()}", retcode=done.retcode or 1)
    return atq(host, int(met[1]))


def atc(host: Host, jobid: int) -> str:
    """Return what a job will run, its environment included. Raises CommandFailed for no such job.

    Example:
        saltern run web1 at.atc 7
    """
    return host.run("at", "-c", str(jobid))


def atrm(host: Host, *args: str) -> dict[str, Any]:
    """Remove jobs by their numbers, or by a tag, or ``all``; return ``{jobs: {removed, tag}}``.

    Example:
        saltern run web1 at.atrm 7 8
    """
    if not args:
        raise BadArgument("at.atrm: which jobs?", hint="give numbers, a tag, or all")
    jobs = atq(host)["jobs"]
    meant = [one for one in jobs if "all" in args or str(one["job"]) in args or one["tag"] in args]
    numbers = [str(one["job"]) for one in meant]
    if numbers:
        host.run("atrm", *numbers)
    tags = [one for one in args if one != "all" and not one.isdigit()]
    return {"jobs": {"removed": numbers, "tag": tags[0] if tags else None}}


def jobcheck(
    host: Host,
    tag: str | None = None,
    runas: str | None = None,
    hour: int | None = None,
    minute: int | None = None,
    day: int | None = None,
    month: int | None = None,
    year: int | None = None,
) -> dict[str, Any]:
    """Return the jobs that fit all that is given: ``{jobs}``, with a note where none does.

    Example:
        saltern run web1 at.jobcheck tag=backup hour=9
    """
    wanted = {"tag": tag, "user": runas}
    moment = {"hour": hour, "minute": minute, "day": day, "month": month, "year": year}
    if all(value is None for value in (*wanted.values(), *moment.values())):
        raise BadArgument("at.jobcheck: nothing is asked for", hint="tag=, runas=, hour=, minute=, day= …")
    found = [one for one in atq(host)["jobs"] if _fits(one, wanted, moment)]
    return {"jobs": found} if found else {"note": "No match jobs or time format error", "jobs": []}


class Present(State, frozen=True, kw_only=True):
    """Have a command run once; ``name`` is the command, ``job`` another way to say it.

    With ``tag`` it is added unless a job with that tag and command waits; with ``unique_tag`` unless any with
    the tag does. Without a tag a job can't be told from others, so each run adds one.

    Example:
        - at.present: {name: /usr/bin/backup, timespec: now + 1 day, tag: backup, unique_tag: true}
    """

    LOOKS_AGAIN: ClassVar[bool] = False  # without a tag there is nothing to find it by

    timespec: str
    tag: str = ""
    user: str | None = None
    job: str | None = None
    unique_tag: bool = False

    def check(self, host: Host) -> Changes:
        """Return that a job has to be added."""
        command = self.job or self.name
        if self.unique_tag and not self.tag:
            raise Conflict("a unique tag needs a tag", hint="write - tag: x")
        if self.tag and any(self._is_it(host, one) for one in atq(host, self.tag)["jobs"]):
            return Changes()
        would = f"job {command} added and will run on {self.timespec}"
        return Changes({"job": command, "timespec": self.timespec, "tag": self.tag}, comment=would)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Add it. Raises CommandFailed."""
        command = self.job or self.name
        (made,) = at(host, self.timespec, command, self.tag, self.user)["jobs"] or [dict(changes)]
        return Done(changes=made, comment=f"job {command} added and will run on {self.timespec}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"atleast one job with tag {self.tag} exists."

    def _is_it(self, host: Host, job: Job) -> bool:
        if self.user not in (None, job["user"]):
            return False
        return self.unique_tag or atc(host, job["job"]).rstrip().endswith(f"\n{self.job or self.name}")


class Absent(State, frozen=True, kw_only=True):
    """Remove jobs: that with the number ``jobid``, those with ``tag``, ``user`` or time, or with none all.

    Example:
        - at.absent: {name: no backups, tag: backup}
    """

    jobid: int | None = None
    tag: str | None = None
    runas: str | None = None
    user: str | None = None
    hour: int | None = None
    minute: int | None = None
    day: int | None = None
    month: int | None = None
    year: int | None = None

    def check(self, host: Host) -> Changes:
        """Return the numbers of the jobs that have to go."""
        numbers = [str(one["job"]) for one in atq(host)["jobs"] if self._is_meant(one)]
        return Changes({"removed": numbers} if numbers else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove them. Raises CommandFailed."""
        host.run("atrm", *changes["removed"])

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        word = "would be removed" if moment is Moment.WOULD else "removed"
        return f"{word} {len(changes.get('removed', ()))} job(s)"

    def _is_meant(self, job: Job) -> bool:
        moment = {
            "hour": self.hour,
            "minute": self.minute,
            "day": self.day,
            "month": self.month,
            "year": self.year,
        }
        wanted = {"tag": self.tag, "user": self.runas or self.user}
        return self.jobid in (None, job["job"]) and _fits(job, wanted, moment)


def _fits(job: Job, wanted: Mapping[str, Any], moment: Mapping[str, int | None]) -> bool:
    year, month, day = map(int, job["date"].split("-"))
    hour, minute, _ = map(int, job["time"].split(":"))
    at_ = {"hour": hour, "minute": minute, "day": day, "month": month, "year": year}
    same = all(value in (None, job[name]) for name, value in wanted.items())
    return same and all(value in (None, at_[name]) for name, value in moment.items())


def _job(host: Host, met: re.Match[str]) -> Job:
    """Return a job as people see it, with the tag that is written in it."""
    moment = time.strptime(met["date"], "%a %b %d %H:%M:%S %Y")
    lines = atc(host, int(met["job"])).splitlines()
    tags = [line.removeprefix(_TAG) for line in lines if line.startswith(_TAG)]
    return {
        "job": int(met["job"]),
        "date": time.strftime("%Y-%m-%d", moment),
        "time": time.strftime("%H:%M:%S", moment),
        "queue": met["queue"],
        "user": met["user"],
        "tag": tags[0].strip() if tags else "",
    }
