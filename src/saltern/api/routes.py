"""The whole API, as one table. The OpenAPI document, the reference and the tests are made from it."""

from __future__ import annotations

from typing import Any

from saltern.api.call import Answer, Call, Route
from saltern.api.handlers import agents, drift, files, jobs, mine, pillar, plans, returners, system
from saltern.api.replies import Broken, Deleted, JobPage, JobTargets
from saltern.api.resolved import Resolved
from saltern.api.schemas import (
    AgentsQuery,
    Application,
    Approval,
    AuditQuery,
    DriftQuery,
    EventsQuery,
    JobsQuery,
    KeyChange,
    KeysQuery,
    MatchQuery,
    MineDataQuery,
    MineDeletion,
    MineQuery,
    NewJob,
    NewPlan,
    NewTokenRequest,
    NoQuery,
    PillarCheckQuery,
    PillarQuery,
    PillarTopQuery,
    PlansQuery,
    RefusedQuery,
    Rerun,
    ResolveQuery,
    StreamQuery,
    TargetsQuery,
    UploadQuery,
    WatchQuery,
)
from saltern.identity.authorise import Action, Decision
from saltern.model.agent import Agent
from saltern.model.drift import Drift
from saltern.model.job import Job, Tally
from saltern.model.mine import MineItem
from saltern.model.pillar import PillarCheck, PillarTop, ShownPillar
from saltern.model.plan import FleetPlan, PlanDetails
from saltern.model.returner import Retried, ReturnerStatus, Tried, Undelivered
from saltern.model.served import FilesRefreshed, ServedEnvironment, Uploaded
from saltern.model.system import AuditEntry, AuditReport, ControllerStatus, Happening
from saltern.model.token import NewToken, Token
from saltern.model.update import Settled, Update

_UPDATES = Update | Broken


async def _describe(call: Call, decision: Decision) -> Answer:
    """Answer with this API's OpenAPI document."""
    from saltern.api.openapi import document

    return document(ROUTES)


# fmt: off
ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/jobs", Action.JOB_RUN, "Start a job", jobs.start, Job, StreamQuery, NewJob,
          lines=_UPDATES, subject=jobs.subject_of_new, status=202),
    Route("GET", "/v1/jobs", Action.JOB_READ, "List jobs, newest first", jobs.index, JobPage, JobsQuery),
    Route("GET", "/v1/jobs/{jid}", Action.JOB_READ, "Show a job", jobs.show, Job, NoQuery),
    Route("GET", "/v1/jobs/{jid}/targets", Action.JOB_READ, "List a job's targets and their statuses",
          jobs.targets, JobTargets, TargetsQuery),
    Route("GET", "/v1/jobs/{jid}/returns", Action.JOB_READ, "Read what a job's targets returned",
          jobs.returns, None, MatchQuery, lines=Settled | Broken),
    Route("GET", "/v1/jobs/{jid}/returns/{name}", Action.JOB_READ,
          "Read what one agent returned, whole, as its own JSON", jobs.data, Any, NoQuery),
    Route("GET", "/v1/jobs/{jid}/events", Action.JOB_READ, "Watch a job from its beginning to its end",
          jobs.watch, None, WatchQuery, lines=_UPDATES),
    Route("POST", "/v1/jobs/{jid}/cancel", Action.JOB_CANCEL, "Cancel a job", jobs.cancel, Tally, NoQuery),
    Route("POST", "/v1/jobs/{jid}/rerun", Action.JOB_RUN, "Run a job again on the agents it had",
          jobs.start, Job, StreamQuery, Rerun, lines=_UPDATES, subject=jobs.subject_of_rerun, status=202),
    Route("POST", "/v1/plans", Action.JOB_RUN, "Plan a run of states", plans.create, FleetPlan, NoQuery,
          NewPlan, subject=plans.subject_of_new, status=201),
    Route("GET", "/v1/plans", Action.PLAN_READ, "List plans, newest first", plans.index, list[FleetPlan],
          PlansQuery),
    Route("GET", "/v1/plans/{id}", Action.PLAN_READ, "Show a plan and what it says of each agent",
          plans.show, PlanDetails, NoQuery),
    Route("POST", "/v1/plans/{id}/approve", Action.PLAN_APPROVE, "Approve a plan", plans.approve, FleetPlan,
          NoQuery, Approval, subject=plans.subject_of_approval),
    Route("POST", "/v1/plans/{id}/apply", Action.JOB_RUN, "Do exactly what a plan says", plans.apply, Job,
          StreamQuery, Application, lines=_UPDATES, subject=plans.subject_of_application, status=202),
    Route("GET", "/v1/drift", Action.DRIFT_READ, "Tell which agents are as their states declare them",
          drift.index, list[Drift], DriftQuery),
    Route("GET", "/v1/target", Action.AGENT_READ, "Tell whom an expression means", jobs.resolve, Resolved,
          ResolveQuery),
    Route("GET", "/v1/agents", Action.AGENT_READ, "List accepted agents and their presence", agents.agents,
          list[Agent], AgentsQuery),
    Route("GET", "/v1/keys", Action.KEY_READ, "List keys in every state", agents.keys, list[Agent],
          KeysQuery),
    Route("POST", "/v1/keys/{verb}", Action.KEY_CHANGE, "Accept, reject, revoke or delete keys",
          agents.change_keys, list[Agent], NoQuery, KeyChange, subject=agents.subject_of_change),
    Route("GET", "/v1/tokens", Action.TOKEN_READ, "List join tokens", agents.tokens, list[Token], NoQuery),
    Route("POST", "/v1/tokens", Action.TOKEN_CHANGE, "Make a join token", agents.create_token, NewToken,
          NoQuery, NewTokenRequest, subject=agents.subject_of_token, status=201),
    Route("DELETE", "/v1/tokens/{id}", Action.TOKEN_CHANGE, "Revoke a join token", agents.revoke_token, Token,
          NoQuery),
    Route("GET", "/v1/pillar", Action.PILLAR_READ, "Render pillars and tell what is wrong with any",
          pillar.check, None, PillarCheckQuery, lines=PillarCheck | Broken),
    Route("GET", "/v1/pillar/{name}", Action.PILLAR_READ, "Show an agent's pillar", pillar.show, ShownPillar,
          PillarQuery, subject=pillar.subject),
    Route("GET", "/v1/pillar/{name}/top", Action.PILLAR_READ, "Tell which SLS make an agent's pillar",
          pillar.top, PillarTop, PillarTopQuery, subject=pillar.subject),
    Route("GET", "/v1/mine", Action.MINE_READ, "List what agents have in the mine", mine.index,
          list[MineItem], MineQuery),
    Route("GET", "/v1/mine/data", Action.MINE_READ, "Read what agents have in the mine", mine.data,
          dict[str, dict[str, Any]], MineDataQuery),
    Route("POST", "/v1/mine/delete", Action.MINE_CHANGE, "Delete what agents have in the mine", mine.delete,
          Deleted, NoQuery, MineDeletion, subject=mine.subject_of_deletion),
    Route("GET", "/v1/events", Action.EVENT_READ, "Watch what happens, live", system.events, None,
          EventsQuery, lines=Happening | Broken),
    Route("GET", "/v1/status", Action.SYSTEM_READ, "Tell how the controller is", system.status,
          ControllerStatus, NoQuery),
    Route("GET", "/v1/files", Action.SYSTEM_READ, "List the environments of files and their trees",
          files.index, list[ServedEnvironment], NoQuery),
    Route("POST", "/v1/files", Action.JOB_RUN, "Take a file that is to be sent to agents", files.upload,
          Uploaded, UploadQuery, subject=files.subject_of_upload, status=201, upload=True),
    Route("POST", "/v1/files/refresh", Action.SYSTEM_CHANGE, "Have file backends fetch what is new",
          files.refresh, FilesRefreshed, NoQuery),
    Route("GET", "/v1/returners", Action.SYSTEM_READ, "Tell how every returner is", returners.index,
          list[ReturnerStatus], NoQuery),
    Route("GET", "/v1/returners/{name}/refused", Action.SYSTEM_READ, "List what a returner has refused",
          returners.refused, list[Undelivered], RefusedQuery),
    Route("POST", "/v1/returners/{name}/retry", Action.SYSTEM_CHANGE,
          "Deliver again what a returner has refused", returners.retry, Retried, NoQuery,
          subject=returners.subject),
    Route("POST", "/v1/returners/{name}/test", Action.SYSTEM_CHANGE, "Deliver a test to a returner",
          returners.test, Tried, NoQuery, subject=returners.subject),
    Route("GET", "/v1/audit", Action.AUDIT_READ, "Read the audit log, oldest first", system.audit,
          list[AuditEntry], AuditQuery),
    Route("POST", "/v1/audit/accept-loss", Action.AUDIT_CHANGE,
          "Go on after entries of the audit log were lost", system.accept_audit_loss, AuditEntry, NoQuery),
    Route("GET", "/v1/audit/verify", Action.AUDIT_READ, "Prove that the audit log is whole",
          system.verify_audit, AuditReport, NoQuery),
    Route("GET", "/v1/openapi.json", Action.SYSTEM_READ, "Describe this API", _describe, Any, NoQuery),
)
# fmt: on
