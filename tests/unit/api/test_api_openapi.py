"""The API describes itself, whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from saltern.api.openapi import document
from saltern.api.routes import ROUTES
from saltern.model.token import NewToken


@pytest.fixture(scope="module")
def described() -> Any:
    """The document as clients get it."""
    return json.loads(json.dumps(document(ROUTES)))


def references(value: Any) -> Iterator[str]:
    """Yield every ``$ref``."""
    if isinstance(value, dict):
        yield from (item for name, item in value.items() if name == "$ref")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def test_every_route_is_described(described: Any) -> None:
    """Method by method, with its path parameters and a summary."""
    for route in ROUTES:
        operation = described["paths"][route.path][route.method.lower()]
        inside = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert inside == set(re.findall(r"\{(\w+)\}", route.path))
        assert operation["summary"]
        assert ("requestBody" in operation) == (route.body is not None or route.upload)
    ids = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids)) == len(ROUTES)


def test_every_reference_leads_somewhere(described: Any) -> None:
    """No dangling ``$ref``."""
    components = described["components"]["schemas"]
    found = set(references(described))
    assert found
    assert {name.rpartition("/")[2] for name in found} <= set(components)


def test_what_people_write_allows_no_unknown_field(described: Any) -> None:
    """The document says so too."""
    assert described["components"]["schemas"]["NewJob"]["additionalProperties"] is False


def test_the_secret_of_a_token_does_not_print() -> None:
    """Not in a log, not in a traceback."""
    assert "s3cret" not in repr(NewToken(id="T", text="s3cret", expires=1.0, uses=1))
