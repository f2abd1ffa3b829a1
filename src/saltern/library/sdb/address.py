"""Addresses of values: which driver, key and profile one means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.library.sdb.drivers import Driver, driver_of
from saltern.sdk import BadArgument, Host, NotFound

SCHEME = "sdb://"


def value_at(host: Host, uri: str, strict: bool = False) -> Any:
    """Return the value at an address, None where there is none; ``uri`` itself where it is no address.

    With ``strict`` the latter raises BadArgument or NotFound.
    """
    found = place(host, uri, strict)
    if found is None:
        return uri
    driver, key, profile = found
    return driver.get(host, key, profile)


def resolved(host: Host, value: Any) -> Any:
    """Return what lies at the address that ``value`` is; anything else is returned as it is."""
    return value_at(host, value) if isinstance(value, str) and value.startswith(SCHEME) else value


def place(host: Host, uri: str, strict: bool) -> tuple[Driver, str, Mapping[str, Any]] | None:
    """Return the driver, the key and the profile; None where there are none and ``strict`` is not asked."""
    name, slash, key = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not slash or not key:
        if strict:
            raise BadArgument(f"{uri!r} is no address", hint="write sdb://PROFILE/KEY")
        return None
    profile = host.supply.opts.get(name, host.supply.pillar.get(name))
    if not isinstance(profile, Mapping) or "driver" not in profile:
        if strict:
            raise NotFound(
                f"there is no sdb profile {name!r}", hint=f"options of agent.yaml: {name}: {{driver: …}}"
            )
        return None
    return driver_of(str(profile["driver"])), key, profile
