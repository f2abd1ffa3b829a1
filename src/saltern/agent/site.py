"""Where this agent's states come from: the controllers' files and pillar, or directories of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltern.agent.cache import Cache
from saltern.agent.credential import Identity
from saltern.agent.settings import AgentSettings
from saltern.agent.snapshot import SnapshotTree
from saltern.engine.site import PillarSource, Site
from saltern.foundation.layout import Layout
from saltern.sls.tree import LocalTree, Tree

if TYPE_CHECKING:
    from saltern.sdk import Host


def build_site(
    host: Host,
    layout: Layout,
    settings: AgentSettings,
    *,
    pillar: PillarSource | None = None,
    since: float = 0.0,
) -> Site:
    """Return the site that the functions of one job work on.

    The controllers' files are as they were at ``since`` (their time) or later. ``pillar`` gives the pillar,
    unless ``agent.yaml`` names ``pillar_roots``. Raises NotFound when the agent has not joined.
    """
    own = settings.pillar_roots
    return Site(
        host,
        _tree(host, layout, settings, since),
        pillar_tree=LocalTree(own),
        pillar=None if own else pillar,
        opts=_opts(layout, settings),
        directory=layout.agent / "states",
        with_code=True,
    )


def _tree(host: Host, layout: Layout, settings: AgentSettings, since: float) -> Tree:
    if settings.file_roots or host.agent is None:
        return LocalTree(settings.file_roots)
    return SnapshotTree(host.agent, Cache(layout.agent / "files"), since)


def _opts(layout: Layout, settings: AgentSettings) -> dict[str, Any]:
    """Return what templates see as ``opts``: Salt's names, and what ``agent.yaml`` adds."""
    return {
        "id": Identity(layout.agent).credential().name,
        "saltenv": None,
        "pillarenv": None,
        "test": False,
        "file_client": "local" if settings.file_roots else "remote",
        "file_roots": settings.file_roots,
        "pillar_roots": settings.pillar_roots,
        "cachedir": str(layout.agent),
        "__cli": "salt-minion",  # formulas ask who renders them
        "conf_file": str(layout.settings / "agent.yaml"),
        "mine_functions": settings.mine_functions,
        "mine_interval": settings.mine_interval,
        **settings.options,
    }
