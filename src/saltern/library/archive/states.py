"""The states of ``archive``."""

from saltern.library.archive.extracted import Extracted

__all__ = ["Extracted"]
