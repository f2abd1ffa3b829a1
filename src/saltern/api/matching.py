"""Method and path in, route and path parameters out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from saltern.api.call import Route
from saltern.api.problems import NoRoute, WrongMethod
from saltern.foundation.errors import nearest


class Matcher:
    """Finds the route of a request among ``routes``."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [(_pattern(route.path), route) for route in routes]
        self._paths = sorted({route.path for route in routes})

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]]:
        """Return the route and its path parameters, decoded. Raises NoRoute, WrongMethod."""
        matching = [
            (route, found) for pattern, route in self._routes if (found := pattern.fullmatch(raw_path))
        ]
        for route, found in matching:
            if route.method == method:
                return route, {name: unquote(text) for name, text in found.groupdict().items()}
        if matching:
            known = ", ".join(sorted({route.method for route, _ in matching}))
            raise WrongMethod(f"{method} is not possible here", hint=f"possible: {known}", where=raw_path)
        hint = nearest(raw_path, self._paths) or "all paths are in /v1/openapi.json"
        raise NoRoute(f"there is no {raw_path!r}", hint=hint)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))
