"""One template through its renderers."""

from __future__ import annotations

from typing import Any, NamedTuple

from saltern.foundation.errors import NotFound, SalternError
from saltern.sls.fault import SlsError
from saltern.sls.options import Options
from saltern.sls.renderers.registry import RENDERERS, Renderers
from saltern.sls.template import Template, Work, same_line
from saltern.sls.yaml_text import Limits, Marked


class Part(NamedTuple):
    """One renderer of a pipeline, with what is written after its name."""

    name: str
    argument: str


class Rendered(NamedTuple):
    """What a template came to, with the template itself (for messages) and the way back to its lines."""

    data: Any
    work: Work
    template: Template


def pipeline(text: str, default: str) -> list[Part]:
    """Return the renderers that the first line asks for (``#!mako|yaml``), else those of ``default``."""
    first = text[: text.find("\n")] if "\n" in text else text
    chosen = first[2:] if first.startswith("#!") and not first.startswith("#!/") else default
    words = [part.strip().partition(" ") for part in chosen.strip().split("|")]
    return [Part(name, argument.strip()) for name, _, argument in words if name]


def render(template: Template, options: Options, *, renderers: Renderers = RENDERERS) -> Rendered:
    """Return what a template says, as data; an empty file says nothing (None).

    Raises SlsError that names the line of the source.
    """
    work = Work(template.text, same_line)
    if not template.text.strip():
        return Rendered(None, work, template)
    for part in allowed(pipeline(template.text, options.renderer), options, template):
        work = _step(part, work, template, renderers)
    if isinstance(work.content, dict | list) and not isinstance(work.content, Marked):
        _check_depth(work.content, template)
    return Rendered(_plain(work.content), work, template)


def _check_depth(data: Any, template: Template) -> None:
    """Refuse data that is nested too deeply, or holds itself; YAML was bounded when it was read."""
    level = [data]
    for _ in range(Limits().depth):
        below = (value for one in level for value in (one.values() if isinstance(one, dict) else one))
        level = [value for value in below if isinstance(value, dict | list | tuple)]
        if not level:
            return
    raise template.fail(f"nested deeper than {Limits().depth} levels")


def render_text(template: Template, options: Options, *, renderers: Renderers = RENDERERS) -> str:
    """Return what a template comes to where text is wanted. Raises SlsError when it makes data."""
    content = render(template, options, renderers=renderers).work.content
    if isinstance(content, str):
        return content
    raise template.fail(f"text is wanted here, and the renderers make {type(content).__name__}")


def allowed(parts: list[Part], options: Options, template: Template) -> list[Part]:
    """Return the parts. Raises SlsError for a renderer that the settings forbid."""
    for part in parts:
        white, black = options.renderer_whitelist, options.renderer_blacklist
        if (white and part.name not in white) or part.name in black:
            raise template.fail(
                f"the renderer {part.name!r} is not allowed here",
                line=1,
                hint="see renderer_whitelist and renderer_blacklist in the settings",
            )
    return parts


def _step(part: Part, work: Work, template: Template, renderers: Renderers) -> Work:
    try:
        renderer = template.world.renderer(part.name) or renderers.get(part.name)
    except NotFound as error:
        raise template.fail(error.message, line=1, hint=error.hint) from None
    try:
        return renderer(work, template, part.argument)
    except SlsError:
        raise
    except SalternError as error:
        raise template.fail(f"{part.name}: {error}", hint=error.hint) from error


def _plain(content: Any) -> Any:
    """Return data; text that is nothing but space is nothing."""
    return None if isinstance(content, str) and not content.strip() else content
