"""``salt.utils.stringio``: text that is read as a file."""

from __future__ import annotations

from io import StringIO
from typing import Any

__all__ = ["StringIO", "is_readable", "is_stringio", "is_writable"]


def is_stringio(obj: Any) -> bool:
    """Tell whether something is text that is read as a file."""
    return isinstance(obj, StringIO)


def is_readable(obj: Any) -> bool:
    """Tell whether something can be read as a file."""
    return isinstance(obj, StringIO) and obj.readable()


def is_writable(obj: Any) -> bool:
    """Tell whether something can be written to as a file."""
    return isinstance(obj, StringIO) and obj.writable()
