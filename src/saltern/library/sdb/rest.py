"""Values that a web service gives, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec

from saltern.library.sdb.drivers import ReadOnly
from saltern.sdk import Host, NotFound, SettingsError, Unavailable
from saltern.sdk.http import Request


class Rest(ReadOnly):
    """Profile: ``urls``, by key ``{url: …}``. ``sdb://p/user?name=x`` puts ``x`` for ``{{ name }}`` there."""

    def get(self, host: Host, key: str, profile: Mapping[str, Any]) -> Any:
        """Return the data behind a key. Raises NotFound for one of no url, Unavailable."""
        name, _, query = key.partition("?")
        urls = profile.get("urls") or {}
        if name not in urls:
            raise NotFound(f"the sdb profile has no url {name!r}", hint=f"it has {', '.join(map(str, urls))}")
        response = host.http(_request(urls[name], dict(parse_qsl(query))))
        if response.status != 200:
            raise Unavailable(f"{response.url} answered with status {response.status}")
        try:
            return msgspec.json.decode(response.body)
        except msgspec.DecodeError as error:
            raise Unavailable(f"{response.url} answered with what is no JSON: {error}") from None


def _request(settings: Any, values: Mapping[str, str]) -> Request:
    if not isinstance(settings, Mapping) or not isinstance(settings.get("url"), str):
        raise SettingsError("an url of an sdb profile is a mapping", hint="NAME: {url: https://…}")
    url = settings["url"]
    for name, value in values.items():
        for place in (f"{{{{{name}}}}}", f"{{{{ {name} }}}}"):
            url = url.replace(place, quote(value, safe=""))
    return Request(
        url=url,
        headers={str(name): str(value) for name, value in (settings.get("headers") or {}).items()},
        username=str(settings.get("username", "")),
        password=str(settings.get("password", "")),
    )
