"""Debian packages for hosts that have no way out: a proxy that has one foot in each network.

It listens in the hosts' network and connects from the machine's own; it goes nowhere but to the
machine's own package sources, and keeps the packages it has fetched.
"""

from __future__ import annotations

import ctypes
import hashlib
import http.server
import os
import re
import shutil
import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

PORT = 3142
_NETWORK = 0x40000000  # CLONE_NEWNET


class PackageProxy:
    """Serves the hosts of one lab until ``close``."""

    def __init__(self, namespace: Path, address: str, sources: Path, keep: Path) -> None:
        """Listen at ``address`` within the network ``namespace``."""
        allowed = re.findall(r"(?m)^(?:URIs:\s*|deb .*?)(http://\S+)", sources.read_text())
        keep.mkdir(parents=True, exist_ok=True)
        handler = type(
            "Handler",
            (_Handler,),
            {"allowed": frozenset(urlsplit(url).netloc for url in allowed), "keep": keep},
        )
        self._server = http.server.ThreadingHTTPServer((address, PORT), handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = _listen(namespace, address)
        self._thread = threading.Thread(target=self._server.serve_forever, name="packages", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _listen(namespace: Path, address: str) -> socket.socket:
    """Return a socket that listens in another network: made by a thread that has gone there."""
    made: list[socket.socket] = []

    def there() -> None:
        library = ctypes.CDLL(None, use_errno=True)
        handle = os.open(namespace, os.O_RDONLY)
        try:
            if library.setns(handle, _NETWORK) == 0:
                made.append(socket.create_server((address, PORT), backlog=128))
        finally:
            os.close(handle)

    thread = threading.Thread(target=there)
    thread.start()
    thread.join()
    if not made:
        raise OSError(f"can't listen within {namespace}")
    return made[0]


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers one host's requests."""

    protocol_version = "HTTP/1.1"
    allowed: frozenset[str] = frozenset()
    keep = Path()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Fetch, or take from what has been kept."""
        address = urlsplit(self.path)
        if address.netloc not in self.allowed:
            self.send_error(403, "not a package source of this machine")
            return
        kept = self.keep / hashlib.sha256(self.path.encode()).hexdigest()
        if address.path.endswith(".deb") and kept.exists():
            with kept.open("rb") as body:
                self._answer(200, {"Content-Length": str(kept.stat().st_size)}, body)
            return
        try:
            self._fetch(kept if address.path.endswith(".deb") else None)
        except urllib.error.HTTPError as error:
            self.send_error(error.code)
            error.close()
        except OSError as error:
            self.send_error(502, str(error)[:80])

    def _fetch(self, keep: Path | None) -> None:
        wanted = {name: value for name, value in self.headers.items() if name.lower() == "if-modified-since"}
        request = urllib.request.Request(self.path, headers=wanted)  # noqa: S310  # its host is allowed
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
            told = {
                name: reply.headers[name]
                for name in ("Last-Modified", "Content-Length")
                if reply.headers[name]
            }
            if keep is None:
                self._answer(reply.status, told, reply)
                return
            half = keep.with_name(f"{keep.name}.{os.getpid()}.{threading.get_ident()}")
            with half.open("w+b") as body:
                shutil.copyfileobj(reply, body)
                body.seek(0)
                half.rename(keep)
                self._answer(200, told | {"Content-Length": str(keep.stat().st_size)}, body)

    def _answer(self, status: int, headers: dict[str, str], body: IO[bytes]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        shutil.copyfileobj(body, self.wfile)
