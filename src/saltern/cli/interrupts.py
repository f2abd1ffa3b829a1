"""Ctrl-C: the first tells how to come back, the second leaves."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType


class Interrupts:
    """While it is entered, the first SIGINT is kept for ``take``, and the second raises KeyboardInterrupt.

    The first does so too when ``ready`` says that there is nothing to come back to. Nothing is written from
    the signal's handler, which may have interrupted a write. Outside the main thread it does nothing.
    """

    def __init__(self, ready: Callable[[], bool]) -> None:
        self._ready = ready
        self._before: object = None
        self._seen = False
        self._untold = False

    def __enter__(self) -> Interrupts:
        import threading

        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]

    def take(self) -> bool:
        """Tell, once, that there was a first SIGINT."""
        untold, self._untold = self._untold, False
        return untold

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._seen or not self._ready():
            raise KeyboardInterrupt
        self._seen = self._untold = True
