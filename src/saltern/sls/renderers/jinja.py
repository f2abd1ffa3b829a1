"""The renderer ``jinja``: text with Jinja in it to text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from saltern.sls.functions import Functions
from saltern.sls.options import Options
from saltern.sls.template import Template, Work, paths_of

_HEADER = "#jinja2:"
#: Text without any of these comes out as it went in (Jinja makes one kind of line's end of all).
_MARKS = ("{{", "{%", "{#", "\r")


def render(work: Work, template: Template, argument: str) -> Work:
    """Return the text with everything in it worked out. Raises SlsError that names the line."""
    if argument not in ("", "-s"):
        raise template.fail(f"the renderer jinja has no option {argument!r}", 1)
    options = Options.of(template.world.opts)
    text, header = _header(work.text("jinja", template), template)
    settings = _settings(options, template) | header
    if not settings and not any(mark in text for mark in _MARKS):
        return Work(text, work.source, work.secret)
    from saltern.sls.jinja.environment import TreeLoader, environment, known_options

    loader = TreeLoader(template.tree, template.saltenv)
    made = environment(
        loader,
        known_options(settings, lambda name: template.fail(f"Jinja has no option {name!r}")),
        template.world,
        lenient=options.allow_undefined,
    )
    loader.texts[template.shown] = "" if work.secret else text
    rendered = _render(made, loader, text, template)
    return Work(rendered.content, _composed(rendered.source, work.source), work.secret)


def _composed(after: Callable[[int], int], before: Callable[[int], int]) -> Callable[[int], int]:
    return lambda line: before(after(line))


def _settings(options: Options, template: Template) -> dict[str, Any]:
    """Return the options of Jinja's environment: those for SLS, or for other templates."""
    settings = dict(options.jinja_sls_env if template.sls else options.jinja_env)
    if options.jinja_trim_blocks:
        settings["trim_blocks"] = True
    if options.jinja_lstrip_blocks:
        settings["lstrip_blocks"] = True
    return settings


def _header(text: str, template: Template) -> tuple[str, dict[str, Any]]:
    """Return the text without its line ``#jinja2: {…}``, and the options in it.

    The line is the first, or the second after one that names renderers. A comment over its end takes its
    place, so that the lines keep their numbers.
    """
    if _HEADER not in text:
        return text, {}
    lines = text.split("\n")
    place = 1 if text.startswith("#!") and not text.startswith("#!/") else 0
    if place >= len(lines) or not lines[place].startswith(_HEADER):
        return text, {}
    written = lines[place].removeprefix(_HEADER).strip()
    try:
        options = json.loads(written or "{}")
    except ValueError as error:
        raise template.fail(f"the options of Jinja are not JSON: {error}", place + 1) from None
    if not isinstance(options, dict):
        raise template.fail("the options of Jinja are a JSON object", place + 1)
    known = {name.lower(): value for name, value in options.items()}
    start, end = known.get("comment_start_string", "{#"), known.get("comment_end_string", "#}")
    lines[place : place + 2] = [f"{start}\n{end}{''.join(lines[place + 1 : place + 2])}"]
    return "\n".join(lines), options


def variables(template: Template) -> dict[str, Any]:
    """Return the variables of a template."""
    world = template.world
    functions = Functions(world)
    return {
        "salt": functions,
        "__salt__": functions,
        "grains": world.grains,
        "pillar": world.pillar,
        "opts": world.opts,
        "saltenv": template.saltenv,
        "env": template.saltenv,
        "sls": template.sls,
        "proxy": {},
        "tplpath": template.shown,
        **paths_of(template.path),
        **template.context,
    }


def _render(made: Any, loader: Any, text: str, template: Template) -> Work:
    from saltern.sls.jinja.code import compiled
    from saltern.sls.jinja.lines import Lines
    from saltern.sls.jinja.trace import translated

    names = variables(template)
    made.globals.update(names)
    pieces: list[str] = []
    code_lines: list[int] = []
    try:
        code = compiled(made, text, template.path, template.shown)
        runnable = made.template_class.from_code(made, code, made.make_globals(None))
        output = runnable.root_render_func(runnable.new_context(dict(names)))
        for piece in output:
            pieces.append(piece)
            code_lines.append(output.gi_frame.f_lineno)
    except Exception as error:  # a template is a stranger's program
        raise translated(error, loader.texts, template.shown, names) from error
    if text.endswith("\n"):
        pieces.append("\n")
        code_lines.append(code_lines[-1] if code_lines else 1)
    return Work("".join(pieces), Lines(pieces, code_lines, runnable.debug_info, text))
