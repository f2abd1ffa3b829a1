"""The controller itself: events, health, audit, and the API's own description."""

from __future__ import annotations

from saltern.api.call import Answer, Call, Lines
from saltern.identity.authorise import Decision


async def events(call: Call, decision: Decision) -> Answer:
    """Answer with events as they happen."""
    return Lines(call.controller.events(call.query.pattern))


async def status(call: Call, decision: Decision) -> Answer:
    """Answer with the controller's health."""
    return await call.controller.status()


async def audit(call: Call, decision: Decision) -> Answer:
    """Answer with a part of the audit log."""
    return await call.controller.audit(after=call.query.after, limit=call.query.limit)


async def accept_audit_loss(call: Call, decision: Decision) -> Answer:
    """Let the audit log go on where entries were lost."""
    return await call.controller.accept_audit_loss(decision)


async def verify_audit(call: Call, decision: Decision) -> Answer:
    """Read the audit log from end to end and tell whether it is whole."""
    return await call.controller.verify_audit()
