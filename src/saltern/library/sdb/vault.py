"""Values in a Vault or OpenBao server: ``sdb://p/secret/path/key`` is ``key`` of the secret at the path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.library import _vault
from saltern.sdk import BadArgument, Host, NotFound


class Vault:
    """Profile: ``server`` and ``auth`` as in the setting ``vault``, which counts where there are none."""

    def get(self, host: Host, key: str, profile: Mapping[str, Any]) -> Any:
        """Return a value; None where there is none."""
        path, name = _place(key)
        try:
            return _vault.read(_vault.connect(host, profile), path).get(name)
        except NotFound:
            return None

    def set(self, host: Host, key: str, value: Any, profile: Mapping[str, Any]) -> Any:
        """Put a value beside the others of its secret."""
        path, name = _place(key)
        connection = _vault.connect(host, profile)
        try:
            known = _vault.read(connection, path)
        except NotFound:
            known = {}
        _vault.write(connection, path, known | {name: value})
        return True

    def delete(self, host: Host, key: str, profile: Mapping[str, Any]) -> Any:
        """Take a value out of its secret."""
        path, name = _place(key)
        connection = _vault.connect(host, profile)
        known = _vault.read(connection, path)
        known.pop(name, None)
        _vault.write(connection, path, known)
        return True


def _place(key: str) -> tuple[str, str]:
    path, slash, name = key.rpartition("/")
    if not slash or not path or not name:
        raise BadArgument(f"{key!r} names no value of a secret", hint="write sdb://PROFILE/MOUNT/PATH/KEY")
    return path, name
