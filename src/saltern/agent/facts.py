"""This agent's grains: collected by the loop, read by the jobs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from saltern.agent.credential import Identity
from saltern.agent.settings import AgentSettings
from saltern.foundation import atomic
from saltern.foundation.layout import Layout

if TYPE_CHECKING:
    from saltern.grains.collect import Grains

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
        own = self._own(found.values)
        for name, error in {**found.errors, **own.errors}.items():
            log.warning("the grains of %s are missing: %s", name, error)
        values = {**found.values, **own.values, "id": credential.name}
        atomic.write(self._file, msgspec.json.encode(values), durable=False)
        return values

    def _own(self, values: Mapping[str, Any]) -> Grains:
        """Return what the code says that was brought here from the file roots' ``_grains``."""
        data = self._layout.agent / "data"
        return from_roots(values, {"base": [str(data / "code")]}, str(self._layout.settings), str(data))

    def known(self) -> Mapping[str, Any]:
        """Return what was collected last."""
        try:
            found: dict[str, Any] = msgspec.json.decode(self._file.read_bytes())
        except (OSError, msgspec.DecodeError):
            return self.collect()
        return found


def from_roots(
    values: Mapping[str, Any], roots: Mapping[str, Sequence[str]], settings: str, data: str
) -> Grains:
    """Return what the code in the directories' ``_grains`` says, beyond the grains that are known already."""
    from saltern.grains.collect import Grains, learn

    if not any(Path(root, "_grains").is_dir() for some in roots.values() for root in some):
        return Grains(values={})
    from saltern.engine.legacy.keeping import collectors
    from saltern.engine.site import Site
    from saltern.grains.sources import Collector
    from saltern.sdk.local import LocalHost
    from saltern.sls.tree import LocalTree

    host = LocalHost(settings=settings, data=data, grains=lambda: values)
    opts = {"id": values.get("id", "")}
    site = Site(host, LocalTree(roots), pillar=lambda given, saltenv: given, opts=opts, with_code=True)
    host.supply = site.supply
    return learn(host, [Collector(*one) for one in collectors(site.code, values)])
