"""This machine, with the states that are for it: what commands without a controller work on."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saltern.cli.context import Context
from saltern.cli.output.highstate import MODES

if TYPE_CHECKING:
    from saltern.engine.site import Site
    from saltern.sdk.host import Host
    from saltern.sdk.local import LocalHost
    from saltern.sdk.registry import Registry
    from saltern.sdk.supply import Supply

_FILES, _PILLAR = ("srv/saltern", "srv/salt"), ("srv/pillar",)


def add_options(parser: argparse._ActionsContainer, *, state_output: bool = True) -> None:
    """Declare the options that say where states come from."""
    parser.add_argument("--local", action="store_true", help="work on this machine, without a controller")
    parser.add_argument(
        "--file-root",
        action="append",
        metavar="DIR",
        help="where the SLS are: DIR, or ENVIRONMENT=DIR; several are searched in order (/srv/salt)",
    )
    parser.add_argument("--pillar-root", action="append", metavar="DIR", help="likewise (/srv/pillar)")
    parser.add_argument("--id", metavar="NAME", help="be called NAME, in top files and grains")
    if state_output:
        parser.add_argument(
            "--state-output", choices=MODES, default="full", metavar="MODE", help=f"one of {', '.join(MODES)}"
        )


def host(context: Context, options: argparse.Namespace) -> LocalHost:
    """Return this machine, with file roots, pillar and settings when they are asked for."""
    from saltern.sdk.local import LocalHost

    settings, name = str(context.layout.settings), options.id or os.uname().nodename

    def grains() -> dict[str, Any]:
        from saltern.agent.facts import from_roots
        from saltern.grains.collect import collect

        values = collect(LocalHost(settings=settings), name=name).values
        own = from_roots(values, _files(context, options), settings, data)
        for problem in (f"{whose}: {error}" for whose, error in own.errors.items()):
            context.note(f"grains are missing: {problem}")
        return {**values, **own.values, "id": name}

    def supply(machine: Host) -> Supply:
        return site(context, options, machine).supply

    data = str(context.layout.agent / "data")
    made = LocalHost(grains=grains, settings=settings, data=data, supply=supply)
    if options.file_root or options.pillar_root:
        made.supply = supply(made)  # whether they are there is said at once
    return made


def registry(context: Context, options: argparse.Namespace, machine: Host) -> Registry:
    """Return what can be called: the library, and what the file roots add to it where they have code."""
    from saltern.sdk.registry import LIBRARY

    roots = [root for roots in _files(context, options).values() for root in roots]
    has_code = any(Path(root, "_modules").is_dir() for root in roots)
    return machine.supply.catalogue() if has_code else LIBRARY


def _files(context: Context, options: argparse.Namespace) -> Mapping[str, Sequence[str]]:
    return _roots(options.file_root) or {"base": [str(context.layout.root / one) for one in _FILES]}


def site(context: Context, options: argparse.Namespace, machine: Host) -> Site:
    """Return where this machine's states come from. Raises SettingsError for a bad ``agent.yaml``."""
    from saltern.engine.site import Site
    from saltern.sls.tree import LocalTree

    root = context.layout.root
    pillar = _roots(options.pillar_root) or {"base": [str(root / one) for one in _PILLAR]}
    return Site(
        machine,
        LocalTree(_files(context, options)),
        pillar_tree=LocalTree(pillar),
        opts={"id": options.id or os.uname().nodename, "__cli": "salt-call", **_settings(context)},
        directory=record(context),
        with_code=True,
    )


def _settings(context: Context) -> dict[str, Any]:
    """Return what ``agent.yaml`` says that functions may ask for."""
    from saltern.agent.settings import AgentSettings
    from saltern.foundation.settings import load

    settings = load(context.layout.settings / "agent.yaml", AgentSettings)
    return {"mine_functions": settings.mine_functions, **settings.options}


def record(context: Context) -> Path:
    """Return where runs are recorded."""
    return context.layout.agent / "states"


def _roots(given: Sequence[str] | None) -> Mapping[str, Sequence[str]]:
    """Return the directories of each environment. Raises NotFound for one that isn't there."""
    from saltern.foundation.errors import NotFound

    found: dict[str, list[str]] = {}
    for one in given or ():
        environment, equals, directory = one.partition("=")
        if not equals or "/" in environment:
            environment, directory = "base", one
        if not Path(directory).is_dir():
            raise NotFound(f"{directory}: no such directory", hint="--file-root and --pillar-root name some")
        found.setdefault(environment, []).append(str(Path(directory).absolute()))
    return found
