"""Renderers that read text as data: yaml, json, toml; and text, which leaves it as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saltern.sls.template import Template, Work
from saltern.sls.yaml_text import YamlError, load


def render_yaml(work: Work, template: Template, argument: str) -> Work:
    """Read YAML; each mapping remembers the lines of its keys. Raises SlsError."""
    text = work.text("yaml", template)
    try:
        return Work(load(text, marked=True), work.source, work.secret)
    except YamlError as error:
        raise _located(error, text, work, template) from None


def _located(error: YamlError, text: str, work: Work, template: Template) -> Exception:
    lines = text.splitlines()
    rendered = lines[error.line - 1] if 1 <= error.line <= len(lines) else ""
    line = work.source(error.line) if error.line else 0
    source = template.text.splitlines()
    same = 1 <= line <= len(source) and source[line - 1] == rendered
    return template.fail(
        error.message,
        line,
        error.column if same else 0,
        hint=error.hint,
        rendered="" if same or work.secret else rendered,
        also=work.source(error.also) if error.also else 0,
    )


def render_json(work: Work, template: Template, argument: str) -> Work:
    """Read JSON; a first line ``#!…`` is no part of it. Raises SlsError."""
    import json

    text = _without_shebang(work.text("json", template))
    return _parsed(json.loads, text, work, template)


def render_toml(work: Work, template: Template, argument: str) -> Work:
    """Read TOML. Raises SlsError."""
    import tomllib

    return _parsed(tomllib.loads, work.text("toml", template), work, template)


def render_plain(work: Work, template: Template, argument: str) -> Work:
    """Leave text as it is, without the line that names the renderers."""
    text = work.text("text", template)
    return Work(_without_shebang(text).removeprefix("\n"), lambda line: work.source(line + 1), work.secret)


def _without_shebang(text: str) -> str:
    """Return the text with its first line emptied when that names renderers; lines keep their numbers."""
    if text.startswith("#!") and not text.startswith("#!/"):
        return text[text.find("\n") :] if "\n" in text else ""
    return text


def _parsed(parse: Callable[[str], Any], text: str, work: Work, template: Template) -> Work:
    try:
        return Work(parse(text), work.source, work.secret)
    except RecursionError:
        raise template.fail("nested too deeply") from None
    except ValueError as error:
        line = getattr(error, "lineno", 0) or _line_in(str(error))
        message = str(getattr(error, "msg", error))
        raise template.fail(message, work.source(line) if line else 0) from None


def _line_in(message: str) -> int:
    """Return the line that a parser's message ends with: ``(at line 3, column 5)``."""
    _, found, rest = message.partition("at line ")
    digits = rest.partition(",")[0]
    return int(digits) if found and digits.isdigit() else 0
