"""What nats-server says in its log and nowhere else."""

from __future__ import annotations

from pathlib import Path

_FAILED, _FULL = b"JetStream failed to store", b"no space left on device"


class BrokerLog:
    """Reads on in a log that the server may have begun anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def disk_was_full(self) -> bool:
        """Tell whether since the last call a message could not be stored because the disk was full."""
        return any(_FAILED in line and _FULL in line for line in self._news().splitlines())

    def _news(self) -> bytes:
        try:
            with self._path.open("rb") as stream:
                if stream.seek(0, 2) < self._read:
                    self._read = 0
                stream.seek(self._read)
                news = stream.read()
        except FileNotFoundError:
            return b""
        self._read += len(news)
        return news
