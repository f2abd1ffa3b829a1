"""What a caller asks of the controller."""

from __future__ import annotations

from typing import Any

import msgspec

from saltern.model.job import Rollout


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Run ``fun`` on the targets of a decision. Durations are seconds; None is the controller's default.

    ``queue`` is how long an offline target may still get the job; None is not at all.
    """

    fun: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    timeout: float | None = None
    queue: float | None = None
    rollout: Rollout | None = None
    plan: str = ""
    returners: tuple[str, ...] = ()  # beside those that get every job's returns


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Make a join token: for how long (seconds), how many agents, which names, and what it grants them."""

    ttl: float = 3600.0
    uses: int | None = 1  # None is no limit
    id_pattern: str = "*"
    grains: dict[str, str] = {}
    note: str = ""
