"""The door for sources of pillar data.

An entry of ``pillar.ext_pillar`` is ``{kind: options}``, as in Salt; beside the kind it may have ``timeout``
(10s) and ``cache``, how long what it gave is good for (0s: it is asked each time). Distributions add kinds by
the entry-point group ``saltern.pillar``: a name and ``module:function``, called with the options and a Place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from saltern.engine.pillar import Aids
from saltern.foundation import settings as reading
from saltern.foundation.errors import SalternError, SettingsError
from saltern.foundation.plugins import Plugins
from saltern.sls.tree import Tree
from saltern.sls.world import World

GROUP = "saltern.pillar"
#: Seconds a source may take that says nothing else.
_TIMEOUT = 10.0


class Place(NamedTuple):
    """What a source is made with: a private directory, and the seconds it may take each time."""

    directory: Path
    timeout: float


class Asking(NamedTuple):
    """For whom a source is asked: the world of the agent, as its SLS see it, and the pillar's tree."""

    world: World
    tree: Tree
    aids: Aids


#: Takes for whom, the agent's name, and the pillar so far; returns data. Whatever it raises fails the pillar.
Ask = Callable[[Asking, str, Mapping[str, Any]], Mapping[str, Any]]
#: Makes a source of the options as they stand in the settings. Raises SettingsError.
Maker = Callable[[Any, Place], Ask]


class Source(NamedTuple):
    """A source made ready. ``reuse`` is how many seconds what it gave is good for."""

    name: str
    ask: Ask
    reuse: float


_OWN: Mapping[str, str] = {
    "cmd_json": "saltern.controller.pillar.sources.command:make_json",
    "cmd_yaml": "saltern.controller.pillar.sources.command:make_yaml",
    "file_tree": "saltern.controller.pillar.sources.file_tree:make",
    "git": "saltern.controller.pillar.sources.git:make",
    "http_json": "saltern.controller.pillar.sources.http:make_json",
    "http_yaml": "saltern.controller.pillar.sources.http:make_yaml",
    "sql": "saltern.controller.pillar.sources.sql:make",
    "vault": "saltern.controller.pillar.sources.vault:make",
}

Sources = Plugins[Maker]
SOURCES: Sources = Plugins("ext_pillar", _OWN, GROUP)


def build_sources(
    settings: Sequence[Mapping[str, Any]], directory: Path, sources: Sources = SOURCES
) -> list[Source]:
    """Return the sources that ``pillar.ext_pillar`` asks for, in order. Raises SettingsError."""
    return [
        _built(one, f"pillar.ext_pillar[{number}]", directory, sources) for number, one in enumerate(settings)
    ]


def _built(setting: Mapping[str, Any], where: str, directory: Path, sources: Sources) -> Source:
    rest = {key: value for key, value in setting.items() if key not in ("timeout", "cache")}
    if len(rest) != 1:
        raise SettingsError(
            "an entry is one kind with its options", where=where, hint="- cmd_json: [program]"
        )
    ((kind, options),) = rest.items()
    try:
        place = Place(directory, reading.duration(setting.get("timeout", _TIMEOUT)))
        reuse = reading.duration(setting.get("cache", 0.0))
        return Source(f"{kind} ({where})", sources.get(kind)(options, place), reuse)
    except SettingsError as error:
        raise SettingsError(error.message, where=f"{where}.{kind}", hint=error.hint) from error
    except SalternError as error:
        raise SettingsError(error.message, where=where, hint=error.hint) from error
