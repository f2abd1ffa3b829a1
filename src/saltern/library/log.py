"""Lines in the log of the agent."""

from __future__ import annotations

import logging

from saltern.sdk import Host

_logger = logging.getLogger("saltern.said")


def debug(host: Host, message: str) -> bool:
    """Log a message at level debug.

    Example:
        saltern run '*' log.debug 'Details that nobody reads'
    """
    return _said(logging.DEBUG, message)


def info(host: Host, message: str) -> bool:
    """Log a message at level info.

    Example:
        saltern run '*' log.info 'A message to log'
    """
    return _said(logging.INFO, message)


def warning(host: Host, message: str) -> bool:
    """Log a message at level warning.

    Example:
        saltern run '*' log.warning 'Look at this'
    """
    return _said(logging.WARNING, message)


def error(host: Host, message: str) -> bool:
    """Log a message at level error.

    Example:
        saltern run '*' log.error 'Something went wrong'
    """
    return _said(logging.ERROR, message)


def exception(host: Host, message: str) -> bool:
    """Log a message at level error, as one about an exception.

    Example:
        saltern run '*' log.exception 'Something was raised'
    """
    return _said(logging.ERROR, message)


def critical(host: Host, message: str) -> bool:
    """Log a message at level critical.

    Example:
        saltern run '*' log.critical 'Nothing works any more'
    """
    return _said(logging.CRITICAL, message)


def _said(level: int, message: str) -> bool:
    """Log a message on one line: what was said can't pass for another line."""
    _logger.log(level, "%s", message.replace("\n", "\\n").replace("\r", "\\r"))
    return True
