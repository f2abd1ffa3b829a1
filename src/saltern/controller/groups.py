"""Named groups of agents that targets may use: from the settings, and from the clusters' folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from saltern.targeting import Clusters
from saltern.targeting.clusters import read
from saltern.targeting.groups import Definition


class Groups:
    """Node groups and range clusters. Clusters are read again when a file of theirs has changed."""

    def __init__(self, nodegroups: Mapping[str, Definition], folder: Path) -> None:
        self.nodegroups = nodegroups
        self._folder = folder
        self._seen: tuple[tuple[str, int], ...] | None = None
        self._clusters = Clusters({})

    def clusters(self) -> Clusters:
        """Return the clusters as they are on disk now. Raises SettingsError, naming the file."""
        found = tuple((path.name, path.stat().st_mtime_ns) for path in sorted(self._folder.glob("*.yaml")))
        if found != self._seen:
            self._clusters, self._seen = read(self._folder), found
        return self._clusters
