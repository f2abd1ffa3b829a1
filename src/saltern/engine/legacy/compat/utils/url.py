"""``salt.utils.url``: addresses of files."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def parse(url: str) -> tuple[str, str | None]:
    """Return the path and the environment of a ``salt://`` address."""
    if not url.startswith("salt://"):
        return url, None
    path, _, query = url.removeprefix("salt://").partition("?")
    return path, query.removeprefix("saltenv=") if query.startswith("saltenv=") else None


def create(path: str, saltenv: str | None = None) -> str:
    """Return a ``salt://`` address."""
    return f"salt://{path}" + (f"?saltenv={saltenv}" if saltenv else "")


def is_escaped(url: str) -> bool:
    """Tell whether a path is marked as one without an environment."""
    return url.removeprefix("salt://").startswith("|")


def strip_proto(url: str) -> str:
    """Return an address without what stands before ``://``."""
    return url.partition("://")[2] if "://" in url else url


def redact_http_basic_auth(output: str) -> str:
    """Return text with the secrets of web addresses covered."""
    import re

    return re.sub(r"(https?://)[^/\s@]+@", r"\1<redacted>@", output)


def add_http_basic_auth(
    url: str, user: str | None = None, password: str | None = None, https_only: bool = False
) -> str:
    """Return a web address with a name and a password in it. Raises ValueError for one not ``https_only``."""
    if user is None and password is None:
        return url
    parts = urlsplit(url)
    if https_only and parts.scheme != "https":
        raise ValueError("Basic Auth only supported for HTTPS")
    login = user or "" if password is None else f"{user or ''}:{password}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))
