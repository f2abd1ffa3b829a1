"""The web: ask a server, and wait until it answers as wanted."""

from __future__ import annotations

from typing import Any

from saltern.library.http.ask import Options, asked, succeeded, told, until
from saltern.sdk import BadArgument, Host, SalternError, takes


@takes(Options)
def query(host: Host, url: str, **options: Any) -> dict[str, Any]:
    """Ask a server; return ``{body}``, or what is asked for of ``{status, headers, text, dict}``.

    A status of 400 and more is an answer too: ``{error, status}`` besides. Raises BadArgument, Unavailable,
    NotAllowed (a certificate), TimedOut.

    Example:
        saltern run '*' http.query https://api.example.com/v1/hosts decode=True
    """
    how = Options(**options)
    try:
        return told(host, asked(host, url, how), how)
    except SalternError as error:
        if how.raise_error or isinstance(error, BadArgument):
            raise
        return {"error": error.message}


@takes(Options)
def wait_for_successful_query(
    host: Host, url: str, wait_for: float = 300, request_interval: float = 1.0, **options: Any
) -> dict[str, Any]:
    """Ask a server again and again until its answer is a success, at most ``wait_for`` seconds.

    Returns what ``query`` does. Raises what the last try raised, or Unavailable with its status.

    Example:
        saltern run '*' http.wait_for_successful_query http://localhost:8080/health wait_for=60
    """
    how = Options(**options)
    answer = until(host, wait_for, request_interval, lambda: succeeded(asked(host, url, how)))
    return told(host, answer, how)
