"""Orders to agents: made, signed, and sent."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from saltern.controller.fabric import Fabric
from saltern.foundation.clock import Clock
from saltern.identity.authority import Authority
from saltern.messages.v1 import Cancel, Order, Probe
from saltern.messages.v1.orders import sign
from saltern.model.ids import AgentKey
from saltern.model.job import Job

#: Returns an agent's own arguments, by the plan's id.
Part = Callable[[str, AgentKey], Awaitable[dict[str, Any]]]

#: An order not accepted within this many seconds is void.
ORDER_LIFE = 60.0


class Orders:
    """Speaks to agents in the controller's name. All methods raise Unavailable without a broker."""

    def __init__(self, authority: Authority, fabric: Fabric, clock: Clock, part: Part | None = None) -> None:
        """``part`` tells which arguments an agent gets besides a job's, when that applies a plan."""
        self._part = part
        self._authority = authority
        self._fabric = fabric
        self._clock = clock

    async def run(self, key: AgentKey, job: Job) -> None:
        """Tell the agent to run the job."""
        own = await self._part(job.plan, key) if job.plan and self._part else {}
        now = self._clock.now()
        await self._send(
            key,
            Order(
                jid=job.jid,
                to=key,
                issued=now,
                expires=now + ORDER_LIFE,
                nonce=os.urandom(12),
                fun=job.fun,
                args=job.args,
                kwargs=job.kwargs | own,
                timeout=job.timeout,
                user=job.user,
            ),
        )

    async def cancel(self, key: AgentKey, job: Job) -> None:
        """Tell the agent to stop the job."""
        now = self._clock.now()
        await self._send(
            key,
            Cancel(
                jid=job.jid,
                to=key,
                issued=now,
                expires=now + ORDER_LIFE,
                nonce=os.urandom(12),
                user=job.cancelled_by or "",
            ),
        )

    async def probe(self, key: AgentKey, *, grains: bool = False) -> None:
        """Ask the agent which jobs it has, and with ``grains`` that it publishes those anew."""
        now = self._clock.now()
        nonce = os.urandom(12)
        await self._send(key, Probe(to=key, issued=now, expires=now + ORDER_LIFE, nonce=nonce, grains=grains))

    async def _send(self, key: AgentKey, order: Order | Cancel | Probe) -> None:
        await self._fabric.connection.publish(f"job.{key}", sign(self._authority.orders, order))
