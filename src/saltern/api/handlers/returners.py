"""Returners: how they are, what they refused, and another try."""

from __future__ import annotations

from saltern.api.call import Answer, Call, Subject
from saltern.identity.authorise import Decision


async def index(call: Call, decision: Decision) -> Answer:
    """Answer with how every returner is."""
    return await call.controller.returners_status()


async def refused(call: Call, decision: Decision) -> Answer:
    """Answer with the returns that a returner would not take."""
    return await call.controller.refused_returns(call.path["name"], limit=call.query.limit)


async def subject(call: Call) -> Subject:
    """Decide about the returner by its name."""
    return Subject(arguments={"returner": call.path["name"]})


async def retry(call: Call, decision: Decision) -> Answer:
    """Deliver what was refused once more."""
    return await call.controller.retry_returner(decision, call.path["name"])


async def test(call: Call, decision: Decision) -> Answer:
    """Deliver a return that nobody made."""
    return await call.controller.test_returner(decision, call.path["name"])
