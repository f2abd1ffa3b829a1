"""Tags beyond Jinja's own: ``load_*`` blocks, ``import_*`` of files, ``profile``."""

from __future__ import annotations

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

_LOADS = frozenset({"load_yaml", "load_json", "load_text"})
_IMPORTS = frozenset({"import_yaml", "import_json", "import_text"})


class Tags(Extension):
    """``{% load_yaml as x %}…{% endload %}``, ``{% import_yaml 'f' as x %}``, ``{% profile as 'x' %}``."""

    tags = {*_LOADS, *_IMPORTS, "profile"}  # noqa: RUF012 (an instance's, says Jinja)

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """Return what a tag means."""
        name = str(parser.stream.current.value)
        if name in _LOADS:
            return _load(parser, name)
        return _import(parser, name) if name in _IMPORTS else _profile(parser)


def _filter(inner: nodes.Expr | None, name: str, line: int) -> nodes.Filter:
    return nodes.Filter(inner, name, [], [], None, None, lineno=line)


def _load(parser: Parser, name: str) -> nodes.Node:
    line = next(parser.stream).lineno
    parser.stream.expect("name:as")
    target = parser.parse_assign_target()
    body = parser.parse_statements(("name:endload",), drop_needle=True)
    return nodes.AssignBlock(target, _filter(None, name, line), body, lineno=line)


def _import(parser: Parser, name: str) -> list[nodes.Node]:
    """An import whose module, as text, is read."""
    imported = parser.parse_import()
    line, target = imported.lineno, imported.target
    loaded = _filter(nodes.Name(target, "load", lineno=line), name.replace("import", "load"), line)
    return [imported, nodes.Assign(nodes.Name(target, "store", lineno=line), loaded, lineno=line)]


def _profile(parser: Parser) -> list[nodes.Node]:
    """The body alone: how long it takes is told for whole files."""
    next(parser.stream)
    parser.stream.expect("name:as")
    parser.parse_expression()
    body: list[nodes.Node] = parser.parse_statements(("name:endprofile",), drop_needle=True)
    return body
