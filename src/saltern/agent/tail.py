"""The last output of a job, in memory that its worker and its keeper share: a worker's death spares it."""

from __future__ import annotations

import mmap
import struct

#: Bytes of output kept.
KEPT = 256 * 1024
_COUNT = struct.Struct("<Q")


class Tail:
    """A ring of the last KEPT bytes written. One writer; read it when the writer is dead."""

    def __init__(self) -> None:
        """Make it before the fork. Pages are used as they are written to."""
        self._memory = mmap.mmap(-1, _COUNT.size + KEPT)

    @property
    def _written(self) -> int:
        count: int = _COUNT.unpack_from(self._memory)[0]
        return count

    def write(self, data: bytes) -> None:
        """Add output."""
        written = self._written
        kept = data[-KEPT:]
        start = (written + len(data) - len(kept)) % KEPT
        first = kept[: KEPT - start]
        rest = kept[len(first) :]
        self._memory[_COUNT.size + start : _COUNT.size + start + len(first)] = first
        self._memory[_COUNT.size : _COUNT.size + len(rest)] = rest
        _COUNT.pack_into(self._memory, 0, written + len(data))

    def read(self) -> bytes:
        """Return the last output, oldest byte first."""
        written = self._written
        ring = self._memory[_COUNT.size :]
        start = written % KEPT
        return ring[:written] if written < KEPT else ring[start:] + ring[:start]
