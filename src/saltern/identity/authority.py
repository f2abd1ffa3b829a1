"""The controller's keys, and what it signs with them. They lie in a private directory, not in a database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from saltern.foundation import atomic
from saltern.foundation.clock import Clock
from saltern.identity import jwt, permissions
from saltern.identity.keys import KeyPair, Kind
from saltern.model.ids import AgentKey

ACCOUNT_NAME = "SALTERN"
SYSTEM_NAME = "SYS"


class Authority:
    """Signs accounts, users and orders. Controllers that share a fabric share a copy of its directory."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        """Load the keys in ``directory``, making those that are missing."""
        atomic.private_directory(directory)
        self._clock = clock
        self.operator = KeyPair.load_or_make(directory / "operator.nk", Kind.OPERATOR)
        self.system = KeyPair.load_or_make(directory / "system.nk", Kind.ACCOUNT)
        self.account = KeyPair.load_or_make(directory / "account.nk", Kind.ACCOUNT)
        self.signing = KeyPair.load_or_make(directory / "signing.nk", Kind.ACCOUNT)
        self.orders = KeyPair.load_or_make(directory / "orders.nk", Kind.USER)
        self.user = KeyPair.load_or_make(directory / "user.nk", Kind.USER)
        self.open = KeyPair.load_or_make(directory / "open.nk", Kind.USER)

    def operator_jwt(self) -> str:
        """Return what the broker trusts above all."""
        return jwt.operator_jwt(self.operator, self.system.public)

    def system_jwt(self) -> str:
        """Return the system account's JWT."""
        return jwt.account_jwt(self.operator, self.system.public, SYSTEM_NAME, issued=self._clock.now())

    def account_jwt(self, revocations: Mapping[AgentKey, float]) -> str:
        """Return the account all parties share. ``revocations``: key to the time it was revoked."""
        return jwt.account_jwt(
            self.operator,
            self.account.public,
            ACCOUNT_NAME,
            signing_keys=[self.signing.public],
            revocations={key: int(at) + 1 for key, at in revocations.items()},
            jetstream=True,
            issued=self._clock.now(),
        )

    def controller_jwt(self) -> str:
        """Return the credential of this controller."""
        return permissions.controller_jwt(
            self.signing, self.account.public, self.user.public, issued=self._clock.now()
        )

    def system_user_jwt(self) -> str:
        """Return the credential with which this controller hears the broker's own events."""
        return permissions.controller_jwt(
            self.system, self.system.public, self.user.public, issued=self._clock.now()
        )

    def open_jwt(self) -> str:
        """Return the credential of those who come with none."""
        return permissions.open_jwt(
            self.signing, self.account.public, self.open.public, issued=self._clock.now()
        )

    def agent_jwt(self, key: AgentKey, name: str, lifetime: float) -> tuple[str, float, float]:
        """Return an agent's credential and when it was issued and expires."""
        issued = self._clock.now()
        expires = issued + lifetime
        return (
            permissions.agent_jwt(
                self.signing, self.account.public, key, name, issued=issued, expires=expires
            ),
            issued,
            expires,
        )

    def token_jwt(self, token: str, expires: float) -> str:
        """Return the credential inside a join token."""
        return permissions.token_jwt(
            self.signing, self.account.public, token, issued=self._clock.now(), expires=expires
        )
