"""Agents, jobs and targets to put into a store in tests."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey, JobId, fingerprint
from saltern.model.job import Job, Target
from saltern.model.status import Status


def agent_key(number: int) -> AgentKey:
    """Return the key of agent ``number``: well formed, always the same."""
    digest = hashlib.sha512(str(number).encode()).digest()
    return AgentKey("U" + base64.b32encode(digest).decode()[:55])


def agent(number: int, **fields: Any) -> Agent:
    """Return an accepted agent; ``fields`` replace what it is by default."""
    key = agent_key(number)
    made = Agent(
        key=key,
        name=f"web{number}.example",
        state=KeyState.ACCEPTED,
        fingerprint=fingerprint(key),
        created=100.0,
    )
    return msgspec.structs.replace(made, **fields)


def job_id(number: int) -> JobId:
    """Return the id of job ``number``; they sort as their numbers do."""
    return JobId(f"{number:020d}")


def job(number: int, **fields: Any) -> Job:
    """Return a job made ``number`` seconds after the epoch."""
    made = Job(
        jid=job_id(number), fun="test.ping", target="*", user="root", created=float(number), timeout=60.0
    )
    return msgspec.structs.replace(made, **fields)


def targets(number: int, agents: int, status: Status = Status.SENT) -> list[Target]:
    """Return the targets of job ``number``: agents 0, 1, 2 …"""
    return [
        Target(
            jid=job_id(number),
            key=agent_key(each),
            name=f"web{each}.example",
            status=status,
            updated=float(number),
        )
        for each in range(agents)
    ]
