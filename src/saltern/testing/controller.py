"""A controller in memory: a fleet that you describe, functions that you script. For API and CLI tests."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from saltern import __version__
from saltern.foundation.errors import Conflict, NotFound, UsageError
from saltern.identity.authorise import Action, Decision, Principal, Targets
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey, JobId, fingerprint, new_job_id
from saltern.model.job import Job, Tally, Target
from saltern.model.mine import MineItem
from saltern.model.request import RunRequest, TokenRequest
from saltern.model.returner import Retried, ReturnerStatus, Tried, Undelivered
from saltern.model.status import SETTLED, Status
from saltern.model.system import AuditEntry, AuditReport, ControllerStatus, Happening
from saltern.model.token import NewToken, Token
from saltern.model.update import Begun, Counted, Ended, Output, Settled, Update
from saltern.targeting import Reason
from saltern.testing.files import FakeFiles
from saltern.testing.pillars import FakePillars
from saltern.testing.plans import FakeDrift, FakePlans

#: Data larger than this is not sent in a line, as the real controller does it.
LINE = 256 * 1024
_EPOCH = 1_750_000_000.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent does with a job: ``data`` is its JSON; with ``held`` it stays running until settled."""

    status: Status = Status.OK
    data: bytes = b""
    retcode: int | None = 0
    reason: str = ""
    error: dict[str, Any] | None = None
    output: tuple[tuple[str, str], ...] = ()  # stream, text
    held: bool = False


Script = Callable[[Agent, RunRequest], Answer]


def value(data: Any, **fields: Any) -> Answer:
    """Return an Answer with ``data`` as its JSON."""
    return Answer(data=msgspec.json.encode(data), **fields)


def agent_key(name: str) -> AgentKey:
    """Return a key that only ``name`` has in this fake world."""
    return AgentKey("U" + base64.b32encode(hashlib.sha512(name.encode()).digest()).decode()[:55])


class FakeController(FakePillars):
    """Fits ``saltern.api.facade.Controller``. Time moves by a second whenever somebody looks."""

    def __init__(self) -> None:
        self.fleet: dict[AgentKey, Agent] = {}
        self.functions: dict[str, Script] = {"test.ping": lambda agent, request: value(True)}
        self.decisions: list[Decision] = []
        self.refusals: list[tuple[str, Action, str]] = []
        super().__init__()
        self.watching = 0
        self._made: dict[str, Token] = {}
        self._jobs: dict[JobId, Job] = {}
        self._parts: dict[JobId, dict[AgentKey, Target]] = {}
        self._returns: dict[JobId, dict[AgentKey, Settled]] = {}
        self._data: dict[tuple[JobId, AgentKey], bytes] = {}
        self._history: dict[JobId, list[Update]] = {}
        self._changed = asyncio.Event()
        self.plans = FakePlans(self.run, self.now)
        self.drift = FakeDrift()
        self.files = FakeFiles(self.decisions)
        self._now = _EPOCH
        self.happenings: list[Happening] = []
        self.mine: dict[AgentKey, dict[str, Any]] = {}
        self.returners: dict[str, ReturnerStatus] = {}
        self.undelivered: list[Undelivered] = []

    # --- describing the world -------------------------------------------------------------------------

    def now(self) -> float:
        """Return the time, which is a second later at every look."""
        self._now += 1.0
        return self._now

    def add(self, *names: str, **fields: Any) -> None:
        """Add agents: accepted and online unless ``fields`` of Agent say otherwise."""
        for name in names:
            given = {"state": KeyState.ACCEPTED, "online": True, "version": __version__, **fields}
            key = given.pop("key", agent_key(name))
            self.fleet[key] = Agent(
                key=key, name=name, fingerprint=fingerprint(key), created=_EPOCH, since=_EPOCH, **given
            )

    def settle(self, jid: JobId, name: str, answer: Answer) -> None:
        """End a held target."""
        key = next(key for key, part in self._parts[jid].items() if part.name == name)
        if self._parts[jid][key].proven:
            raise ValueError(f"{name} has already returned for {jid}")
        self._settle(jid, key, answer)
        self._count(jid)
        self._tell()

    def happen(self, event: Happening) -> None:
        """Let an event happen."""
        self.happenings.append(event)
        self._tell()

    # --- the facade -----------------------------------------------------------------------------------

    async def refused(self, principal: Principal, action: Action, reason: str) -> None:
        """Note that somebody was not allowed; see ``refusals``."""
        self.refusals.append((principal.name, action, reason))

    def resolve(self, expression: str, kind: str, delimiter: str = ":") -> Targets:
        """Resolve globs and comma lists among accepted agents."""
        if kind not in ("glob", "list"):
            raise UsageError(f"unknown target kind {kind!r}", where="kind")
        words = expression.split(",")
        members = {
            agent.key: agent.name
            for agent in sorted(self.fleet.values(), key=lambda agent: agent.name)
            if agent.state is KeyState.ACCEPTED and any(fnmatchcase(agent.name, word) for word in words)
        }
        return Targets(members, expression, kind)

    def explain(self, expression: str, kind: str, delimiter: str = ":") -> dict[AgentKey, Reason]:
        """Return that the whole expression means each agent."""
        members = self.resolve(expression, kind).members
        return {key: Reason(text=expression, matched=True, seen=name) for key, name in members.items()}

    async def run(self, decision: Decision, request: RunRequest) -> Job:
        """Let every online target answer as scripted, the offline ones be offline or queued."""
        decision.require(Action.JOB_RUN)
        self.decisions.append(decision)
        targets = decision.targets
        job = Job(
            jid=new_job_id(self.now()),
            fun=request.fun,
            args=request.args,
            kwargs=request.kwargs,
            target=targets.expression,
            target_kind=targets.kind,
            user=decision.principal.name,
            created=self._now,
            timeout=request.timeout or 60.0,
            queue_until=self._now + request.queue if request.queue else None,
        )
        self._begin(job, targets)
        for key in sorted(targets.members, key=lambda key: targets.members[key]):
            self._run_one(job, self.fleet[key], request)
            self._count(job.jid)
        self._tell()
        return job

    def _begin(self, job: Job, targets: Targets) -> None:
        self._jobs[job.jid] = job
        self._history[job.jid] = [Begun(job=job, targets=len(targets.members))]
        self._returns[job.jid] = {}
        self._parts[job.jid] = {
            key: Target(jid=job.jid, key=key, name=name, status=Status.SENT, updated=job.created)
            for key, name in targets.members.items()
        }

    def _run_one(self, job: Job, agent: Agent, request: RunRequest) -> None:
        if not agent.online:
            if job.queue_until is not None:
                self._move(job.jid, agent.key, Status.QUEUED)
                return
            reason = "not connected"
            self._settle(job.jid, agent.key, Answer(status=Status.OFFLINE, retcode=None, reason=reason))
            return
        script = self.functions.get(request.fun)
        answer = script(agent, request) if script else _unknown(request.fun)
        for stream, text in answer.output:
            self._history[job.jid].append(
                Output(jid=job.jid, key=agent.key, name=agent.name, stream=stream, data=text)
            )
        if answer.held:
            self._move(job.jid, agent.key, Status.RUNNING)
        else:
            self._settle(job.jid, agent.key, answer)

    def _move(self, jid: JobId, key: AgentKey, status: Status, **fields: Any) -> None:
        part = self._parts[jid][key]
        self._parts[jid][key] = msgspec.structs.replace(part, status=status, updated=self._now, **fields)

    def _settle(self, jid: JobId, key: AgentKey, answer: Answer) -> None:
        if answer.status not in SETTLED:
            raise ValueError(f"{answer.status} is not an end")
        proven = answer.status not in (Status.OFFLINE, Status.UNRESPONSIVE)
        times: dict[str, Any] = {"started": self._now, "finished": self._now + 0.25} if proven else {}
        self._move(
            jid, key, answer.status, proven=proven, reason=answer.reason, size=len(answer.data), **times
        )
        inline = answer.data and len(answer.data) <= LINE
        settled = Settled(
            jid=jid,
            key=key,
            name=self._parts[jid][key].name,
            status=answer.status,
            reason=answer.reason,
            retcode=answer.retcode,
            error=answer.error,
            data=msgspec.Raw(answer.data) if inline else msgspec.UNSET,
            size=len(answer.data),
            **times,
        )
        self._returns[jid][key] = settled
        self._history[jid].append(settled)
        if answer.data:
            self._data[jid, key] = answer.data

    def _count(self, jid: JobId) -> None:
        counts = self._counts(jid)
        self._history[jid].append(Counted(jid=jid, counts=counts))
        if Tally(counts).settled:
            self._history[jid].append(Ended(jid=jid, counts=counts))

    def _counts(self, jid: JobId) -> dict[Status, int]:
        return dict(Counter(part.status for part in self._parts[jid].values()))

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def watch(self, jid: JobId, *, output: bool = False) -> AsyncIterator[Update]:
        """Yield the job's history and what comes, until its end."""
        await self.job(jid)
        self.watching += 1
        position = 0
        try:
            while True:
                changed = self._changed
                history = self._history[jid]
                for update in history[position:]:
                    if output or not isinstance(update, Output):
                        yield update
                    if isinstance(update, Ended):
                        return
                position = len(history)
                await changed.wait()
        finally:
            self.watching -= 1

    async def cancel(self, decision: Decision, jid: JobId) -> Tally:
        """Cancel every target that has not ended."""
        decision.require(Action.JOB_CANCEL)
        self.decisions.append(decision)
        await self.job(jid)
        for key, part in self._parts[jid].items():
            if part.status not in SETTLED:
                self._settle(jid, key, Answer(status=Status.CANCELLED, retcode=None, reason="cancelled"))
        self._count(jid)
        self._tell()
        return Tally(self._counts(jid))

    async def job(self, jid: JobId) -> Job:
        """Return a job."""
        if jid not in self._jobs:
            raise NotFound(f"no job {jid}", hint="see `saltern job list`")
        return self._jobs[jid]

    async def targets(self, jid: JobId, statuses: Collection[Status] | None = None) -> list[Target]:
        """Return a job's targets by name."""
        await self.job(jid)
        parts = [part for part in self._parts[jid].values() if statuses is None or part.status in statuses]
        return sorted(parts, key=lambda part: part.name)

    async def jobs(
        self,
        *,
        limit: int,
        before: JobId | None = None,
        user: str | None = None,
        fun: str | None = None,
        target: str | None = None,
        since: float | None = None,
        until: float | None = None,
        status: Status | None = None,
        text: str | None = None,
    ) -> list[Job]:
        """Return jobs, newest first."""

        def fits(job: Job) -> bool:
            parts = self._parts[job.jid].values()
            return (
                (before is None or job.jid < before)
                and (user is None or job.user == user)
                and (fun is None or fnmatchcase(job.fun, fun))
                and (target is None or any(part.name == target for part in parts))
                and (since is None or job.created >= since)
                and (until is None or job.created <= until)
                and (status is None or any(part.status is status for part in parts))
                and (text is None or text in str((job.args, job.kwargs)))
            )

        return [job for _, job in sorted(self._jobs.items(), reverse=True) if fits(job)][:limit]

    async def returns(self, jid: JobId, names: str | None) -> AsyncIterator[Settled]:
        """Yield settled targets."""
        for settled in list(self._returns[jid].values()):
            if names is None or fnmatchcase(settled.name, names):
                yield settled

    async def data(self, jid: JobId, key: AgentKey) -> AsyncIterator[bytes]:
        """Yield a return's JSON in pieces of 256 KiB."""
        if (jid, key) not in self._data:
            raise NotFound("this target returned no data")
        data = self._data[jid, key]
        for start in range(0, len(data), LINE):
            yield data[start : start + LINE]

    async def agents(self) -> list[Agent]:
        """Return all agents."""
        return list(self.fleet.values())

    async def change_keys(self, decision: Decision, verb: str) -> list[Agent]:
        """Change the state of keys."""
        decision.require(Action.KEY_CHANGE)
        self.decisions.append(decision)
        return [self._change_key(key, verb) for key in decision.targets.members]

    def _change_key(self, key: AgentKey, verb: str) -> Agent:
        agent = self.fleet[key]
        if verb == "delete":
            return self.fleet.pop(key)
        if agent.state is KeyState.REVOKED:
            raise Conflict(f"the key of {agent.name} is revoked for ever")
        state = {"accept": KeyState.ACCEPTED, "reject": KeyState.REJECTED, "revoke": KeyState.REVOKED}[verb]
        self.fleet[key] = msgspec.structs.replace(agent, state=state)
        return self.fleet[key]

    async def create_token(self, decision: Decision, request: TokenRequest) -> NewToken:
        """Make a token."""
        decision.require(Action.TOKEN_CHANGE)
        self.decisions.append(decision)
        now = self.now()
        token = Token(
            id=f"token-{len(self._made) + 1}",
            created=now,
            expires=now + request.ttl,
            uses_left=request.uses,
            id_pattern=request.id_pattern,
            grains=request.grains,
            creator=decision.principal.name,
            note=request.note,
        )
        self._made[token.id] = token
        return NewToken(id=token.id, text=f"secret-of-{token.id}", expires=token.expires, uses=request.uses)

    async def tokens(self) -> list[Token]:
        """Return tokens, newest first."""
        return list(reversed(self._made.values()))

    async def revoke_token(self, decision: Decision, token: str) -> Token:
        """Revoke a token."""
        decision.require(Action.TOKEN_CHANGE)
        self.decisions.append(decision)
        if token not in self._made:
            raise NotFound(f"no token {token!r}", hint="see `saltern token list`")
        self._made[token] = msgspec.structs.replace(self._made[token], revoked=self.now())
        return self._made[token]

    async def mine_items(self, members: Mapping[AgentKey, str]) -> list[MineItem]:
        """Return the entries of ``mine``, all from the beginning."""
        return [
            MineItem(key=key, name=name, function=function, updated=_EPOCH, size=len(repr(value)))
            for key, name in members.items()
            for function, value in self.mine.get(key, {}).items()
        ]

    async def mine_data(self, members: Mapping[AgentKey, str], functions: Collection[str]) -> dict[str, Any]:
        """Return what is in ``mine``."""
        return {
            one: {name: self.mine[key][one] for key, name in members.items() if one in self.mine.get(key, {})}
            for one in functions
        }

    async def delete_mine(self, decision: Decision, functions: Collection[str] | None) -> int:
        """Delete from ``mine``."""
        decision.require(Action.MINE_CHANGE)
        self.decisions.append(decision)
        owned = [self.mine.get(key, {}) for key in decision.targets.members]
        gone = [(one, name) for one in owned for name in list(one) if functions is None or name in functions]
        for one, name in gone:
            del one[name]
        return len(gone)

    async def events(self, pattern: str) -> AsyncIterator[Happening]:
        """Yield what happens from now on."""
        position = len(self.happenings)
        self.watching += 1
        try:
            while True:
                changed = self._changed
                for event in self.happenings[position:]:
                    if fnmatchcase(event.tag, pattern):
                        yield event
                position = len(self.happenings)
                await changed.wait()
        finally:
            self.watching -= 1

    async def status(self) -> ControllerStatus:
        """Return the fake's health."""
        accepted = [agent for agent in self.fleet.values() if agent.state is KeyState.ACCEPTED]
        return ControllerStatus(
            version=__version__,
            started=_EPOCH,
            pid=1,
            fabric="memory",
            database="memory",
            agents=len(accepted),
            online=sum(agent.online for agent in accepted),
            pending=sum(agent.state is KeyState.PENDING for agent in self.fleet.values()),
            jobs=sum(not Tally(self._counts(jid)).settled for jid in self._jobs),
        )

    async def returners_status(self) -> list[ReturnerStatus]:
        """Return what the test has put into ``returners``."""
        return list(self.returners.values())

    async def refused_returns(self, name: str, *, limit: int) -> list[Undelivered]:
        """Return what the test has put into ``undelivered``."""
        self._returner(name)
        return self.undelivered[:limit]

    async def retry_returner(self, decision: Decision, name: str) -> Retried:
        """Forget what was refused."""
        decision.require(Action.SYSTEM_CHANGE)
        self.decisions.append(decision)
        self._returner(name)
        count, self.undelivered = len(self.undelivered), []
        return Retried(name=name, count=count)

    async def test_returner(self, decision: Decision, name: str) -> Tried:
        """Go as well as the last delivery did."""
        decision.require(Action.SYSTEM_CHANGE)
        self.decisions.append(decision)
        return Tried(name=name, seconds=0.01, error=self._returner(name).error)

    def _returner(self, name: str) -> ReturnerStatus:
        if name not in self.returners:
            raise NotFound(f"there is no returner {name!r}")
        return self.returners[name]

    async def audit(self, *, after: int, limit: int) -> list[AuditEntry]:
        """Return what was decided, as an audit log would have it."""
        return [
            AuditEntry(
                seq=number,
                at=_EPOCH,
                principal=decision.principal.name,
                action=decision.action,
                target=decision.targets.expression,
                decision="allowed",
                arguments="{}",
                previous="",
                hash="",
            )
            for number, decision in enumerate(self.decisions, 1)
        ][after : after + limit]

    async def accept_audit_loss(self, decision: Decision) -> AuditEntry:
        """Nothing is ever lost here."""
        raise Conflict("the audit log is whole: nothing was lost")

    async def verify_audit(self) -> AuditReport:
        """Report a log with one entry for each decision."""
        return AuditReport(whole=True, entries=len(self.decisions), head="0" * 64)


def _unknown(fun: str) -> Answer:
    error = {"kind": "not_found", "message": f"no function {fun!r}", "hint": "see `saltern doc`"}
    return Answer(status=Status.FAILED, retcode=1, error=error)
