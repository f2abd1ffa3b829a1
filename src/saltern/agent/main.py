"""Runs an agent in this process: the supervisor, which forks the loop and the jobs."""

from __future__ import annotations

import logging

from saltern.agent.agent import run_loop
from saltern.agent.credential import Identity
from saltern.agent.settings import AgentSettings
from saltern.agent.supervisor import Supervisor
from saltern.foundation import settings as reading
from saltern.foundation.layout import Layout


def load_settings(layout: Layout) -> AgentSettings:
    """Return ``agent.yaml`` of this installation. Raises SettingsError."""
    return reading.load(layout.settings / "agent.yaml", AgentSettings)


def run(layout: Layout) -> int:
    """Run until told to stop; return the exit code. Raises SettingsError, Conflict."""
    settings = load_settings(layout)
    Identity(layout.agent).credential()
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    return Supervisor(layout.agent, lambda control: run_loop(layout, settings, control)).run()
