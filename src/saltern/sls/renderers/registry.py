"""Renderers by name. Plugins enter by the entry-point group ``saltern.renderers``; ours come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from saltern.foundation.plugins import Plugins

if TYPE_CHECKING:
    from saltern.sls.template import Template, Work

#: Takes what came before, the template, and what stands after the renderer's name in the first line.
Renderer = Callable[["Work", "Template", str], "Work"]

GROUP = "saltern.renderers"
_OWN: Mapping[str, str] = {
    "age": "saltern.sls.renderers.age:render",
    "gpg": "saltern.sls.renderers.gpg:render",
    "jinja": "saltern.sls.renderers.jinja:render",
    "json": "saltern.sls.renderers.data:render_json",
    "mako": "saltern.sls.renderers.mako:render",
    "py": "saltern.sls.renderers.py:render",
    "pyobjects": "saltern.sls.renderers.pyobjects:render",
    "text": "saltern.sls.renderers.data:render_plain",
    "toml": "saltern.sls.renderers.data:render_toml",
    "tomlmod": "saltern.sls.renderers.data:render_toml",
    "yaml": "saltern.sls.renderers.data:render_yaml",
}


class Renderers(Plugins[Renderer]):
    """Renderers by their names."""

    def __init__(self, own: Mapping[str, str], group: str = "") -> None:
        """Take names with ``module:function``, and the entry-point group that adds to them."""
        super().__init__("renderer", own, group)


RENDERERS = Renderers(_OWN, GROUP)
