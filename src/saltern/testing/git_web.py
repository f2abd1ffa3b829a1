"""A web server for repositories: git's own ``http-backend``, behind passwords and redirects."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Web(ThreadingHTTPServer):
    """Serves the repositories below ``root``; may want a password, or send those who ask elsewhere.

    ``seen`` are the Authorization headers of all requests.
    """

    def __init__(self, root: Path, *, password: str = "", elsewhere: str = "") -> None:
        """Take where the repositories are, the password wanted, and where to send those who ask."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.wanted = "Basic " + base64.b64encode(f"git:{password}".encode()).decode() if password else ""
        self.elsewhere = elsewhere
        self.seen: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer, refuse, or send elsewhere."""
        given = self.headers.get("Authorization", "")
        self.server.seen.append(given)
        if self.server.elsewhere:
            self.send_response(301)
            self.send_header("Location", self.server.elsewhere + self.path)
            self.end_headers()
        elif self.server.wanted and given != self.server.wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()
        else:
            self._answer()

    do_POST = do_GET

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        argv = ["git", "http-backend"]
        done = subprocess.run(argv, input=body, env=environment, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving(web: Web) -> Iterator[Web]:
    """Serve while entered."""
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        web.shutdown()
        thread.join()
        web.server_close()
