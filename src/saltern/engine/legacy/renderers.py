"""The renderers of the file roots: ``render(text, saltenv, sls, …)`` as one step of a template's chain."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from saltern.engine.legacy.collection import Collection
from saltern.sdk import Host, SalternError
from saltern.sls.renderers.registry import Renderer
from saltern.sls.template import Template, Work


class _Text(str):
    """Text that can also be read as a file, for renderers take either."""

    def read(self) -> str:
        """Return all of it."""
        return str(self)

    getvalue = read


def renderer(collection: Collection, host: Host, name: str) -> Renderer | None:
    """Return a renderer of the file roots; None when they have none called so. Raises NotSupported."""
    if not collection.listing.get("renderers"):
        return None
    loaded = collection.module("renderers", name)
    if loaded is None:
        return None
    function: Callable[..., Any] | None = getattr(loaded.module, "render", None)
    if function is None:
        raise loaded.refusal("a renderer needs a function render()")

    def render(work: Work, template: Template, argument: str) -> Work:
        content = _Text(work.content) if isinstance(work.content, str) else work.content
        more = {
            "argline": argument,
            "context": dict(template.context),
            "tmplpath": template.shown,
            "renderers": {},
        }
        with collection.entered(host):
            try:
                made = function(content, template.saltenv, template.sls, **_taken(function, more))
            except SalternError:
                raise
            except Exception as error:
                raise template.fail(f"{name}: {type(error).__name__}: {error}") from error
        return Work(made.read() if hasattr(made, "read") else made, lambda line: 0)

    return render


def _taken(function: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values()):
        return given
    return {name: value for name, value in given.items() if name in parameters}
