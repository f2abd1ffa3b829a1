"""What the API needs of a controller. The real one and the fake one both fit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Literal, Protocol

from saltern.identity.authorise import Action, Decision, Principal, Targets
from saltern.model.agent import Agent
from saltern.model.drift import Drift
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job, Rollout, Tally, Target
from saltern.model.mine import MineItem
from saltern.model.pillar import PillarCheck, PillarTop, ShownPillar
from saltern.model.plan import FleetPlan, PlanDetails, PlanRequest
from saltern.model.request import RunRequest, TokenRequest
from saltern.model.returner import Retried, ReturnerStatus, Tried, Undelivered
from saltern.model.served import FilesRefreshed, ServedEnvironment
from saltern.model.status import Status
from saltern.model.system import AuditEntry, AuditReport, ControllerStatus, Happening
from saltern.model.token import NewToken, Token
from saltern.model.update import Settled, Update
from saltern.targeting import Reason


class Plans(Protocol):
    """Plans over a fleet."""

    async def create(self, decision: Decision, request: PlanRequest) -> FleetPlan:
        """Have the decision's targets look; return the plan, which is ready when its job has ended."""

    async def recent(self, limit: int) -> list[FleetPlan]:
        """Return up to ``limit`` plans, newest first."""

    async def show(self, id: str) -> PlanDetails:
        """Return a plan and what it says of each agent. Raises NotFound."""

    async def approve(self, decision: Decision, id: str, fingerprint: str, reason: str) -> FleetPlan:
        """Put on record who has approved the plan. Raises NotFound, Conflict, NotAllowed."""

    async def targets(self, id: str) -> Targets:
        """Return the agents a plan is for. Raises NotFound, Conflict."""

    async def apply(
        self, decision: Decision, id: str, *, rollout: Rollout | None = None, timeout: float | None = None
    ) -> Job:
        """Have each of the plan's agents do its part. Raises NotFound, Conflict, NotAllowed."""


class Drifts(Protocol):
    """What is known of agents that were looked at."""

    async def of(self, keys: Collection[AgentKey] | None = None) -> list[Drift]:
        """Return what is known of ``keys``, or of all, by name."""


class Files(Protocol):
    """Files for agents."""

    async def served(self) -> list[ServedEnvironment]:
        """Return the environments of files and the trees they are. Raises Unavailable."""

    async def refresh(self, decision: Decision) -> FilesRefreshed:
        """Have every file backend fetch what is new."""

    async def upload(self, decision: Decision, size: int, pieces: AsyncIterator[bytes]) -> bytes:
        """Take in a file of ``size`` bytes for the decision's targets; return its SHA-256.

        Raises Conflict when it is too much, BadMessage when another size comes, Unavailable.
        """


KeyVerb = Literal["accept", "reject", "revoke", "delete"]


class Controller(Protocol):
    """Decides and remembers. Whatever changes something takes a Decision and acts on its targets exactly."""

    @property
    def plans(self) -> Plans:
        """Plans over the fleet."""

    @property
    def drift(self) -> Drifts:
        """Which agents are as their states declare them."""

    @property
    def files(self) -> Files:
        """What is served to agents, and what people send them."""

    async def refused(self, principal: Principal, action: Action, reason: str) -> None:
        """Put on record that somebody was not allowed to do something."""

    def resolve(self, expression: str, kind: str, delimiter: str = ":") -> Targets:
        """Return who is meant; may be empty. Raises UsageError when the expression is wrong."""

    def explain(self, expression: str, kind: str, delimiter: str = ":") -> dict[AgentKey, Reason]:
        """Return which terms mean each agent that is meant. Raises UsageError."""

    async def run(self, decision: Decision, request: RunRequest) -> Job:
        """Send a job to the decision's targets and return it at once."""

    def watch(self, jid: JobId, *, output: bool = False) -> AsyncIterator[Update]:
        """Yield Begun, what is known, then what comes, and Ended last. Raises NotFound."""

    async def cancel(self, decision: Decision, jid: JobId) -> Tally:
        """Stop the job wherever it has not ended."""

    async def job(self, jid: JobId) -> Job:
        """Return a job. Raises NotFound."""

    async def targets(self, jid: JobId, statuses: Collection[Status] | None = None) -> list[Target]:
        """Return the job's targets by name, those in ``statuses`` or all. Raises NotFound."""

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
        """Return jobs, newest first; ``fun`` is a glob, ``target`` an agent's name, ``text`` in arguments."""

    def returns(self, jid: JobId, names: str | None) -> AsyncIterator[Settled]:
        """Yield every settled target of the job whose name matches the glob ``names`` (None: all)."""

    def data(self, jid: JobId, key: AgentKey) -> AsyncIterator[bytes]:
        """Yield one return's JSON in pieces, whatever its size. Raises NotFound when there is none."""

    async def agents(self) -> list[Agent]:
        """Return all agents, whatever the state of their key."""

    async def change_keys(self, decision: Decision, verb: KeyVerb) -> list[Agent]:
        """Do ``verb`` to the keys that are the decision's targets; return those changed, as they are now.

        Raises Conflict when one's state does not allow it, or two agents would have one name.
        """

    async def create_token(self, decision: Decision, request: TokenRequest) -> NewToken:
        """Make a join token."""

    async def tokens(self) -> list[Token]:
        """Return all tokens, newest first."""

    async def revoke_token(self, decision: Decision, token: str) -> Token:
        """End a token by its id. Raises NotFound."""

    async def show_pillar(self, decision: Decision, *, pillarenv: str, unmask: bool) -> ShownPillar:
        """Return the pillar of the decision's agent. Raises Conflict when it does not render."""

    async def pillar_top(self, decision: Decision, *, pillarenv: str) -> PillarTop:
        """Return which SLS make the pillar of the decision's agent. Raises Conflict."""

    def check_pillars(self, members: Mapping[AgentKey, str]) -> AsyncIterator[PillarCheck]:
        """Render the pillars of these agents and yield how each went."""

    async def mine_items(self, members: Mapping[AgentKey, str]) -> list[MineItem]:
        """Return what these agents have in the mine, by name, without the data."""

    async def mine_data(self, members: Mapping[AgentKey, str], functions: Collection[str]) -> dict[str, Any]:
        """Return ``{function: {agent: data}}`` of these agents' entries in the mine."""

    async def delete_mine(self, decision: Decision, functions: Collection[str] | None) -> int:
        """Delete what the decision's targets have in the mine under these names, or all; return how many."""

    def events(self, pattern: str) -> AsyncIterator[Happening]:
        """Yield what happens from now on, of agents and controller, with a tag like the glob ``pattern``."""

    async def status(self) -> ControllerStatus:
        """Return how the controller is."""

    async def returners_status(self) -> list[ReturnerStatus]:
        """Return how every returner is."""

    async def refused_returns(self, name: str, *, limit: int) -> list[Undelivered]:
        """Return what a returner has refused, oldest first. Raises NotFound."""

    async def retry_returner(self, decision: Decision, name: str) -> Retried:
        """Deliver again what a returner has refused. Raises NotFound."""

    async def test_returner(self, decision: Decision, name: str) -> Tried:
        """Deliver a return that nobody made, and tell how that went. Raises NotFound."""

    async def audit(self, *, after: int, limit: int) -> list[AuditEntry]:
        """Return up to ``limit`` entries of the audit log that follow entry ``after``, oldest first."""

    async def accept_audit_loss(self, decision: Decision) -> AuditEntry:
        """Go on after entries of the audit log were lost; the log says so. Raises Conflict when none were."""

    async def verify_audit(self) -> AuditReport:
        """Read the whole audit log and tell whether it is whole."""
