"""Text that was decrypted or came out of a vault: usable as text, shown nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: What stands where a secret would be shown. It is for eyes, and is never written into a file.
MASK = "****"


class Secret(str):
    """A secret. It is the text itself, except that its ``repr`` and what functions return show a mask."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a mask: representations end in logs and in tracebacks."""
        return f"'{MASK}'"


def secret(value: Any) -> Any:
    """Return data with every text in it made a secret; keys and what is no text are left."""
    if isinstance(value, str):
        return Secret(value)
    if isinstance(value, Mapping):
        return {key: secret(one) for key, one in value.items()}
    return [secret(one) for one in value] if isinstance(value, list | tuple) else value


def unmasked(value: Any) -> Any:
    """Return data whose secrets are plain text, for somebody who asked to see them."""
    if isinstance(value, Secret):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {key: unmasked(one) for key, one in value.items()}
    return [unmasked(one) for one in value] if isinstance(value, list | tuple) else value


def secrets_in(value: Any) -> Iterator[Secret]:
    """Give every secret in data, wherever it stands."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from secrets_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from secrets_in(one)
