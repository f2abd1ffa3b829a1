"""Filters that write data as text, and read text as data: YAML, JSON, XML, Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import TemplateRuntimeError

from saltern.sls.jinja.filters.undefined import hand_on_undefined
from saltern.sls.yaml_text import YamlError, load

_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "'": "\\u0027"})


def to_yaml(value: Any, flow_style: bool | None = True) -> str:
    """Return data as YAML: in one line, or with ``flow_style=False`` as a block."""
    from saltern.sls.yaml_dump import dump

    return dump(value, flow_style=flow_style)


def to_json(value: Any, sort_keys: bool = True, indent: int | None = None) -> str:
    """Return data as JSON."""
    return json.dumps(value, sort_keys=sort_keys, indent=indent, ensure_ascii=False).strip()


def tojson(value: Any, indent: int | None = None, **options: Any) -> str:
    """Return data as JSON that may stand in HTML, in the order of the data."""
    options.setdefault("ensure_ascii", True)
    return json.dumps(value, indent=indent, **options).translate(_HTML)


def to_python(value: Any) -> str:
    """Return data as Python writes it."""
    import pprint

    return pprint.pformat(value).strip()


def to_xml(value: Any) -> str:
    """Return data as XML: a mapping's keys are elements, its plain values their attributes."""
    from xml.dom import minidom
    from xml.etree.ElementTree import tostring

    text: str = minidom.parseString(tostring(_element(None, _pairs(value)))).toprettyxml(indent=" ")  # noqa: S318
    return text


def _pairs(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple):
        return [tuple(value)] if value and isinstance(value[0], str) else []
    raise TemplateRuntimeError("only a mapping or a list can be written as XML")


def _element(parent: Any, pairs: list[tuple[str, Any]]) -> Any:
    from xml.etree.ElementTree import Element, SubElement

    made = None
    for tag, content in pairs:
        if isinstance(content, list):
            for one in content:
                made = _element(parent, [(tag, one)])
            continue
        made = Element(tag) if parent is None else SubElement(parent, tag)
        if isinstance(content, str | bool | int | float):
            made.text = str(content)
            continue
        if isinstance(content, dict):
            made.attrib = {key: str(one) for key, one in content.items() if not isinstance(one, dict | list)}
        for inner, value in _pairs(content):
            if isinstance(value, dict | list):
                _element(made, [(inner, value)])
    return made


def load_yaml(value: Any) -> Any:
    """Return what YAML says."""
    text = str(value)
    try:
        return load(text)
    except YamlError as error:
        raise TemplateRuntimeError(_quoted(error, text)) from None


def _quoted(error: YamlError, text: str) -> str:
    lines = text.splitlines()
    line = f" {lines[error.line - 1].strip()!r}" if 1 <= error.line <= len(lines) else ""
    hint = f" ({error.hint})" if error.hint else ""
    return f"this YAML can't be read: {error.message}, in its line {error.line}{line}{hint}"


def load_json(value: Any) -> Any:
    """Return what JSON says."""
    text = str(value)
    try:
        return json.loads(text)
    except ValueError as error:
        raise TemplateRuntimeError(f"this JSON can't be read: {error}") from None


def load_text(value: Any) -> Any:
    """Return a text as it is, that of an imported file too."""
    from jinja2.environment import TemplateModule

    return str(value) if isinstance(value, TemplateModule) else value


def dict_to_sls_yaml_params(value: Mapping[str, Any], flow_style: bool = False) -> str:
    """Return a mapping as the arguments of a state: a list of mappings with one key each."""
    return to_yaml([{key: one} for key, one in value.items()], flow_style)


def yaml_dquote(text: Any) -> str:
    """Return a text in YAML's double quotes."""
    return _written("write_double_quoted", str(text))


def yaml_squote(text: Any) -> str:
    """Return a text in YAML's single quotes."""
    return _written("write_single_quoted", str(text))


def _written(method: str, text: str) -> str:
    import io

    from yaml.emitter import Emitter

    stream = io.StringIO()
    getattr(Emitter(stream, width=sys.maxsize), method)(text)
    return stream.getvalue()


def yaml_encode(value: Any) -> str:
    """Return a single value as YAML; text is quoted. Raises TypeError for a list or mapping."""
    from yaml import ScalarNode
    from yaml.representer import SafeRepresenter

    node = SafeRepresenter().represent_data(value)
    if not isinstance(node, ScalarNode):
        raise TypeError(f"yaml_encode takes a single value, not a {type(value).__name__}")
    return yaml_dquote(node.value) if node.tag.endswith(":str") else str(node.value)


_OF_DATA: Mapping[str, Callable[..., Any]] = {
    "dict_to_sls_yaml_params": dict_to_sls_yaml_params,
    "json": to_json,
    "load_json": load_json,
    "load_text": load_text,
    "load_yaml": load_yaml,
    "python": to_python,
    "tojson": tojson,
    "xml": to_xml,
    "yaml": to_yaml,
}
FILTERS: Mapping[str, Callable[..., Any]] = {
    **{name: hand_on_undefined(function) for name, function in _OF_DATA.items()},
    "yaml_dquote": yaml_dquote,
    "yaml_encode": yaml_encode,
    "yaml_squote": yaml_squote,
}
