"""Files of this machine, on their way to the controller."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, NamedTuple

from saltern.cli.client import Client
from saltern.cli.durations import span
from saltern.cli.output.printable import one_line
from saltern.foundation.errors import NotFound, UsageError
from saltern.model.served import Uploaded

#: Files and directories of one job; their names go to every agent in one message.
MOST = 4000
_PIECE = 256 * 1024
_BAR = 24
_EVERY = 0.1


class Item(NamedTuple):
    """A file, or a directory, whose ``path`` ends with a slash: what it is called there, and here."""

    path: str
    source: str
    size: int
    mode: int


def gather(sources: Sequence[str]) -> list[Item]:
    """Return what is to be sent. Raises NotFound, UsageError for what is neither file nor directory.

    A directory goes with its name, unless it is given with a slash at its end. A link to a file is sent as
    that file.
    """
    found = [item for source in sources for item in _gathered(source)]
    if len(found) > MOST:
        raise UsageError(
            f"{len(found):,} files and directories are more than the {MOST:,} that go at once",
            hint="pack them into an archive, or serve them from a file root: cp.get_dir",
        )
    seen: dict[str, str] = {}
    for item in found:
        before = seen.setdefault(item.path, item.source)
        if before != item.source:
            raise UsageError(f"{before} and {item.source} would both be {item.path!r}", hint="rename one")
    return found


def _gathered(source: str) -> Iterator[Item]:
    status = _status(source)
    name = os.path.basename(os.path.abspath(source))
    if not stat.S_ISDIR(status.st_mode):
        yield _item(name, source, status)
    else:
        above = "" if source.endswith("/") or not name else f"{name}/"
        if above:
            yield Item(above, source, 0, stat.S_IMODE(status.st_mode) & 0o777)
        yield from _below(source.rstrip("/") or "/", above)


def _below(directory: str, above: str) -> Iterator[Item]:
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        raise UsageError(f"{directory} can't be read: {error.strerror}") from error
    for name in names:
        source = os.path.join(directory, name)
        status = _status(source)
        if not stat.S_ISDIR(status.st_mode):
            yield _item(above + name, source, status)
        elif os.path.islink(source):
            raise UsageError(f"{source} is a link to a directory", hint="give that directory by itself")
        else:
            yield Item(f"{above}{name}/", source, 0, stat.S_IMODE(status.st_mode) & 0o777)
            yield from _below(source, f"{above}{name}/")


def _status(source: str) -> os.stat_result:
    try:
        source.encode()
        return os.stat(source)
    except UnicodeEncodeError:
        raise UsageError(f"{source!a}: the name is not text in UTF-8") from None
    except FileNotFoundError:
        raise NotFound(f"{source}: no such file or directory") from None
    except OSError as error:
        raise UsageError(f"{source} can't be read: {error.strerror}") from error


def _item(path: str, source: str, status: os.stat_result) -> Item:
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{source} is neither a file nor a directory")
    return Item(path, source, status.st_size, stat.S_IMODE(status.st_mode) & 0o777)


# --- on the way -----------------------------------------------------------------------------------------


def send(
    client: Client, items: Sequence[Item], whom: dict[str, Any], told: Callable[[int], None]
) -> dict[str, list[Any]]:
    """Send the files; return what ``cp.receive`` takes. ``told`` hears how many bytes have gone.

    ``whom`` is the target as the API takes it. Raises ApiError, Unavailable, UsageError.
    """
    sent: dict[str, list[Any]] = {}
    for item in items:
        if item.path.endswith("/"):
            sent[item.path] = ["", 0, item.mode]
        else:
            sent[item.path] = [*_sent(client, item, whom, told), item.mode]
    return sent


def _sent(client: Client, item: Item, whom: dict[str, Any], told: Callable[[int], None]) -> tuple[str, int]:
    with _opened(item.source) as file:
        size = os.fstat(file.fileno()).st_size
        pieces = _pieces(file, item.source, size, told)
        answer = client.upload("/v1/files", Uploaded, pieces, size, whom | {"size": size})
    return answer.sha256, answer.size


def _opened(source: str) -> IO[bytes]:
    """Return a regular file, open; nobody waits for what has become a pipe."""
    try:
        file = open(os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"{source} can't be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise UsageError(f"{source} is no file any more")
    return file


def _pieces(file: IO[bytes], source: str, size: int, told: Callable[[int], None]) -> Iterator[bytes]:
    left = size
    while left:
        piece = file.read(min(left, _PIECE))
        if not piece:
            raise UsageError(f"{source} became smaller while it was read", hint="send it again")
        left -= len(piece)
        yield piece
        told(len(piece))


class Bar:
    """How much has gone, on a terminal; elsewhere nothing."""

    def __init__(
        self,
        stream: IO[str],
        items: Sequence[Item],
        *,
        wanted: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._active = wanted and stream.isatty()
        self._total = sum(item.size for item in items)
        self._what = one_line(items[0].path) if len(items) == 1 else f"{len(items):,} files"
        self._clock = clock
        self._began = self._last = clock()
        self._gone = 0
        self._drawn = False

    def told(self, count: int) -> None:
        """``count`` more bytes have gone."""
        self._gone += count
        now = self._clock()
        if self._active and now - self._last >= _EVERY:
            self._last, self._drawn = now, True
            self._stream.write(f"\r\x1b[2K{self._line(now)}")
            self._stream.flush()

    def _line(self, now: float) -> str:
        filled = min(_BAR, _BAR * self._gone // self._total) if self._total else _BAR
        megabytes = f"{self._gone / 1e6:,.1f} of {self._total / 1e6:,.1f} MB"
        bar = "#" * filled + "." * (_BAR - filled)
        return f"[{bar}] {megabytes} to the controller  {self._what[:30]}  {span(now - self._began)}"

    def clear(self) -> None:
        """Take it away."""
        if self._drawn:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
