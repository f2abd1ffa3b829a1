"""The renderer ``py``: a Python file whose ``run()`` returns the data."""

from __future__ import annotations

from typing import Any

from saltern.sls.renderers.program import names_of, run
from saltern.sls.template import Template, Work


def render(work: Work, template: Template, argument: str) -> Work:
    """Return what the file's ``run()`` returns. Raises SlsError that names the line."""
    names = names_of(template)

    def data() -> Any:
        made = names.get("run")
        if not callable(made):
            raise template.fail("a Python SLS needs a function run() that returns the data")
        return made()

    return Work(run(work.text("py", template), names, template, data), lambda line: 0)
