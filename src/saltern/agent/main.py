"""Runs an agent in this process: the supervisor, which forks the loop and the jobs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from saltern.agent.agent import run_loop
from saltern.agent.credential import Identity
from saltern.agent.facts import Facts
from saltern.agent.settings import AgentSettings
from saltern.agent.supervisor import Supervisor
from saltern.foundation import settings as reading
from saltern.foundation.layout import Layout
from saltern.messages.v1 import Order
from saltern.sdk import AgentControl
from saltern.sdk.local import LocalHost

if TYPE_CHECKING:
    from saltern.agent.pillar import Masks
    from saltern.agent.worker import Perform
    from saltern.engine.outcome import Outcome
    from saltern.sdk import Host
    from saltern.sdk.host import Emit
    from saltern.sdk.registry import Registry
    from saltern.sdk.supply import Supply
    from saltern.sls.tree import Tree


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
    return Supervisor(
        layout.agent,
        lambda control: run_loop(layout, settings, control),
        run=_performer(layout, settings),
    ).run()


def _performer(layout: Layout, settings: AgentSettings) -> Perform:
    """Return what runs an order's function in a worker."""
    facts = Facts(layout, settings)

    def perform(order: Order, emit: Emit, agent: AgentControl) -> Outcome:
        from saltern.engine.call import call

        masks: list[Masks] = []  # made with the site, when the function first asks for it
        trees: list[Tree] = []  # likewise

        def supply(host: Host) -> Supply:
            from saltern.agent.pillar import Masks, pillar_of
            from saltern.agent.site import build_site

            site = build_site(host, layout, settings, pillar=pillar_of(agent), since=order.issued)
            trees.append(site.tree)
            masks.append(Masks(lambda: site.known_pillar))
            return site.supply

        def say(stream: str, data: bytes) -> None:
            emit(stream, masks[0].hide(data) if masks else data)

        host = LocalHost(
            emit=say,
            agent=agent,
            settings=str(layout.settings),
            data=str(layout.agent / "data"),
            grains=facts.known,
            supply=supply,
        )
        outcome = _with_snapshot(
            call(host, order.fun, order.args, order.kwargs, registry=_registry(host)), trees
        )
        return masks[0].hidden(outcome) if masks and not order.kwargs.get("unmask") else outcome

    return perform


def _registry(host: Host) -> Registry:
    """Return what can be called; the controllers' files are asked for only when their code may be meant."""
    from saltern.engine.legacy.keeping import known
    from saltern.engine.legacy.registry import CallRegistry
    from saltern.sdk.registry import LIBRARY

    return CallRegistry(LIBRARY, known(host.data).nouns, lambda: host.supply.catalogue() or LIBRARY)


def _with_snapshot(outcome: Outcome, trees: list[Tree]) -> Outcome:
    """Return the outcome with the controllers' trees that were used."""
    if not trees:
        return outcome
    import msgspec

    from saltern.agent.snapshot import SnapshotTree

    tree = trees[0]
    return msgspec.structs.replace(outcome, snapshot=tree.used() if isinstance(tree, SnapshotTree) else {})
