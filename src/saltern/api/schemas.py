"""What requests hold, where that is not a value of the model. Unknown fields are refused."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from saltern.model.agent import KeyState
from saltern.model.drift import DriftState
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Rollout
from saltern.model.status import Status

Seconds = Annotated[float, Meta(gt=0, description="Seconds.")]
Moment = Annotated[float, Meta(ge=0, description="Seconds since the epoch, UTC.")]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people write: a field that does not exist is an error."""


#: What stands between the steps of a path in a term (``os:family``).
Delimiter = Annotated[str, Meta(min_length=1, max_length=8)]


class NewJob(Strict, frozen=True, kw_only=True):
    """Run a function on agents. Without ``timeout`` the controller's default holds."""

    target: Annotated[str, Meta(min_length=1, description="Who: an expression of the kind below.")]
    kind: str = "glob"
    delimiter: Delimiter = ":"
    fun: Annotated[str, Meta(min_length=1, description="What: module.function.")]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    timeout: Seconds | None = None
    queue: Seconds | None = None
    subset: Annotated[int, Meta(ge=1, description="Only so many of them, chosen at random.")] | None = None
    rollout: Rollout | None = None
    returners: Annotated[
        tuple[str, ...], Meta(description="Who else gets the returns, beside those that always do.")
    ] = ()


class Rerun(Strict, frozen=True, kw_only=True):
    """Run a job again on the agents it had.

    ``failed``: only where it did not end ok; ``missing``: only where it is not known to have run to an end.
    """

    failed: bool = False
    missing: bool = False


class NewPlan(Strict, frozen=True, kw_only=True):
    """Look what a run of ``states`` (without any: of the highstate) would change on agents.

    The plan can be applied for ``lifetime`` seconds; without it the controller's default holds.
    """

    target: Annotated[str, Meta(min_length=1, description="Who: an expression of the kind below.")]
    kind: str = "glob"
    delimiter: Delimiter = ":"
    states: tuple[str, ...] = ()
    saltenv: str = "base"
    pillar: dict[str, Any] = {}
    exclude: tuple[str, ...] = ()
    lifetime: Seconds | None = None


class Approval(Strict, frozen=True, kw_only=True):
    """Why a plan is approved. With ``fingerprint``, only if the plan has that one."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000)]
    fingerprint: str = ""


class Application(Strict, frozen=True, kw_only=True):
    """How a plan is applied."""

    timeout: Seconds | None = None
    rollout: Rollout | None = None


class PlansQuery(Strict, frozen=True, kw_only=True):
    """The newest ``limit`` plans."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 20


class DriftQuery(Strict, frozen=True, kw_only=True):
    """Agents by a glob of names, and by what the latest look said."""

    match: str | None = None
    state: DriftState | None = None


class KeyChange(Strict, frozen=True, kw_only=True):
    """Which keys to change: exactly these ``keys``, or those that ``match`` a glob of names."""

    match: str | None = None
    keys: tuple[AgentKey, ...] = ()


class NewTokenRequest(Strict, frozen=True, kw_only=True):
    """A join token: valid for ``ttl`` seconds and ``uses`` agents (null: any number) with names like
    ``id_pattern``.
    """

    ttl: Seconds = 3600.0
    uses: Annotated[int, Meta(ge=1, le=1_000_000)] | None = 1
    id_pattern: Annotated[str, Meta(min_length=1, max_length=253)] = "*"
    grains: dict[str, str] = {}
    note: Annotated[str, Meta(max_length=1000)] = ""


class MineQuery(Strict, frozen=True, kw_only=True):
    """Whose entries of the mine: ``target`` is an expression of ``kind``."""

    target: Annotated[str, Meta(min_length=1)] = "*"
    kind: str = "glob"
    delimiter: Delimiter = ":"


class MineDataQuery(MineQuery, frozen=True, kw_only=True):
    """And which: names with commas between."""

    functions: Annotated[str, Meta(min_length=1)]


class MineDeletion(MineQuery, frozen=True, kw_only=True):
    """Which entries of the mine to delete: those of these names, or all (null)."""

    target: Annotated[str, Meta(min_length=1)]
    functions: tuple[str, ...] | None = None


class NoQuery(Strict, frozen=True, kw_only=True):
    """No query parameters."""


class StreamQuery(Strict, frozen=True, kw_only=True):
    """Whether to answer with the job's updates instead of the job."""

    stream: bool = False
    output: bool = False


class WatchQuery(Strict, frozen=True, kw_only=True):
    """``output`` adds what the running functions print."""

    output: bool = False


class JobsQuery(Strict, frozen=True, kw_only=True):
    """Which jobs. ``before`` is the last jid of the page before; ``fun`` a glob, ``target`` a name; ``text``
    is in the arguments.
    """

    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
    before: JobId | None = None
    user: str | None = None
    fun: str | None = None
    target: str | None = None
    since: Moment | None = None
    until: Moment | None = None
    status: Status | None = None
    text: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None


class TargetsQuery(Strict, frozen=True, kw_only=True):
    """``status`` is one status, or several with commas."""

    status: str | None = None


class MatchQuery(Strict, frozen=True, kw_only=True):
    """``match`` is a glob of names."""

    match: str | None = None


class AgentsQuery(Strict, frozen=True, kw_only=True):
    """Accepted agents by a glob of names and by presence."""

    match: str | None = None
    online: bool | None = None


class KeysQuery(Strict, frozen=True, kw_only=True):
    """Keys by a glob of names and by state."""

    match: str | None = None
    state: KeyState | None = None


class ResolveQuery(Strict, frozen=True, kw_only=True):
    """Whom an expression means; ``why`` adds which of its terms mean each agent."""

    expression: Annotated[str, Meta(min_length=1)]
    kind: str = "glob"
    delimiter: Delimiter = ":"
    why: bool = False


class UploadQuery(Strict, frozen=True, kw_only=True):
    """A file of ``size`` bytes, and who is to get it: an expression of the kind below."""

    target: Annotated[str, Meta(min_length=1)]
    kind: str = "glob"
    delimiter: Delimiter = ":"
    size: Annotated[int, Meta(ge=0)]


class PillarQuery(Strict, frozen=True, kw_only=True):
    """Of one pillar environment, or of all; ``unmask`` shows secrets."""

    pillarenv: Annotated[str, Meta(max_length=200)] = ""
    unmask: bool = False


class PillarTopQuery(Strict, frozen=True, kw_only=True):
    """Of one pillar environment, or of all."""

    pillarenv: Annotated[str, Meta(max_length=200)] = ""


class PillarCheckQuery(Strict, frozen=True, kw_only=True):
    """Whose pillars: a target and its kind."""

    target: Annotated[str, Meta(min_length=1)] = "*"
    kind: str = "glob"


class RefusedQuery(Strict, frozen=True, kw_only=True):
    """At most ``limit``."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class AuditQuery(Strict, frozen=True, kw_only=True):
    """Entries after number ``after``, at most ``limit``."""

    after: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class EventsQuery(Strict, frozen=True, kw_only=True):
    """``pattern`` is a glob of tags."""

    pattern: str = "*"
