"""The one door for drivers: a name leads to a module, or to what an installed distribution brings."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol, cast

from saltern.sdk import Host, NotSupported, nearest


class Driver(Protocol):
    """Where values are kept. ``profile`` is the mapping in the settings; errors are the SDK's."""

    def get(self, host: Host, key: str, profile: Mapping[str, Any]) -> Any:
        """Return a value; None where there is none."""

    def set(self, host: Host, key: str, value: Any, profile: Mapping[str, Any]) -> Any:
        """Keep a value; return it, or what the store says."""

    def delete(self, host: Host, key: str, profile: Mapping[str, Any]) -> Any:
        """Forget a value."""


class ReadOnly:
    """A driver that nothing can be kept with."""

    def set(self, host: Host, key: str, value: Any, profile: Mapping[str, Any]) -> Any:
        """Refuse."""
        raise NotSupported(f"nothing can be written with the sdb driver {profile['driver']}")

    def delete(self, host: Host, key: str, profile: Mapping[str, Any]) -> Any:
        """Refuse."""
        raise NotSupported(f"nothing can be removed with the sdb driver {profile['driver']}")


#: Our own drivers by their names.
DRIVERS: Mapping[str, str] = {
    "env": "saltern.library.sdb.env:Environment",
    "rest": "saltern.library.sdb.rest:Rest",
    "sqlite3": "saltern.library.sdb.sqlite:Sqlite",
    "vault": "saltern.library.sdb.vault:Vault",
    "yaml": "saltern.library.sdb.yaml_files:YamlFiles",
}


def driver_of(name: str) -> Driver:
    """Return a driver by its name. Raises NotSupported."""
    if name in DRIVERS:
        module, _, attribute = DRIVERS[name].partition(":")
        made = getattr(importlib.import_module(module), attribute)
    else:
        made = _installed(name)
    return cast(Driver, made())


def _installed(name: str) -> Any:
    from importlib.metadata import entry_points

    found = entry_points(group="saltern.sdb", name=name)
    if not found:
        known = ", ".join(DRIVERS)
        hint = nearest(name, DRIVERS) or f"there are {known}"
        raise NotSupported(f"there is no sdb driver {name!r}", hint=hint)
    return next(iter(found)).load()
