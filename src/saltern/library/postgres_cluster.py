"""PostgreSQL's clusters as Debian has them: servers, each of a version, with their data."""

from __future__ import annotations

from typing import Any

from saltern.library.postgres import clusters
from saltern.sdk import Changes, Conflict, Host, Moment, State

REQUIRES = ("pg_lsclusters",)


class Present(State, frozen=True, kw_only=True):
    """Keep a cluster, made and started.

    Its port, encoding and the like are fixed when it is made; one on another port or in another directory is
    an error.

    Example:
        - postgres_cluster.present: {name: main, version: '15', port: 5433}
    """

    version: str
    port: int | None = None
    encoding: str | None = None
    locale: str | None = None
    datadir: str | None = None
    allow_group_access: bool | None = None
    data_checksums: bool | None = None
    wal_segsize: int | str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be made. Raises Conflict for one that is otherwise."""
        there = clusters.found(host).get(_key(self))
        if there is None:
            return Changes({_key(self): f"Cluster {_key(self)} will be created"})
        for name in ("port", "datadir"):
            wanted = getattr(self, name)
            if wanted is not None and wanted != there[name]:
                raise Conflict(
                    f"Cluster {_key(self)} has wrong parameters which couldn't be changed on fly: "
                    f"{name} is {there[name]}, not {wanted}",
                    hint="change it in the cluster's own settings, or make another cluster",
                )
        return Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Make and start it. Raises CommandFailed."""
        given: dict[str, Any] = {
            name: getattr(self, name) for name in Present.__struct_fields__ if name != "name"
        }
        clusters.cluster_create(host, name=self.name, **given)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Cluster {_key(self)} is already present",
            Moment.WOULD: f"Cluster {_key(self)} is set to be created",
            Moment.DONE: f"The cluster {_key(self)} has been created",
        }[moment]


class Absent(State, frozen=True, kw_only=True):
    """See that there is no such cluster: it is stopped and goes with all its data.

    Example:
        - postgres_cluster.absent: {name: main, version: '15'}
    """

    version: str

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        return Changes({_key(self): "Absent"}) if _key(self) in clusters.found(host) else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Stop and remove it. Raises CommandFailed."""
        clusters.cluster_remove(host, self.version, self.name, stop=True)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Cluster {_key(self)} is not present, so it cannot be removed",
            Moment.WOULD: f"Cluster {_key(self)} is set to be removed",
            Moment.DONE: f"Cluster {_key(self)} has been removed",
        }[moment]


def _key(state: Present | Absent) -> str:
    return f"{state.version}/{state.name}"
