"""``vault``: secrets of a HashiCorp Vault or OpenBao, key/value engine of version 1 or 2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from saltern.controller.pillar.sources.options import BadData
from saltern.controller.pillar.sources.registry import Ask, Asking, Place
from saltern.foundation.errors import NotAllowed, SettingsError
from saltern.foundation.settings import read_options
from saltern.sdk.host import Host
from saltern.sdk.http import Request, Response
from saltern.sdk.secret import secret


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is the mount and the path below it; ``{minion}`` in it is the agent's name.

    Who asks is a ``token`` (or a file with one), or an AppRole. What is not there is no data, unless
    ``required``. ``key`` puts what comes below a key of its own.
    """

    url: str
    path: str
    token: str = ""
    token_file: str = ""
    role_id: str = ""
    secret_id: str = ""
    secret_id_file: str = ""
    namespace: str = ""
    verify: bool | str = True
    key: str = ""
    required: bool = False
    version: int = 0  # of the key/value engine; 0: the server is asked


def make(options: Any, place: Place) -> Ask:
    """Return the source. Raises SettingsError."""
    own = read_options(options, Options)
    if not (own.token or own.token_file or own.role_id):
        raise SettingsError(
            "needs a token, a token_file, or a role_id", hint="vault: {url: …, token_file: …}"
        )
    if own.version not in (0, 1, 2) or "/" not in own.path.strip("/"):
        raise SettingsError(
            "version is 1 or 2, and path a mount and a path below it", hint="path: secret/{minion}"
        )

    def ask(asking: Asking, name: str, pillar: Mapping[str, Any]) -> Mapping[str, Any]:
        assert asking.world.host is not None
        data = _Vault(own, asking.world.host, place.timeout).read(
            own.path.strip("/").replace("{minion}", name)
        )
        return {own.key: data} if own.key and data else data

    return ask


class _Vault:
    def __init__(self, options: Options, host: Host, timeout: float) -> None:
        self._options = options
        self._host = host
        self._timeout = timeout
        self._token = self._signed_in()

    def read(self, path: str) -> dict[str, Any]:
        """Return what lies at a path, secret all of it. Raises BadData, NotAllowed, Unavailable."""
        mount, version = self._mount(path)
        rest = path[len(mount) :]
        answer = self._ask("GET", f"{mount}data/{rest}" if version == 2 else path)
        if answer.status == 404:
            if self._options.required:
                raise BadData(f"there is nothing at {path}")
            return {}
        data = self._data(answer, path)
        found: dict[str, Any] = secret(data.get("data") or {} if version == 2 else data)
        return found

    def _mount(self, path: str) -> tuple[str, int]:
        """Return the mount that a path is below, with a slash at its end, and the version of its engine."""
        if self._options.version:
            return path.partition("/")[0] + "/", self._options.version
        data = self._data(self._ask("GET", f"sys/internal/ui/mounts/{path}"), path)
        return str(data["path"]), int((data.get("options") or {}).get("version") or 1)

    def _signed_in(self) -> str:
        own = self._options
        if own.token or own.token_file:
            return own.token or _content(own.token_file)
        body = {"role_id": own.role_id, "secret_id": own.secret_id or _content(own.secret_id_file)}
        answer = self._ask("POST", "auth/approle/login", json.dumps(body).encode())
        if not answer.ok:
            raise NotAllowed(f"the vault at {own.url} does not let the role in: {_said(answer)}")
        return str(json.loads(answer.body)["auth"]["client_token"])

    def _ask(self, method: str, path: str, body: bytes = b"") -> Response:
        token = getattr(self, "_token", "")
        headers = {"x-vault-request": "true"} | ({"x-vault-token": token} if token else {})
        if self._options.namespace:
            headers["x-vault-namespace"] = self._options.namespace
        return self._host.http(
            Request(
                url=f"{self._options.url.rstrip('/')}/v1/{quote(path)}",
                method=method,
                headers=headers,
                body=body,
                timeout=self._timeout,
                verify=self._options.verify,
                follow=False,
            )
        )

    def _data(self, answer: Response, path: str) -> dict[str, Any]:
        if answer.status == 403:
            raise NotAllowed(f"the vault at {self._options.url} does not let us read {path}: {_said(answer)}")
        if not answer.ok:
            raise BadData(f"the vault at {self._options.url} answered {answer.status}: {_said(answer)}")
        try:
            found: dict[str, Any] = json.loads(answer.body)["data"]
        except (ValueError, KeyError, TypeError):
            raise BadData(f"what answers at {self._options.url} is no vault") from None
        return found


def _said(answer: Response) -> str:
    try:
        return ", ".join(map(str, json.loads(answer.body)["errors"])) or "no reason is given"
    except (ValueError, KeyError, TypeError):
        return "no reason is given"


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NotAllowed(f"{path} can't be read: {error.strerror}") from error
