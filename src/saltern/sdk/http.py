"""A request over HTTP, and its answer. The standard library does the talking."""

from __future__ import annotations

import binascii
import os
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

import msgspec

from saltern.sdk.errors import BadArgument, NotAllowed, OutputTooLarge, TimedOut, Unavailable

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPResponse
    from urllib.parse import SplitResult

#: Bytes of an answer that are willingly taken.
LIMIT = 64 * 1024 * 1024
_PIECE = 256 * 1024
_REDIRECTS = 10
#: What is meant for one server alone.
_PRIVATE = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. ``timeout`` is the seconds that may pass without a byte.

    ``verify`` is whether the server's certificate is checked, or the path of the authorities to trust;
    ``cert`` is the path of one's own certificate with its key. ``limit`` bounds the answer's body, in bytes.
    A name and password in the URL count as ``username`` and ``password``.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    timeout: float = 30.0
    verify: bool | str = True
    cert: str = ""
    username: str = ""
    password: str = ""
    follow: bool = True
    limit: int = LIMIT


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, whatever its status. Headers have lower-case names; ``url`` is where it came from."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    url: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether the status means success."""
        return 200 <= self.status < 300


def send(request: Request, into: str = "") -> Response:
    """Send a request and return the answer; redirects are followed, at most 10 of them.

    What is private to a server (authorization, cookies) is not sent on to another one, nor over HTTP what
    was meant for HTTPS. With ``into`` the body of a success goes to that path, whole or not at all, readable
    by its owner only, and ``body`` is empty.
    Raises BadArgument, Unavailable, NotAllowed (a certificate that is not trusted), TimedOut, OutputTooLarge,
    and OSError of what concerns ``into``.
    """
    request = _with_credentials(request)
    for _ in range(_REDIRECTS + 1):
        with _Exchange(request) as exchange:
            target = exchange.redirect() if request.follow else ""
            if not target:
                return exchange.answer(into)
        request = _redirected(request, target, exchange.status)
    raise Unavailable(f"{shown(request.url)}: more than {_REDIRECTS} redirects")


def shown(url: str) -> str:
    """Return a URL as it may be shown: without name, password and query."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _with_credentials(request: Request) -> Request:
    """Move name and password from the URL to where they belong."""
    from urllib.parse import unquote, urlunsplit

    parts = _split(request.url)
    if parts.username is None:
        return request
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    name, password = unquote(parts.username), unquote(parts.password or "")
    return msgspec.structs.replace(
        request, url=bare, username=request.username or name, password=request.password or password
    )


def _split(url: str) -> SplitResult:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        valid = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
    except ValueError as error:
        raise BadArgument(f"{url!r} is no URL: {error}") from None
    if not valid or any(ord(one) <= 32 or ord(one) == 127 for one in url):
        raise BadArgument(f"{shown(url)!r} is no URL of a web server", hint="write http://… or https://…")
    return parts


def _origin(url: str) -> tuple[str, str, int]:
    parts = _split(url)
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]


def _redirected(request: Request, target: str, status: int) -> Request:
    """Return the request that a redirect asks for: a POST becomes a GET unless the status says it may not."""
    changes: dict[str, Any] = {"url": target}
    headers = dict(request.headers)
    if status not in (307, 308) and request.method not in ("GET", "HEAD"):
        changes |= {"method": "GET", "body": b""}
        headers = {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
    if _origin(request.url) != _origin(target):
        headers = {name: value for name, value in headers.items() if name.lower() not in _PRIVATE}
        changes |= {"username": "", "password": "", "cert": ""}
    return _with_credentials(msgspec.structs.replace(request, headers=headers, **changes))


class _Exchange:
    """One request and one answer, without redirects."""

    def __init__(self, request: Request) -> None:
        """Take what to ask for; the question is sent on entering."""
        self._request = request
        self.status = 0

    def __enter__(self) -> _Exchange:
        from http.client import HTTPException
        from urllib.error import URLError

        request = self._request
        try:
            self._response = _opener(request).open(_question(request), timeout=request.timeout)
        except URLError as error:
            raise _meaning(request, error.reason) from error
        except (OSError, HTTPException, ValueError) as error:
            raise _meaning(request, error) from error
        self.status = int(self._response.status)
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def redirect(self) -> str:
        """Return where the answer sends us; nothing when it is the answer."""
        from urllib.parse import urljoin

        target: str | None = self._response.headers.get("Location")
        if self.status not in (301, 302, 303, 307, 308) or not target:
            return ""
        return urljoin(self._request.url, target.strip())

    def answer(self, into: str) -> Response:
        """Return the answer with its body."""
        headers = {name.lower(): value for name, value in self._response.headers.items()}
        url = self._request.url
        if into and 200 <= self.status < 300:
            self._save(into)
            return Response(status=self.status, headers=headers, url=url)
        body = bytearray()
        while piece := self._piece():
            body += piece
            self._refuse_beyond(len(body))
        return Response(status=self.status, headers=headers, body=bytes(body), url=url)

    def _save(self, path: str) -> None:
        """Write the body beside ``path`` and rename it when it is whole."""
        folder, name = os.path.split(path)
        temporary = os.path.join(folder, f".{name[:50]}.{os.urandom(6).hex()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            try:
                self._pour(file)
                file.close()
                os.replace(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise

    def _pour(self, file: IO[bytes]) -> None:
        size = 0
        while piece := self._piece():
            size += len(piece)
            self._refuse_beyond(size)
            file.write(piece)

    def _piece(self) -> bytes:
        from http.client import HTTPException

        response: HTTPResponse = self._response
        try:
            return _whole(response, response.read(_PIECE))
        except (OSError, HTTPException) as error:
            raise _meaning(self._request, error) from error

    def _refuse_beyond(self, size: int) -> None:
        if size > self._request.limit:
            raise OutputTooLarge(f"{shown(self._request.url)}: more than {self._request.limit} bytes")


def _whole(response: HTTPResponse, piece: bytes) -> bytes:
    """Return a piece of the body. Raises IncompleteRead when the connection ended before the body did."""
    from http.client import IncompleteRead

    if not piece and response.length:
        raise IncompleteRead(b"", response.length)
    return piece


def _question(request: Request) -> Any:
    from urllib.request import Request as Question

    headers = {"User-Agent": "saltern", **request.headers}
    if request.username:
        pair = f"{request.username}:{request.password}".encode()
        headers["Authorization"] = f"Basic {binascii.b2a_base64(pair, newline=False).decode()}"
    return Question(request.url, request.body or None, headers, method=request.method)  # noqa: S310


def _opener(request: Request) -> Any:
    """Return what speaks HTTP and HTTPS, by the environment's proxies, and follows nothing by itself."""
    from urllib import request as web

    opener = web.OpenerDirector()
    handlers = (web.ProxyHandler(), web.HTTPHandler(), web.HTTPSHandler(context=_tls(request)))
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _tls(request: Request) -> ssl.SSLContext | None:
    if not request.url.startswith("https:"):
        return None
    import ssl

    try:
        authorities = request.verify if isinstance(request.verify, str) else None
        context = ssl.create_default_context(cafile=authorities)
        if request.verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if request.cert:
            context.load_cert_chain(request.cert)
    except OSError as error:
        raise BadArgument(f"{request.cert or request.verify}: {error.strerror or error}") from error
    return context


def _meaning(request: Request, error: object) -> Exception:
    """Return the error that says what went wrong, and with which server."""
    import ssl

    url = shown(request.url)
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotAllowed(
            f"{url}: the server's certificate is not trusted: {error.verify_message}",
            hint="name its authority: verify=/path/of/ca.pem",
        )
    if isinstance(error, TimeoutError):
        return TimedOut(f"{url}: nothing came for {request.timeout:g} s")
    if isinstance(error, ValueError):
        return BadArgument(f"{url}: {error}")
    said = error.strerror if isinstance(error, OSError) and error.strerror else f"{error}"
    return Unavailable(f"{url}: {said or type(error).__name__}")
