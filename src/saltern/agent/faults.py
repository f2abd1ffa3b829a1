"""Named points in a job's life at which tests let processes die. Outside tests they cost one comparison."""

from __future__ import annotations

from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def reach(point: str) -> None:
    """Say that this process has come to ``point``."""
    if _hook is not None:
        _hook(point)


def watch(hook: Callable[[str], None] | None) -> None:
    """Call ``hook`` at every point, here and in processes forked from now on; None ends that."""
    global _hook
    _hook = hook
