"""Values kept elsewhere, by addresses ``sdb://PROFILE/KEY``.

A profile is a setting of the agent (``options`` of ``agent.yaml``) or of the pillar: a mapping with its
``driver`` and what that needs. More drivers come in through the entry-point group ``saltern.sdb``.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from saltern.library.sdb.address import place, value_at
from saltern.library.sdb.drivers import Driver
from saltern.sdk import Host


def get(host: Host, uri: str, strict: bool = False) -> Any:
    """Return the value at an address; nothing where there is none.

    What is no such address, or names no profile, is returned as it is; with ``strict`` that is an error.

    Example:
        saltern run '*' sdb.get sdb://mymemcached/foo
    """
    return value_at(host, uri, strict)


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


def _meant(host: Host, uri: str) -> tuple[Driver, str, Mapping[str, Any]]:
    found = place(host, uri, strict=True)
    assert found is not None
    return found
