"""Compiling templates, so that each piece of output knows its line, and each text is compiled once."""

from __future__ import annotations

from types import CodeType

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import Environment

#: Compiled templates that are kept.
_KEPT = 1024


class LinedGenerator(CodeGenerator):
    """Notes the line of every piece that the template itself puts out."""

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:
        """Write each piece on its own, after a note of its line."""
        if frame.buffer is not None or len(node.nodes) == 1:
            self._write(node, frame)
            return
        for child in node.nodes:
            self._write(nodes.Output([child], lineno=child.lineno), frame)

    def _write(self, node: nodes.Output, frame: Frame) -> None:
        if frame.buffer is None:
            self.newline(node.nodes[0])
        super().visit_Output(node, frame)


_codes: dict[tuple[object, ...], CodeType] = {}


def compiled(environment: Environment, text: str, name: str, filename: str) -> CodeType:
    """Return the code of a template. Raises jinja2.TemplateSyntaxError."""
    key = (text, name, filename, _options(environment))
    code = _codes.get(key)
    if code is None:
        code = environment.compile(text, name, filename)
        if len(_codes) >= _KEPT:
            del _codes[next(iter(_codes))]
        _codes[key] = code
    return code


def _options(environment: Environment) -> tuple[object, ...]:
    """Return what the same text may be compiled differently for."""
    return (
        environment.block_start_string,
        environment.block_end_string,
        environment.variable_start_string,
        environment.variable_end_string,
        environment.comment_start_string,
        environment.comment_end_string,
        environment.line_statement_prefix,
        environment.line_comment_prefix,
        environment.trim_blocks,
        environment.lstrip_blocks,
        environment.newline_sequence,
        environment.keep_trailing_newline,
    )
