"""Renderers by name. Plugins enter by the entry-point group ``saltern.renderers``; ours come first."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from saltern.foundation.errors import NotFound, nearest

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


class Renderers:
    """Names to renderers; nothing is imported but what is asked for."""

    def __init__(self, own: Mapping[str, str], group: str = "") -> None:
        """Take names with ``module:function``, and the entry-point group that adds to them."""
        self._own = own
        self._group = group
        self._loaded: dict[str, Renderer] = {}

    def names(self) -> list[str]:
        """Return the names of all renderers, plugins included."""
        return sorted({*self._own, *self._plugins})

    def get(self, name: str) -> Renderer:
        """Return a renderer. Raises NotFound that proposes the nearest name."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    @functools.cached_property
    def _plugins(self) -> dict[str, str]:
        from importlib.metadata import entry_points

        return {point.name: point.value for point in entry_points(group=self._group)} if self._group else {}

    def _load(self, name: str) -> Renderer:
        target = self._own.get(name) or self._plugins.get(name)
        if target is None:
            known = self.names()
            raise NotFound(
                f"there is no renderer {name!r}", hint=nearest(name, known) or f"there are {', '.join(known)}"
            )
        module, _, function = target.partition(":")
        loaded: Renderer = getattr(importlib.import_module(module), function)
        return loaded


RENDERERS = Renderers(_OWN, GROUP)
