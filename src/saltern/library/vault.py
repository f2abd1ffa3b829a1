"""Secrets in a Vault or OpenBao server.

The setting ``vault`` (``options`` of ``agent.yaml``, or the pillar) names it: ``server: {url, verify,
namespace}`` and ``auth: {token}``; without a token that of the variable VAULT_TOKEN is taken.
"""

from __future__ import annotations

from typing import Any

from saltern.library import _vault
from saltern.sdk import Host, NotFound
from saltern.sdk.secret import secret


def read_secret(host: Host, path: str, key: str | None = None, default: Any = None) -> Any:
    """Return a secret's values, or that of one ``key``; ``default``, when given, where there is none.

    Raises NotFound, NotAllowed, Unavailable.

    Example:
        saltern run '*' vault.read_secret secret/my/secret password
    """
    try:
        values = _vault.read(_vault.connect(host), path)
        if key is not None and key not in values:
            raise NotFound(f"the secret {path} has no {key}")
    except NotFound:
        if default is None:
            raise
        return default
    return secret(values if key is None else values[key])


def write_secret(host: Host, path: str, /, **kwargs: Any) -> Any:
    """Replace a secret's values by those named; return what the server says.

    Example:
        saltern run '*' vault.write_secret secret/my/secret user=foo password=bar
    """
    return _vault.write(_vault.connect(host), path, kwargs)


def write_raw(host: Host, path: str, raw: dict[str, Any]) -> Any:
    """Replace a secret's values by those of a mapping; return what the server says.

    Example:
        saltern run '*' vault.write_raw secret/my/secret '{user: foo, password: bar}'
    """
    return _vault.write(_vault.connect(host), path, raw)


def patch_secret(host: Host, path: str, /, **kwargs: Any) -> Any:
    """Put values beside those that a secret has; return what the server says.

    Example:
        saltern run '*' vault.patch_secret secret/my/secret password=baz
    """
    connection = _vault.connect(host)
    return _vault.write(connection, path, _vault.read(connection, path) | kwargs)


def delete_secret(host: Host, path: str) -> bool:
    """Delete a secret; of an engine that keeps versions the latest one.

    Example:
        saltern run '*' vault.delete_secret secret/my/secret
    """
    _vault.delete(_vault.connect(host), path)
    return True


def list_secrets(host: Host, path: str, default: list[str] | None = None) -> dict[str, list[str]]:
    """Return the names below a path: ``{keys: […]}``; ``default``, when given, where there is nothing.

    Example:
        saltern run '*' vault.list_secrets secret/my
    """
    try:
        return {"keys": _vault.keys(_vault.connect(host), path)}
    except NotFound:
        if default is None:
            raise
        return {"keys": default}
