"""Returners: each finished return is also delivered elsewhere, as ``controller.yaml`` says.

    returners:
      archive: {kind: file, path: /var/log/saltern/returns.jsonl}

A kind of one's own comes through the entry point ``saltern.returners``: its name is the kind, its value a
``Kind``.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Mapping
from typing import Any

import msgspec

from saltern.controller.returners.base import (
    Common,
    Delivery,
    Kind,
    Returner,
    Secret,
    Undeliverable,
    secret,
)
from saltern.foundation.errors import SalternError, SettingsError, nearest

__all__ = [
    "RETURNERS",
    "Common",
    "Delivery",
    "Kind",
    "Returner",
    "Secret",
    "Undeliverable",
    "build",
    "kind_of",
]

GROUP = "saltern.returners"
#: The built-in kinds, by the module that has each; imported when settings name one.
RETURNERS: Mapping[str, str] = {
    "elasticsearch": "saltern.controller.returners.elasticsearch:KIND",
    "file": "saltern.controller.returners.file:KIND",
    "kafka": "saltern.controller.returners.kafka:KIND",
    "nats": "saltern.controller.returners.nats:KIND",
    "redis": "saltern.controller.returners.redis:KIND",
    "sql": "saltern.controller.returners.sql:KIND",
    "syslog": "saltern.controller.returners.syslog:KIND",
    "webhook": "saltern.controller.returners.webhook:KIND",
}


def kind_of(name: str) -> Kind[Any]:
    """Return a kind by its name. Raises SettingsError when there is none."""
    points = {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
    if name in RETURNERS:
        module, _, attribute = RETURNERS[name].partition(":")
        found = getattr(importlib.import_module(module), attribute)
    elif name in points:
        found = points[name].load()
    else:
        known = sorted({*RETURNERS, *points})
        raise SettingsError(
            f"there is no kind of returner {name!r}",
            hint=nearest(name, known) or f"known: {', '.join(known)}",
        )
    if not isinstance(found, Kind):
        raise SettingsError(f"the kind of returner {name!r} is {found!r}, not a Kind")
    return found


def build(name: str, given: Mapping[str, Any]) -> tuple[Common, Returner]:
    """Return the settings of the returner ``name`` as its kind wants them, and the returner.

    Raises SettingsError that names the setting.
    """
    where = f"controller.yaml: returners.{name}"
    try:
        kind = kind_of(str(given.get("kind", "")))
        chosen = msgspec.convert(dict(given), kind.settings, dec_hook=secret)
        return chosen, kind.make(chosen)
    except msgspec.ValidationError as error:
        raise SettingsError(str(error), where=where, hint=_known(kind.settings)) from None
    except SalternError as error:
        raise SettingsError(error.message, where=where, hint=error.hint) from error


def _known(settings: type[Common]) -> str:
    return f"known: {', '.join(settings.__struct_fields__)}"
