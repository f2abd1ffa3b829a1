"""Values kept elsewhere, by addresses ``sdb://PROFILE/KEY``.

A profile is a setting of the agent (``options`` of ``agent.yaml``) or of the pillar: a mapping with its
``driver`` and what that needs. More drivers come in through the entry-point group ``saltern.sdb``.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from saltern.library.sdb.drivers import Driver, driver_of
from saltern.sdk import BadArgument, Host, NotFound

_SCHEME = "sdb://"


def get(host: Host, uri: str, strict: bool = False) -> Any:
    """Return the value at an address; nothing where there is none.

    What is no such address, or names no profile, is returned as it is; with ``strict`` that is an error.

    Example:
        saltern run '*' sdb.get sdb://mymemcached/foo
    """
    found = _found(host, uri, strict)
    if found is None:
        return uri
    driver, key, profile = found
    return driver.get(host, key, profile)


def set_(host: Host, uri: str, value: Any) -> Any:
    """Keep a value at an address; return what the driver says of it.

    Example:
        saltern run '*' sdb.set sdb://mymemcached/foo bar
    """
    driver, key, profile = _meant(host, uri)
    return driver.set(host, key, value, profile)


def delete(host: Host, uri: str) -> Any:
    """Forget the value at an address.

    Example:
        saltern run '*' sdb.delete sdb://mymemcached/foo
    """
    driver, key, profile = _meant(host, uri)
    return driver.delete(host, key, profile)


def get_or_set_hash(
    host: Host,
    uri: str,
    length: int = 8,
    chars: str = "abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)",
) -> Any:
    """Return the value at an address; where there is none, make a random text and keep it there.

    Example:
        saltern run '*' sdb.get_or_set_hash sdb://kvstore/key length=32
    """
    found = get(host, uri, strict=True)
    if found is not None:
        return found
    made = "".join(secrets.choice(chars) for _ in range(length))
    set_(host, uri, made)
    return made


def resolved(host: Host, value: Any) -> Any:
    """Return what lies at the address that ``value`` is; anything else is returned as it is."""
    return get(host, value) if isinstance(value, str) and value.startswith(_SCHEME) else value


def _meant(host: Host, uri: str) -> tuple[Driver, str, Mapping[str, Any]]:
    found = _found(host, uri, strict=True)
    assert found is not None
    return found


def _found(host: Host, uri: str, strict: bool) -> tuple[Driver, str, Mapping[str, Any]] | None:
    """Return the driver, the key and the profile; None where there are none and ``strict`` is not asked."""
    name, slash, key = uri.removeprefix(_SCHEME).partition("/")
    if not uri.startswith(_SCHEME) or not slash or not key:
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
