"""The renderer ``mako``; it needs the library Mako."""

from __future__ import annotations

import posixpath
from typing import Any

from saltern.foundation.errors import NotFound
from saltern.sls.renderers.jinja import variables
from saltern.sls.template import Template, Work


def render(work: Work, template: Template, argument: str) -> Work:
    """Return the text with all Mako in it worked out. Raises SlsError that names the line."""
    text = work.text("mako", template)
    try:
        from mako import exceptions
    except ImportError:
        raise template.fail(
            "the renderer mako needs the library Mako", 1, hint="install it: pip install mako"
        ) from None
    try:
        rendered = _lookup(template).adjusted(text).render_unicode(**variables(template))
    except exceptions.MakoException as error:
        raise template.fail(str(error), getattr(error, "lineno", 0)) from error
    except Exception as error:  # a template is a stranger's program
        raise template.fail(f"{type(error).__name__}: {error}", _line(error, text)) from error
    return Work(rendered, lambda line: work.source(line), work.secret)


def _line(error: Exception, text: str) -> int:
    """Return the template's line that an error came through; of an unknown name the first that has it."""
    from mako import exceptions

    if isinstance(error, NameError):
        name = str(error).split("'")[1:2]
        return next(
            (number for number, line in enumerate(text.splitlines(), 1) if name and name[0] in line), 0
        )
    records = exceptions.RichTraceback(error=error).records
    lines: list[int] = [record[5] for record in records if record[5]]
    return lines[-1] if lines else 0


def _lookup(template: Template) -> Any:
    from mako.lookup import TemplateCollection
    from mako.template import Template as MakoTemplate

    class Lookup(TemplateCollection):  # type: ignore[misc]  # the library has no types
        """Templates of the tree; a path without a slash in front is relative to the one that asks."""

        def adjusted(self, text: str, path: str = template.path) -> Any:
            return MakoTemplate(text=text, strict_undefined=True, uri=path, lookup=self)  # noqa: S702 (no HTML)

        def adjust_uri(self, uri: str, relativeto: str) -> str:
            plain = uri.removeprefix("salt://")
            if plain != uri or plain.startswith("/"):
                return plain.lstrip("/")
            return posixpath.normpath(posixpath.join(posixpath.dirname(relativeto), plain))

        def get_template(self, uri: str, relativeto: str | None = None) -> Any:
            source = template.tree.read(template.saltenv, uri)
            if source is None:
                raise NotFound(f"there is no file {uri} in the environment {template.saltenv}")
            return self.adjusted(source.data.decode(), uri)

    return Lookup()
