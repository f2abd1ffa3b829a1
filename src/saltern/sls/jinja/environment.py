"""The environment templates run in: a sandbox with Salt's filters, tests and globals."""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import jinja2
from jinja2 import defaults
from jinja2.environment import Environment
from jinja2.sandbox import SandboxedEnvironment

from saltern.foundation.errors import SalternError
from saltern.sls.jinja.code import LinedGenerator, compiled
from saltern.sls.jinja.tags import Tags
from saltern.sls.template import paths_of
from saltern.sls.tree import Tree, is_inside
from saltern.sls.world import World


class SlsEnvironment(SandboxedEnvironment):
    """A sandbox in which ``./`` and ``../`` are relative to the importing file."""

    code_generator_class = LinedGenerator
    world: World

    def matches(self, target: str, kind: str) -> bool:
        """Tell whether a target, read as ``kind``, means the machine the template is for."""
        from saltern.sls.matching import Matcher

        return Matcher(self.world).matches(target, kind)

    def join_path(self, template: str, parent: str) -> str:
        """Return a template's path from the file root."""
        template = template.removeprefix("salt://")
        if template.split("/", 1)[0] not in (".", ".."):
            return template
        return posixpath.normpath(posixpath.join(posixpath.dirname(parent), template))


class TreeLoader(jinja2.BaseLoader):
    """Templates of one environment of a tree. ``texts`` keeps what was loaded, by name, for messages."""

    def __init__(self, tree: Tree, saltenv: str) -> None:
        """Take the tree and the environment whose files are loaded."""
        self._tree = tree
        self._saltenv = saltenv
        self.texts: dict[str, str] = {}

    def load(
        self, environment: Environment, name: str, globals: MutableMapping[str, Any] | None = None
    ) -> jinja2.Template:
        """Return a template, ready to render; it knows its own place as ``tpldir`` and so on.

        Raises jinja2.TemplateNotFound.
        """
        text, shown = self._read(name)
        self.texts[shown] = text
        code = compiled(environment, text, name, shown)
        variables = environment.make_globals(dict(paths_of(name)))
        return environment.template_class.from_code(environment, code, variables)

    def _read(self, name: str) -> tuple[str, str]:
        if not is_inside(name):
            raise jinja2.TemplateNotFound(name, f"the path {name!r} leaves the tree")
        try:
            source = self._tree.read(self._saltenv, name)
            if source is not None:
                return source.data.decode(), source.shown
        except UnicodeDecodeError:
            raise jinja2.TemplateNotFound(name, f"{name} is not text in UTF-8") from None
        except SalternError as error:
            raise jinja2.TemplateNotFound(name, str(error)) from error
        raise jinja2.TemplateNotFound(name, f"there is no file {name} in the environment {self._saltenv}")


def environment(
    loader: TreeLoader, options: Mapping[str, Any], world: World, *, lenient: bool
) -> SlsEnvironment:
    """Return a fresh environment; its globals may be added to. ``options`` are Jinja's own, by name."""
    made = _base(lenient).overlay(loader=loader, **options)
    assert isinstance(made, SlsEnvironment)
    made.globals = dict(made.globals)
    made.cache = {}
    made.world = world
    return made


@functools.lru_cache(2)
def _base(lenient: bool) -> SlsEnvironment:
    from saltern.sls.jinja.filters import FILTERS, GLOBALS, TESTS
    from saltern.sls.jinja.printing import printable

    made = SlsEnvironment(
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", Tags],
        undefined=jinja2.Undefined if lenient else jinja2.StrictUndefined,
        finalize=printable,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    made.tests.update(TESTS)
    made.globals.update(GLOBALS)
    return made


def known_options(written: Mapping[str, Any], refuse: Callable[[str], Exception]) -> dict[str, Any]:
    """Return options of Jinja's environment in lower case; ``refuse`` makes the error for an unknown one."""
    options = {}
    for name, value in written.items():
        if not hasattr(defaults, name.upper()) or name.lower().startswith("default_"):
            raise refuse(name)
        options[name.lower()] = value
    return options
