"""What can be set about jobs on an agent."""

from __future__ import annotations

import os
from typing import Any, Literal

import msgspec

from saltern.foundation.errors import SettingsError


def _concurrent() -> int:
    """Twice the processors, at least 8."""
    return max(8, 2 * (os.cpu_count() or 1))


class JobSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``jobs:`` in ``agent.yaml``."""

    concurrent: int = msgspec.field(
        default_factory=_concurrent
    )  # jobs at work at once; the rest wait in order
    waiting: int = 10_000  # jobs that may wait; more are refused
    grace: float = 5.0  # seconds between asking a job's processes to end and killing them
    free: int = 16 * 1024 * 1024  # bytes that must be free on the spool's disk, or jobs are refused
    stop: bool = False  # end running jobs when the agent is stopped; else they go on and are picked up again

    def __post_init__(self) -> None:
        """Raise SettingsError for a value that makes no sense."""
        if self.concurrent < 1:
            raise SettingsError("jobs.concurrent: at least 1", where="agent.yaml")
        for name in ("waiting", "grace", "free"):
            if getattr(self, name) < 0:
                raise SettingsError(f"jobs.{name}: not less than 0", where="agent.yaml")


class FileSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``files:`` in ``agent.yaml``."""

    cache: int = 5 * 1024**3  # bytes of the controller's files kept here; the least recently used go


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``agent.yaml``."""

    jobs: JobSettings = msgspec.field(default_factory=JobSettings)
    files: FileSettings = FileSettings()
    file_roots: dict[str, list[str]] = {}  # SLS and files of this machine's own, in place of the controller's
    pillar_roots: dict[str, list[str]] = {}  # likewise for the pillar
    options: dict[str, Any] = {}  # what templates find in opts, under Salt's names
    grains: dict[str, Any] = {}  # facts to add to those found
    mine_functions: dict[str, Any] | list[Any] = {}  # what to put into the mine, as in Salt; the pillar adds
    mine_interval: float = 60.0  # minutes between two rounds
    mine_splay: float = 60.0  # the first round comes within so many seconds, at random
    mine_enabled: bool = True  # are there rounds?
    log_level: Literal["debug", "info", "warning", "error"] = "info"  # what is written to stderr
