"""Where this agent's states come from: the controllers' files and pillar, or directories of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltern.agent.credential import Identity
from saltern.agent.settings import AgentSettings
from saltern.engine.site import PillarSource, Site
from saltern.foundation.layout import Layout
from saltern.sls.tree import LocalTree, Tree

if TYPE_CHECKING:
    from saltern.sdk import Host


def build_site(
    host: Host, layout: Layout, settings: AgentSettings, *, pillar: PillarSource | None = None
) -> Site:
    """Return the site that the functions of one job work on.

    ``pillar`` gives the pillar, unless ``agent.yaml`` names ``pillar_roots``. Raises NotFound when the agent
    has not joined.
    """
    own = settings.pillar_roots
    return Site(
        host,
        _tree(settings),
        pillar_tree=LocalTree(own),
        pillar=None if own else pillar,
        opts=_opts(layout, settings),
        directory=layout.agent / "states",
    )


def _tree(settings: AgentSettings) -> Tree:
    return LocalTree(settings.file_roots)


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
        "conf_file": str(layout.settings / "agent.yaml"),
        "mine_functions": settings.mine_functions,
        "mine_interval": settings.mine_interval,
        **settings.options,
    }
