"""Running Python that stands in a file of the tree: its names, and its errors with the file's lines."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from saltern.sls.fault import SlsError
from saltern.sls.renderers.jinja import variables
from saltern.sls.template import Template

T = TypeVar("T")


def names_of(template: Template) -> dict[str, Any]:
    """Return the names that such a file finds."""
    known = variables(template)
    given: Mapping[str, Any] = {
        **known,
        "__name__": f"saltern_sls_{template.sls or 'template'}",
        "__file__": template.shown,
        "__salt__": known["salt"],
        "__grains__": known["grains"],
        "__pillar__": known["pillar"],
        "__opts__": known["opts"],
        "__env__": template.saltenv,
        "__sls__": template.sls,
    }
    return dict(given)


def run(
    text: str, names: dict[str, Any], template: Template, then: Callable[[], T | None] = lambda: None
) -> T | None:
    """Run a file's text, and what is to be done with its names; return what that gives.

    Raises SlsError that names the line, whatever the file raises.
    """
    linecache.cache[template.shown] = (len(text), None, text.splitlines(keepends=True), template.shown)
    try:
        exec(compile(text, template.shown, "exec"), names)  # noqa: S102 (that is what such a file is for)
        return then()
    except SlsError:
        raise
    except SyntaxError as error:
        raise template.fail(f"{error.msg}", error.lineno or 0, error.offset or 0) from None
    except Exception as error:  # the file is a stranger's program
        line = _line(error.__traceback__, template.shown)
        raise template.fail(f"{type(error).__name__}: {error}", line) from error
    finally:
        linecache.cache.pop(template.shown, None)


def _line(traceback: TracebackType | None, path: str) -> int:
    """Return the innermost line of a file that an error came through."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
