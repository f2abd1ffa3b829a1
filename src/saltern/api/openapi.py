"""The OpenAPI 3.1 document, made from the table of routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from saltern import __version__
from saltern.api.call import Route
from saltern.api.replies import ErrorReply

_REFERENCE = "#/components/schemas/{name}"


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the document as JSON values."""
    kinds = [kind for route in routes for kind in _kinds(route)]
    schemas, components = _schemas([*kinds, ErrorReply])
    described = iter(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        mine = {name: next(described) for name in _names(route)}
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, mine, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Saltern", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "http://localhost", "description": "the Unix socket"}],
        "paths": paths,
        "components": {"schemas": components},
    }


_ABOUT = (
    "Errors have one shape, `ErrorReply`. Streams are NDJSON, one object a line, or server-sent events with "
    "`Accept: text/event-stream`; an empty line (or a comment) is a sign of life. A stream that cannot go on "
    'ends with a line whose `event` is "error".'
)


def _kinds(route: Route) -> list[Any]:
    every = {"query": route.query, "body": route.body, "reply": route.reply, "lines": route.lines}
    return [every[name] for name in _names(route)]


def _names(route: Route) -> list[str]:
    present = {"query": True, "body": route.body, "reply": route.reply, "lines": route.lines}
    return [name for name, there in present.items() if there is not None]


def _schemas(kinds: list[Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    schemas, components = msgspec.json.schema_components(
        kinds, schema_hook=_raw_is_json, ref_template=_REFERENCE
    )
    return list(schemas), components


def _raw_is_json(kind: type) -> dict[str, Any]:
    if kind is msgspec.Raw:
        return {"description": "Any JSON."}
    raise NotImplementedError


def _operation(route: Route, mine: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": "_".join(
            [route.method.lower(), *re.findall(r"[a-z]+", route.path.removeprefix("/v1"))]
        ),
        "description": f"Needs the right `{route.action}`.",
        "parameters": _path_parameters(route) + _query_parameters(mine["query"], components),
        "responses": {str(route.status): _success(route, mine), "default": _failure()},
    }
    if "body" in mine:
        operation["requestBody"] = {"content": {"application/json": {"schema": mine["body"]}}}
    if route.upload:
        operation["requestBody"] = {"content": {"application/octet-stream": {}}, "required": True}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]


def _query_parameters(query: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    struct = components[query["$ref"].rpartition("/")[2]]
    required = struct.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in struct["properties"].items()
    ]


def _success(route: Route, mine: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if "reply" in mine:
        content["application/json"] = {"schema": mine["reply"]}
    if "lines" in mine:
        content["application/x-ndjson"] = {"schema": mine["lines"]}
        content["text/event-stream"] = {"schema": mine["lines"]}
    return {"description": route.summary + ".", "content": content}


def _failure() -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(name="ErrorReply")}
    return {"description": "What was wrong.", "content": {"application/json": {"schema": schema}}}
