"""Files served to agents: what they are, and looking at their backends now."""

from __future__ import annotations

from saltern.api.call import Answer, Call
from saltern.identity.authorise import Decision


async def index(call: Call, decision: Decision) -> Answer:
    """Answer with the environments."""
    return await call.controller.files_served()


async def refresh(call: Call, decision: Decision) -> Answer:
    """Have every backend fetch what is new."""
    return await call.controller.refresh_files(decision)
