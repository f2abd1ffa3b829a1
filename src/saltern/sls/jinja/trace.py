"""Errors out of a template: which line of which file, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType

import jinja2

from saltern.foundation.errors import SalternError, nearest
from saltern.sls.fault import Fault, Place, SlsError, excerpt
from saltern.sls.jinja.filters.text import Raised

_UNDEFINED = re.compile(r"'([^']+)' is undefined")
_NO_ATTRIBUTE = re.compile(r"has no attribute '?([^']+)'?")


def translated(error: Exception, texts: Mapping[str, str], main: str, names: Iterable[str]) -> SlsError:
    """Return the error as people can use it.

    ``texts`` are the templates by path, ``main`` the one that was rendered, ``names`` its variables.
    """
    if isinstance(error, jinja2.TemplateSyntaxError):
        path = error.filename if error.filename in texts else main
        places = [Place(path or main, error.lineno)]
    else:
        places = list(_places(error.__traceback__))[::-1] or [Place(main)]
    where, *outer = dict.fromkeys(places)
    return SlsError(
        [
            Fault(
                message=_message(error),
                where=where,
                hint=_hint(error, names),
                also=tuple(outer),
                excerpt=excerpt(texts.get(where.path, ""), where.line),
            )
        ]
    )


def _places(traceback: TracebackType | None) -> Iterator[Place]:
    """Give the lines of templates that an error came through, the outermost first."""
    while traceback is not None:
        template = traceback.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            yield Place(template.filename, template.get_corresponding_lineno(traceback.tb_lineno))
        traceback = traceback.tb_next


def _message(error: Exception) -> str:
    text = str(error)
    if isinstance(error, Raised):
        return text
    if isinstance(error, jinja2.UndefinedError):
        name = _UNDEFINED.fullmatch(text)
        return f"the variable {name[1]!r} is not defined" if name else text
    if isinstance(error, jinja2.TemplateNotFound):
        return error.message or text
    if isinstance(error, jinja2.TemplateError | SalternError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _hint(error: Exception, names: Iterable[str]) -> str:
    if isinstance(error, SalternError):
        return error.hint
    if isinstance(error, jinja2.UndefinedError):
        return _undefined_hint(str(error), names)
    if isinstance(error, jinja2.TemplateNotFound):
        return "paths begin at the file root; './' and '../' at the directory of the importing file"
    return ""


def _undefined_hint(text: str, names: Iterable[str]) -> str:
    name = _UNDEFINED.fullmatch(text)
    if name:
        return nearest(name[1], names) or f"set it, or write {name[1]} | default(…)"
    key = _NO_ATTRIBUTE.search(text)
    return f"write .get({key[1]!r}, …) where it may be missing" if key else ""
