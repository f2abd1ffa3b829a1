"""Writes docs/reference/api.md from the OpenAPI document: ``python -m tools.api_reference``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from saltern.api.openapi import document
from saltern.api.routes import ROUTES

TARGET = Path(__file__).parent.parent / "docs/reference/api.md"
HEAD = """# API

HTTP and JSON on a Unix socket (`/run/saltern/api.sock`). Whoever runs the controller, and root, may do all;
the kernel tells who connects. The same as an OpenAPI 3.1 document is at `/v1/openapi.json`; this page is made
from it by `tools/api_reference.py`.

    curl --unix-socket /run/saltern/api.sock http://localhost/v1/agents
    curl --unix-socket /run/saltern/api.sock -H 'Content-Type: application/json' \\
        -d '{"target": "*", "fun": "test.ping"}' 'http://localhost/v1/jobs?stream=true'

- **Requests.** Bodies are JSON objects; a field or query parameter that does not exist is an error that names
  the nearest one that does. `Host` is `localhost`; requests of web pages of other sites are refused.
- **Errors.** One shape: `{"error": {"code", "message", "hint", "where"}}`. Codes are stable: `usage` and
  `target` (400), `not_allowed` (403), `not_found` and `no_match` (404), `conflict` (409), `too_large` (413),
  `unavailable` (503), `internal` (500).
- **Streams.** NDJSON, one object a line; server-sent events with `Accept: text/event-stream`. An empty line
  (a comment in server-sent events) after 15 s of silence is a sign of life. The last line of a stream that
  cannot go on has the `event` `error`. A stream without a last line was cut: ask again, nothing is lost.
- **Times** are seconds since the epoch, durations seconds.
"""


def render() -> str:
    """Return the whole page."""
    described = document(ROUTES)
    schemas = described["components"]["schemas"]
    lines = [HEAD, "## Requests\n", "| | | |", "|---|---|---|"]
    for route in ROUTES:
        anchor = described["paths"][route.path][route.method.lower()]["operationId"]
        lines.append(f"| `{route.method}` | [`{route.path}`](#{anchor.lower()}) | {route.summary} |")
    lines.append("")
    for route in ROUTES:
        operation = described["paths"][route.path][route.method.lower()]
        lines += _operation(route.method, route.path, operation)
    lines += ["## Values\n", *(line for name in sorted(schemas) for line in _schema(name, schemas[name]))]
    return "\n".join(lines).rstrip() + "\n"


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'### <a id="{operation["operationId"].lower()}"></a>`{method} {path}`\n'
    yield f"{operation['summary']}. {operation['description']}\n"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        yield f"- body: {_kind(body)}"
    for parameter in operation["parameters"]:
        if parameter["in"] == "query":
            schema = parameter["schema"]
            yield f"- query `{parameter['name']}`: {_kind(schema)}{_default(schema)}"
    for status, response in operation["responses"].items():
        for media, content in response["content"].items():
            if status != "default" and media != "text/event-stream":
                what = "each line" if media.endswith("ndjson") else "answer"
                yield f"- {status}, {what}: {_kind(content['schema'])}"
    yield ""


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f'### <a id="{name.lower()}"></a>{name}\n'
    yield f"{_one_paragraph(schema.get('description', ''))}\n"
    if "enum" in schema:
        yield ", ".join(f"`{word}`" for word in schema["enum"]) + "\n"
    properties = schema.get("properties", {})
    if properties:
        yield from ("| field | type | |", "|---|---|---|")
        required = schema.get("required", ())
        for field, kind in properties.items():
            need = "required" if field in required else _default(kind).removeprefix(", ")
            yield f"| `{field}` | {_kind(kind)} | {need} |"
        yield ""


def _one_paragraph(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _default(schema: dict[str, Any]) -> str:
    default = schema.get("default", ...)
    return "" if default is ... or default is None else f", default `{_json(default)}`"


def _json(value: Any) -> str:
    import json

    return json.dumps(value)


def _kind(schema: dict[str, Any]) -> str:
    """Return a schema in a few words, with links to the values it names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(kind) for kind in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{_json(word)}`" for word in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}" if schema.get("items") else "list"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"object of {_kind(inner)}" if isinstance(inner, dict) and inner else "object"
    return _bounded(schema)


def _bounded(schema: dict[str, Any]) -> str:
    signs = {
        "minimum": "≥",
        "exclusiveMinimum": ">",
        "maximum": "≤",
        "minLength": "length ≥",
        "maxLength": "length ≤",
    }
    bounds = [f"{sign} {schema[name]:g}" for name, sign in signs.items() if name in schema]
    return str(schema.get("type", "any JSON")) + (f" ({', '.join(bounds)})" if bounds else "")


if __name__ == "__main__":
    TARGET.write_text(render())
