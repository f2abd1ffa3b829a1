"""``salt.log``: the levels that Salt adds to Python's."""

from __future__ import annotations

import logging

TRACE, PROFILE, GARBAGE, QUIET = 5, 15, 1, 1000


def setup_console_logger(*args: object, **kwargs: object) -> None:
    """Do nothing: who runs a module has set logging up."""


def getLogger(name: str) -> logging.Logger:
    """Return a logger."""
    return logging.getLogger(name)
