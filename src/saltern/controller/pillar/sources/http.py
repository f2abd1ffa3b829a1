"""``http_json``, ``http_yaml``: what a web server gives. ``%s`` in the URL is the agent's name, quoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from saltern.controller.pillar.sources.options import (
    BadData,
    mapping_of_json,
    mapping_of_yaml,
)
from saltern.controller.pillar.sources.registry import Ask, Asking, Place
from saltern.foundation.settings import read_options
from saltern.sdk.http import Request, shown


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``key`` puts what comes below a key of its own; ``missing_ok`` takes a 404 for no data."""

    url: str
    username: str = ""
    password: str = ""
    headers: dict[str, str] = {}
    verify: bool | str = True
    cert: str = ""
    key: str = ""
    missing_ok: bool = False


def make_json(options: Any, place: Place) -> Ask:
    """Return the source ``http_json``. Raises SettingsError."""
    return _make(options, place, mapping_of_json)


def make_yaml(options: Any, place: Place) -> Ask:
    """Return the source ``http_yaml``. Raises SettingsError."""
    return _make(options, place, mapping_of_yaml)


def _make(options: Any, place: Place, read: Callable[[str, str], Mapping[str, Any]]) -> Ask:
    own = read_options({"url": options} if isinstance(options, str) else options, Options)

    def ask(asking: Asking, name: str, pillar: Mapping[str, Any]) -> Mapping[str, Any]:
        assert asking.world.host is not None
        answer = asking.world.host.http(
            Request(
                url=own.url.replace("%s", quote(name, safe="")),
                headers=own.headers,
                timeout=place.timeout,
                verify=own.verify,
                cert=own.cert,
                username=own.username,
                password=own.password,
            )
        )
        where = shown(answer.url)
        if answer.status == 404 and own.missing_ok:
            return {}
        if not answer.ok:
            raise BadData(f"{where} answered {answer.status}")
        data = read(answer.body.decode(errors="replace"), where)
        return {own.key: data} if own.key else data

    return ask
