"""A join token as the controller knows it: its public half. The secret half is with its holder alone."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class TokenState(StrEnum):
    """Whether a token still lets anybody in."""

    VALID = "valid"
    EXPIRED = "expired"
    SPENT = "spent"
    REVOKED = "revoked"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A join token. ``id`` is its public key; times are seconds since the epoch."""

    id: str
    created: float
    expires: float
    uses_left: int | None = 1  # None is no limit
    id_pattern: str = "*"  # glob the joining agent's name must match
    grains: dict[str, str] = {}  # what it grants
    creator: str
    note: str = ""
    revoked: float | None = None  # when

    def state(self, now: float) -> TokenState:
        """Return the token's state at ``now``."""
        if self.revoked is not None:
            return TokenState.REVOKED
        if now >= self.expires:
            return TokenState.EXPIRED
        return TokenState.SPENT if self.uses_left == 0 else TokenState.VALID


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token just made. ``text`` is the secret to hand over; it is shown once and kept nowhere."""

    id: str
    text: str
    expires: float
    uses: int | None  # None is no limit

    def __repr__(self) -> str:
        return f"NewToken(id={self.id!r}, text=<secret>, expires={self.expires}, uses={self.uses})"
