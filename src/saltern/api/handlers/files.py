"""Files for agents: what is served, looking at the backends now, and what people send."""

from __future__ import annotations

from saltern.api.call import Answer, Call, Subject
from saltern.identity.authorise import Decision
from saltern.model.served import Uploaded
from saltern.targeting.errors import NobodyMatched


async def index(call: Call, decision: Decision) -> Answer:
    """Answer with the environments."""
    return await call.controller.files.served()


async def refresh(call: Call, decision: Decision) -> Answer:
    """Have every backend fetch what is new."""
    return await call.controller.files.refresh(decision)


async def subject_of_upload(call: Call) -> Subject:
    """Decide about a file as about the job that gives it to agents. Raises NobodyMatched."""
    query = call.query
    targets = call.controller.resolve(query.target, query.kind, query.delimiter)
    if not targets.members:
        raise NobodyMatched(query.target)
    return Subject(targets, {"fun": "cp.receive", "size": query.size})


async def upload(call: Call, decision: Decision) -> Answer:
    """Take in a file."""
    size = call.query.size
    digest = await call.controller.files.upload(decision, size, call.body)
    return Uploaded(sha256=digest.hex(), size=size)
