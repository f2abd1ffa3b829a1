"""Ubuntu's personal package archives."""

from __future__ import annotations

import re

import msgspec

from saltern.library.pkg.repositories import keys
from saltern.library.pkg.repositories.entry import Entry
from saltern.sdk import BadArgument, Host, NotSupported, Unavailable

_NAME = re.compile(r"(?:ppa:)?(?P<user>[a-z0-9][a-z0-9+.-]*)/(?P<name>[a-z0-9][a-z0-9+.-]*)", re.ASCII)


def entry_of(host: Host, name: str) -> Entry:
    """Return the repository of ``ppa:user/name``. Raises BadArgument; NotSupported but on Ubuntu."""
    user, archive = _parts(name)
    codename = str(host.grains.get("oscodename", ""))
    if host.grains.get("os") != "Ubuntu" or not codename:
        raise NotSupported(f"{name}: there are PPAs for Ubuntu only")
    address = f"https://ppa.launchpadcontent.net/{user}/{archive}/ubuntu"
    return Entry(kind="deb", uri=address, suite=codename, components=("main",))


def key_of(host: Host, name: str) -> bytes:
    """Return the key a PPA is signed with, by the fingerprint that Launchpad names. Raises Unavailable."""
    user, archive = _parts(name)
    address = f"https://api.launchpad.net/1.0/~{user}/+archive/{archive}"
    try:
        said = msgspec.json.decode(keys.fetch(host, address), type=_Archive)
    except msgspec.DecodeError as error:
        raise Unavailable(f"{address}: {error}") from error
    return keys.from_keyserver(host, said.signing_key_fingerprint)


class _Archive(msgspec.Struct):
    signing_key_fingerprint: str


def _parts(name: str) -> tuple[str, str]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise BadArgument(f"{name!r} is no PPA", hint="ppa:user/name")
    return found["user"], found["name"]
