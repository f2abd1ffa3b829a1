"""Whether a join token still lets anybody in, and that its secret does not show."""

from __future__ import annotations

import pytest

from saltern.model.token import NewToken, Token, TokenState


def token(**fields: object) -> Token:
    given = {"id": "T", "created": 0.0, "expires": 100.0, "creator": "root", **fields}
    return Token(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "now", "state"),
    [
        ({}, 99.9, TokenState.VALID),
        ({}, 100.0, TokenState.EXPIRED),
        ({"uses_left": 0}, 1.0, TokenState.SPENT),
        ({"uses_left": None}, 1.0, TokenState.VALID),
        ({"revoked": 1.0}, 2.0, TokenState.REVOKED),
        ({"revoked": 1.0, "uses_left": 0}, 200.0, TokenState.REVOKED),
    ],
)
def test_the_state(fields: dict[str, object], now: float, state: TokenState) -> None:
    assert token(**fields).state(now) is state


def test_the_secret_of_a_new_token_is_not_printed() -> None:
    made = NewToken(id="T", text="saltern1.secret", expires=1.0, uses=1)
    assert "saltern1.secret" not in repr(made)
    assert "saltern1.secret" not in f"{made}"
