"""A Vault or OpenBao server over HTTP: secrets of both versions of its key-value engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from saltern.sdk import BadArgument, Host, NotAllowed, NotFound, SettingsError, Unavailable
from saltern.sdk.http import Request

_HINT = "options of agent.yaml, or the pillar: vault: {server: {url: https://…}, auth: {token: …}}"


class Connection(msgspec.Struct, frozen=True):
    """A server and the token to speak to it with. Its representation shows no token."""

    host: Host
    url: str
    token: str
    verify: bool | str
    namespace: str

    def __repr__(self) -> str:
        """Return the address alone."""
        return f"Connection({self.url!r})"

    def ask(self, method: str, path: str, data: Mapping[str, Any] | None = None) -> Any:
        """Return what the server answers, as data; None for nothing.

        Raises NotFound, NotAllowed, Unavailable.
        """
        headers = {"X-Vault-Token": self.token, "X-Vault-Request": "true"}
        if self.namespace:
            headers["X-Vault-Namespace"] = self.namespace
        address = f"{self.url.rstrip('/')}/v1/{quote(path.strip('/'))}"
        answer = self.host.http(
            Request(
                url=address,
                method=method,
                headers=headers,
                body=b"" if data is None else msgspec.json.encode(data),
                verify=self.verify,
            )
        )
        if answer.status == 404:
            raise NotFound(f"the vault has nothing at {path}")
        if answer.status == 403:
            raise NotAllowed(f"the vault does not let this token do that at {path}", hint="see its policies")
        if not answer.ok:
            raise Unavailable(
                f"the vault answered with status {answer.status} for {path}{_said(answer.body)}"
            )
        return _data(answer.body, path)


def connect(host: Host, profile: Mapping[str, Any] | None = None) -> Connection:
    """Return the server of a profile, or of the setting ``vault``. Raises SettingsError."""
    settings: Mapping[str, Any] = profile or {}
    if "server" not in settings and "url" not in settings:
        settings = host.supply.opts.get("vault") or host.supply.pillar.get("vault") or {}
    server = settings.get("server") or settings
    auth = settings.get("auth") or {}
    url, token = server.get("url"), auth.get("token") or host.environment.get("VAULT_TOKEN")
    if not url or not token:
        raise SettingsError(f"no {'token' if url else 'server'} is known for the vault", hint=_HINT)
    verify = server.get("verify", True)
    return Connection(host, str(url), str(token), verify, str(server.get("namespace") or ""))


def read(connection: Connection, path: str) -> dict[str, Any]:
    """Return a secret: its values by name. Raises NotFound."""
    engine = _engine(connection, path)
    answer = connection.ask("GET", engine.at("data"))
    found = answer.get("data") or {}
    values = (found.get("data") if engine.versioned else found) or {}
    return dict(values)


def write(connection: Connection, path: str, values: Mapping[str, Any]) -> Any:
    """Replace a secret's values; return what the server says."""
    engine = _engine(connection, path)
    body: Mapping[str, Any] = {"data": dict(values)} if engine.versioned else values
    answer = connection.ask("POST", engine.at("data"), body)
    return True if answer is None else answer.get("data") or True


def delete(connection: Connection, path: str) -> None:
    """Delete a secret, or its latest version."""
    connection.ask("DELETE", _engine(connection, path).at("data"))


def keys(connection: Connection, path: str) -> list[str]:
    """Return the names below a path. Raises NotFound."""
    answer = connection.ask("LIST", _engine(connection, path).at("metadata"))
    return list((answer.get("data") or {}).get("keys") or [])


class _Engine(msgspec.Struct, frozen=True):
    """The engine a path lies in. ``rest`` is the path within it."""

    mount: str
    rest: str
    versioned: bool

    def at(self, what: str) -> str:
        """Return the path to ask at; an engine with versions has one for ``data``, one for ``metadata``."""
        return f"{self.mount}/{what}/{self.rest}" if self.versioned else f"{self.mount}/{self.rest}"


def _engine(connection: Connection, path: str) -> _Engine:
    """Find the engine that a path lies in."""
    clean = path.strip("/")
    if not clean or ".." in clean.split("/"):
        raise BadArgument(f"{path!r} is no path of a secret", hint="for example secret/web/db")
    try:
        about = connection.ask("GET", f"sys/internal/ui/mounts/{clean}")["data"]
    except NotAllowed:
        raise NotAllowed(f"the vault has no {clean}, or does not let this token see it") from None
    mount = str(about["path"]).strip("/")
    versioned = str((about.get("options") or {}).get("version")) == "2"
    rest = clean.removeprefix(mount).strip("/")
    return _Engine(mount, rest.removeprefix("data/") if versioned else rest, versioned)


def _data(body: bytes, path: str) -> Any:
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise Unavailable(f"the vault answered for {path} with what is no JSON") from None


def _said(body: bytes) -> str:
    try:
        errors = msgspec.json.decode(body, type=dict[str, Any]).get("errors")
    except (msgspec.DecodeError, msgspec.ValidationError):
        return ""
    return ": " + "; ".join(map(str, errors)) if isinstance(errors, list) and errors else ""
