"""``salt.serializers``: data to text and back."""

from __future__ import annotations


class SerializationError(RuntimeError):
    """Data can't be written as text."""


class DeserializationError(RuntimeError):
    """Text can't be read as data."""
