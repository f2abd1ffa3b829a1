"""``salt.utils.decorators.path``: functions that need programs."""

from __future__ import annotations

from saltern.engine.legacy.compat.utils.decorators import which, which_bin

__all__ = ["which", "which_bin"]
