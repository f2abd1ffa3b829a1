"""Whose name S3 is asked in: from the settings, the environment, or the machine's own role in EC2."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

import msgspec

from saltern.foundation.errors import SettingsError, Unavailable
from saltern.sdk.http import Request, send

_ROLE = "latest/meta-data/iam/security-credentials/"
#: Seconds before its end that a credential is fetched anew.
_EARLY = 300.0


class Credential(msgspec.Struct, frozen=True):
    """A key's id, the key, and a session's token. ``until`` is in seconds since 1970."""

    keyid: str
    key: str
    token: str = ""
    until: float = float("inf")

    def __repr__(self) -> str:
        """Tell only whose it is."""
        return f"Credential({self.keyid})"


class _Given(msgspec.Struct, frozen=True):
    AccessKeyId: str
    SecretAccessKey: str
    Token: str
    Expiration: datetime


class Credentials:
    """Gives the credential that is valid now."""

    def __init__(self, keyid: str, key: str, key_file: str, metadata_url: str) -> None:
        """Take the key's id, and the key or the file it is in; both empty: look elsewhere."""
        self._keyid = keyid
        self._key = key
        self._key_file = key_file
        self._metadata = metadata_url.rstrip("/")
        self._held: Credential | None = None

    def now(self) -> Credential:
        """Return a credential. Raises SettingsError, Unavailable when there is none."""
        if self._held is None or time.time() > self._held.until - _EARLY:
            self._held = self._set() or _exported() or self._of_the_machine()
        return self._held

    def _set(self) -> Credential | None:
        if not self._keyid:
            return None
        if not self._key_file:
            return Credential(self._keyid, self._key)
        try:
            return Credential(self._keyid, Path(self._key_file).read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"the key's file can't be read: {error}") from error

    def _of_the_machine(self) -> Credential:
        headers = {"X-aws-ec2-metadata-token-ttl-seconds": "300"}
        token = self._asked("latest/api/token", headers, method="PUT").decode()
        headers = {"X-aws-ec2-metadata-token": token}
        role = self._asked(_ROLE, headers).decode().split("\n")[0].strip()
        try:
            given = msgspec.json.decode(self._asked(_ROLE + role, headers), type=_Given)
        except msgspec.MsgspecError as error:
            raise Unavailable(f"the machine's role {role!r} gives no credential: {error}") from error
        until = given.Expiration.timestamp()
        return Credential(given.AccessKeyId, given.SecretAccessKey, given.Token, until)

    def _asked(self, path: str, headers: dict[str, str], method: str = "GET") -> bytes:
        url = f"{self._metadata}/{path}"
        request = Request(url=url, method=method, headers=headers, timeout=5.0, follow=False, limit=65536)
        response = send(request)
        if not response.ok:
            raise Unavailable(
                f"there is no credential for S3: {url} says {response.status}",
                hint="set keyid and key_file, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        return response.body


def _exported() -> Credential | None:
    keyid, key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    return Credential(keyid, key, os.environ.get("AWS_SESSION_TOKEN", "")) if keyid and key else None
