"""The states ``http.query`` and ``http.wait_for_successful_query``."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any, Literal

from saltern.library.http.ask import Options, asked, until
from saltern.sdk import Action, BadArgument, Changes, Conflict, Done, Host, Response, SalternError
from saltern.sdk.http import LIMIT, shown

How = Literal["string", "pcre", "list", "glob"]


class Query(Action, frozen=True, kw_only=True):
    """Ask a server, and fail unless its answer has ``match`` in its body and is of ``status``.

    ``match_type`` and ``status_type`` are ``string``, ``pcre`` or, of a status, ``list``. The server is asked
    each time, but not by a dry run. All arguments of the function of this name are taken.

    Example:
        - http.query: {name: 'http://localhost/health', status: 200, match: OK}
    """

    match: str | None = None
    match_type: How = "string"
    status: int | str | list[int | str] | None = None
    status_type: How = "string"
    wait_for: float | None = None
    request_interval: float = 1.0
    method: str = "GET"
    params: dict[str, Any] | str | None = None
    data: Any = None
    data_file: str | None = None
    data_render: bool = False
    data_renderer: str = "jinja"
    template_dict: dict[str, Any] | None = None
    header_dict: dict[str, Any] | None = None
    header_list: list[str] | None = None
    header_file: str | None = None
    username: str | None = None
    password: str | None = None
    cert: str | None = None
    verify_ssl: bool = True
    ca_bundle: str | None = None
    agent: str | None = None
    timeout: float = 30.0
    follow_redirects: bool = True
    max_body: int = LIMIT

    def check(self, host: Host) -> Changes:
        """Return that the server would be asked. Raises BadArgument."""
        if self.match is None and self.status is None:
            raise BadArgument(
                "Either match text (match) or a status code (status) is required.", hint="- status: 200"
            )
        if self.match is not None and self.match_type == "pcre":
            _expression(self.match)
        return Changes(
            unknown="what a server answers is known when it has been asked",
            comment=f"{shown(self.name)} would be asked: {self.method}",
        )

    def apply(self, host: Host, changes: Changes) -> Done:
        """Ask, until the answer is as wanted when there is time."""
        try:
            answer = until(host, self.wait_for or 0, self.request_interval, lambda: self._wanted(host))
        except BadArgument:
            raise
        except SalternError as error:
            return Done(ok=False, comment=error.message)
        return Done(comment=f"{shown(self.name)}: the answer is {answer.status} and as wanted")

    def _wanted(self, host: Host) -> Response:
        """Return an answer that is as wanted. Raises Conflict with what is not."""
        answer = asked(host, self.name, self._how())
        problems = []
        if self.match is not None and not _fits(
            self.match, answer.body.decode(errors="replace"), self.match_type
        ):
            problems.append(f'Match text "{self.match}" was not found.')
        if self.status is not None and not self._is_status(answer.status):
            problems.append(f'Status {answer.status} was not as specified "{self.status}".')
        if problems:
            raise Conflict(f"{shown(self.name)}: {' '.join(problems)}")
        return answer

    def _is_status(self, status: int) -> bool:
        wanted = self.status if isinstance(self.status, list) else [self.status]
        if self.status_type in ("string", "list"):
            return str(status) in [str(one) for one in wanted]
        return any(_fits(f"{one}", str(status), self.status_type) for one in wanted)

    def _how(self) -> Options:
        own = {"match", "match_type", "status", "status_type", "wait_for", "request_interval", "name"}
        return Options(**{name: getattr(self, name) for name in self.__struct_fields__ if name not in own})


class WaitForSuccessfulQuery(Query, frozen=True, kw_only=True):
    """Ask a server until its answer is as wanted, at most ``wait_for`` seconds.

    Example:
        - http.wait_for_successful_query: {name: 'http://localhost/health', status: 200, wait_for: 60}
    """

    wait_for: float | None = 300


def _expression(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise BadArgument(f"{text!r} is no regular expression: {error}") from None


def _fits(wanted: str, text: str, how: How) -> bool:
    """Tell whether a text is, or has in it, what is wanted."""
    if how == "pcre":
        return _expression(wanted).search(text) is not None
    return fnmatchcase(text, wanted) if how == "glob" else wanted in text
