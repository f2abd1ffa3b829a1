"""Filters that look at the machine a template is rendered for; never worked out in advance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from saltern.foundation.errors import SalternError, Unavailable, UsageError
from saltern.sdk.host import Host
from saltern.sls.jinja.filters.network import ipwrap, is_ip

_TEXT = bytes({*range(32, 127), *b"\n\r\t\f\b"})


def _host(context: Context) -> Host:
    host: Host | None = context.environment.world.host  # type: ignore[attr-defined]
    if host is None:
        raise Unavailable("this filter looks at a machine, and there is none here")
    return host


@pass_context
def is_empty(context: Context, path: str) -> bool:
    """Tell whether a file is there and has nothing in it."""
    found = _host(context).stat(path)
    return found is not None and found.size == 0


@pass_context
def is_text_file(context: Context, path: str) -> bool:
    """Tell whether a file looks like text by its beginning; False when it can't be read."""
    beginning = _beginning(_host(context), path, 512)
    return beginning is not None and not _binary(beginning)


@pass_context
def is_bin_file(context: Context, path: str) -> bool:
    """Tell whether a file does not look like text by its beginning; False when it can't be read."""
    beginning = _beginning(_host(context), path, 2048)
    return beginning is not None and _binary(beginning)


def _beginning(host: Host, path: str, size: int) -> bytes | None:
    try:
        return host.read(path)[:size]
    except SalternError:
        return None


def _binary(data: bytes) -> bool:
    """Tell whether bytes are neither UTF-8 nor mostly letters."""
    if b"\0" in data:
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return len(data.translate(None, _TEXT)) / len(data) > 0.30
    return False


@pass_context
def list_files(context: Context, directory: str) -> list[str]:
    """Return a directory and all that is beneath it."""
    return _beneath(_host(context), directory)


def _beneath(host: Host, directory: str) -> list[str]:
    found = [directory]
    for name in host.list_directory(directory):
        path = f"{directory.rstrip('/')}/{name}"
        stat = host.stat(path, follow=False)
        found += _beneath(host, path) if stat is not None and stat.kind == "directory" else [path]
    return found


@pass_context
def file_hashsum(context: Context, path: str, form: str = "sha256") -> str:
    """Return the hash of a file's content."""
    import hashlib

    if form not in hashlib.algorithms_available:
        raise UsageError(f"there is no hash {form!r}")
    return hashlib.new(form, _host(context).read(path), usedforsecurity=False).hexdigest()


@pass_context
def which(context: Context, program: str) -> str | None:
    """Return the path of a program, None when it is not there."""
    return _host(context).which(program)


@pass_context
def get_uid(context: Context, name: str) -> int:
    """Return the number of an account."""
    return _host(context).user(name).uid


@pass_context
def http_query(context: Context, url: str, *args: Any, **kwargs: Any) -> Any:
    """Return what the function ``http.query`` does."""
    return context.environment.world.call("http.query", url, *args, **kwargs)  # type: ignore[attr-defined]


@pass_context
def dns_check(context: Context, name: str, port: int, safe: bool = False, ipv6: bool | None = None) -> str:
    """Return an address of a name that accepts connections to a port. Raises Unavailable when none does."""
    import socket

    families = {None: socket.AF_UNSPEC, True: socket.AF_INET6, False: socket.AF_INET}
    try:
        found = socket.getaddrinfo(name, port, families[ipv6], socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(f"{name!r} has no address: {error}") from None
    for address in dict.fromkeys(str(entry[4][0]) for entry in found):
        if is_ip(address) and not _host(context).reach(address, port, timeout=1.0):
            return str(ipwrap(address))
    raise Unavailable(f"no address of {name!r} accepts a connection to port {port}")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "dns_check": dns_check,
    "file_hashsum": file_hashsum,
    "get_uid": get_uid,
    "http_query": http_query,
    "is_bin_file": is_bin_file,
    "is_empty": is_empty,
    "is_text_file": is_text_file,
    "list_files": list_files,
    "which": which,
}
