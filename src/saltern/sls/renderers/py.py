"""The renderer ``py``: a Python file whose ``run()`` returns the data."""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from saltern.sls.fault import SlsError
from saltern.sls.renderers.jinja import variables
from saltern.sls.template import Template, Work


def render(work: Work, template: Template, argument: str) -> Work:
    """Return what the file's ``run()`` returns. Raises SlsError that names the line."""
    text = work.text("py", template)
    names = _names(template)
    linecache.cache[template.shown] = (len(text), None, text.splitlines(keepends=True), template.shown)
    try:
        exec(compile(text, template.shown, "exec"), names)  # noqa: S102 (that is what this renderer is)
        run = names.get("run")
        if not callable(run):
            raise template.fail("a Python SLS needs a function run() that returns the data")
        return Work(run(), lambda line: 0)
    except SlsError:
        raise
    except SyntaxError as error:
        raise template.fail(f"{error.msg}", error.lineno or 0, error.offset or 0) from None
    except Exception as error:  # the file is a stranger's program
        line = _line(error.__traceback__, template.shown)
        raise template.fail(f"{type(error).__name__}: {error}", line) from error
    finally:
        linecache.cache.pop(template.shown, None)


def _names(template: Template) -> dict[str, Any]:
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


def _line(traceback: TracebackType | None, path: str) -> int:
    """Return the innermost line of a file that an error came through."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
