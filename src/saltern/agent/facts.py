"""This agent's grains: collected by the loop, read by the jobs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from saltern.agent.credential import Identity
from saltern.agent.settings import AgentSettings
from saltern.foundation import atomic
from saltern.foundation.layout import Layout

log = logging.getLogger("saltern.agent")


class Facts:
    """Grains of one installation. What was collected last lies in ``grains.json`` for jobs to read."""

    def __init__(self, layout: Layout, settings: AgentSettings) -> None:
        self._layout = layout
        self._settings = settings
        self._file = layout.agent / "grains.json"

    def collect(self) -> dict[str, Any]:
        """Find out everything anew and keep it; what cannot be found is logged. May take a second."""
        from saltern.grains.collect import collect
        from saltern.sdk.local import LocalHost

        credential = Identity(self._layout.agent).credential()
        found = collect(
            LocalHost(settings=str(self._layout.settings)),
            name=credential.name,
            static=self._settings.grains | credential.grains,
        )
        for name, error in found.errors.items():
            log.warning("the grains of %s are missing: %s", name, error)
        atomic.write(self._file, msgspec.json.encode(found.values), durable=False)
        return found.values

    def known(self) -> Mapping[str, Any]:
        """Return what was collected last."""
        try:
            found: dict[str, Any] = msgspec.json.decode(self._file.read_bytes())
        except (OSError, msgspec.DecodeError):
            return self.collect()
        return found
