"""Ctrl-C: the first tells how to come back, the second leaves."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType


class Interrupts:
    """While it is entered, the first SIGINT calls ``notice``; when that returns False, or on the second,
    KeyboardInterrupt is raised. Outside the main thread it does nothing."""

    def __init__(self, notice: Callable[[], bool]) -> None:
        self._notice = notice
        self._before: object = None
        self._seen = False

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

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        seen, self._seen = self._seen, True  # first: the second may come while the first is told
        if seen or not self._notice():
            raise KeyboardInterrupt
