"""Returns as a JSON array, posted to a URL."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from saltern.controller.returners.base import Delivery, Kind, Secret
from saltern.controller.returners.http import Session, Web, refuse


class Webhook(Web, frozen=True, kw_only=True):
    """Settings of the kind ``webhook``."""

    secret: Secret = Secret("")  # signs the body: X-Saltern-Signature: sha256=HMAC in hexadecimal


class WebhookReturner:
    """Posts a batch as one array; any status from 200 to 299 means that it was taken."""

    def __init__(self, settings: Webhook) -> None:
        self._settings = settings
        self._session = Session(settings)

    @property
    def address(self) -> str:
        """Return the URL without its query."""
        return self._session.address

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        """Post it."""
        body = b"[" + b",".join(one.json() for one in batch) + b"]"
        headers = {"Content-Type": "application/json"}
        if self._settings.secret:
            key = self._settings.secret.reveal().encode()
            headers["X-Saltern-Signature"] = f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
        status, answer = await self._session.post(self._settings.url, body, headers)
        if not 200 <= status < 300:
            refuse(status, answer)

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()


KIND = Kind(Webhook, WebhookReturner)
