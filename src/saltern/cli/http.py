"""HTTP/1.1 over a Unix socket, just what the API speaks, at a tenth of http.client's start-up time."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from saltern.api.address import short
from saltern.foundation.errors import Unavailable

#: Seconds between two looks at the progress bar while nothing comes.
TICK = 0.2
_START = "is it running? `saltern controller` starts it; --root or SALTERN_ROOT chooses another"


class Exchange:
    """One request and its answer. ``idle`` is called every TICK seconds while nothing comes."""

    def __init__(self, path: Path, *, silence: float, idle: Callable[[], None] | None = None) -> None:
        """Connect. ``silence`` is how many seconds may pass without a byte. Raises Unavailable."""
        self._silence = silence
        self._idle = idle or (lambda: None)
        self._buffer = bytearray()
        self._socket = _connect(path)
        self.status = 0
        self.headers: dict[str, str] = {}

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def ask(self, method: str, target: str, body: bytes | None) -> None:
        """Send the request and read the answer's head."""
        media = () if body is None else ("application/json", len(body))
        try:
            self._socket.sendall(_head(method, target, *media) + (body or b""))
        except OSError as error:
            raise _gone() from error
        self._read_head()

    def send(self, target: str, size: int, pieces: Iterator[bytes]) -> None:
        """POST a file of ``size`` bytes, and read the answer's head; it may come before all is sent."""
        self._socket.settimeout(self._silence)
        try:
            self._socket.sendall(_head("POST", target, "application/octet-stream", size))
            for piece in pieces:
                self._socket.sendall(piece)
        except TimeoutError as error:
            raise Unavailable(f"the controller has taken nothing for {self._silence:g} s") from error
        except ConnectionError:
            pass  # it takes no more, and has said why
        self._socket.settimeout(TICK)
        self._read_head()

    def _read_head(self) -> None:
        self.status = int(self._line().split(b" ", 2)[1])
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            self.headers[name.strip().lower()] = value.strip()

    def body(self) -> Iterator[bytes]:
        """Yield the answer's body in pieces. Raises Unavailable when it breaks off."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._chunks()
        else:
            yield from self._exactly(int(self.headers.get("content-length", "0")))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._line().split(b";")[0], 16):
            yield from self._exactly(size)
            self._line()
        self._line()

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._buffer:
                self._receive()
            piece = bytes(self._buffer[:size])
            del self._buffer[:size]
            size -= len(piece)
            yield piece

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._receive()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _receive(self) -> None:
        waited = 0.0
        while True:
            try:
                data = self._socket.recv(262144)
                break
            except TimeoutError as error:
                waited += TICK
                if waited >= self._silence:
                    raise Unavailable(f"the controller has said nothing for {self._silence:g} s") from error
                self._idle()
            except OSError as error:
                raise _gone() from error
        if not data:
            raise _gone()
        self._buffer += data


def _head(method: str, target: str, media: str = "", size: int = 0) -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    if media:
        head += f"Content-Type: {media}\r\nContent-Length: {size}\r\n"
    return head.encode("ascii") + b"\r\n"


def _connect(path: Path) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    channel.settimeout(TICK * 50)
    try:
        with short(path) as address:
            channel.connect(address)
    except OSError as error:
        channel.close()
        raise _unreachable(error, path) from error
    channel.settimeout(TICK)
    return channel


def _unreachable(error: OSError, path: Path) -> Unavailable:
    where = str(path)
    match error:
        case FileNotFoundError():
            return Unavailable("there is no controller here", where=where, hint=_START)
        case ConnectionRefusedError():
            return Unavailable("the controller is not running", where=where, hint=_START)
        case PermissionError():
            hint = "be root, or the user that runs the controller"
            return Unavailable("you may not go to the controller's socket", where=where, hint=hint)
    return Unavailable(f"cannot reach the controller: {error}", where=where)


def _gone() -> Unavailable:
    return Unavailable("the controller went away", hint="nothing that was started is lost by that")
