"""Helpers for those who write SLS: merge data, write and read formats, look into the file roots."""

from __future__ import annotations

import posixpath
import textwrap
from collections.abc import Mapping
from typing import Any

from saltern.library import _formats
from saltern.sdk import BadArgument, Host, NotFound
from saltern.sdk.merge import merged, over

#: How Salt's serializers write when nothing else is asked for.
_USUAL: Mapping[str, Mapping[str, Any]] = {
    "json": {"indent": None, "separators": (", ", ": "), "sort_keys": False},
    "yaml": {"default_flow_style": None},
    "yamlex": {"default_flow_style": None},
}


def update(
    host: Host,
    dest: dict[Any, Any],
    upd: dict[Any, Any],
    recursive_update: bool = True,
    merge_lists: bool = False,
) -> dict[Any, Any]:
    """Return ``dest`` with ``upd`` laid upon it, within mappings too unless ``recursive_update`` is off.

    ``merge_lists`` puts lists together. Unlike Salt's, it leaves ``dest`` as it is.

    Example:
        saltern run '*' slsutil.update '{foo: Foo}' '{bar: Bar}'
    """
    return over(dest, upd, lists=merge_lists) if recursive_update else {**dest, **upd}


def merge(
    host: Host,
    obj_a: Any,
    obj_b: Any,
    strategy: str = "smart",
    renderer: str = "yaml",
    merge_lists: bool = False,
) -> Any:
    """Return two mappings merged, the second upon the first, by Salt's strategies.

    ``smart``, ``recurse`` and ``none`` go into mappings, ``overwrite`` and ``aggregate`` replace what both
    have, ``list`` keeps both in a list. ``renderer`` is accepted as Salt has it.

    Example:
        saltern run '*' slsutil.merge '{foo: {a: 1}}' '{foo: {b: 2}}'
    """
    for one in (obj_a, obj_b):
        if not isinstance(one, Mapping):
            raise BadArgument(f"only mappings can be merged, not a {type(one).__name__}")
    return merged(obj_a, obj_b, strategy, lists=merge_lists)


def merge_all(
    host: Host, lst: list[Any], strategy: str = "smart", renderer: str = "yaml", merge_lists: bool = False
) -> Any:
    """Return a list of mappings merged, each upon those before it; see ``merge``.

    Example:
        saltern run '*' slsutil.merge_all '[{foo: Foo}, {foo: Bar}]'
    """
    made: Any = {}
    for one in lst:
        made = merge(host, made, one, strategy, renderer, merge_lists)
    return made


def serialize(host: Host, serializer: str, obj: Any, /, **mod_kwargs: Any) -> str:
    """Return data as text in a format, such as json, yaml, configparser, python, plist or keyvalue.

    What else is named are options of Salt's serializer.

    Example:
        saltern run '*' slsutil.serialize json '{foo: Foo}' indent=2
    """
    text = _formats.serialized(obj, serializer, {**_USUAL.get(serializer, {}), **mod_kwargs})
    return text.strip() if serializer.startswith("yaml") else text


def deserialize(host: Host, serializer: str, stream_or_string: str, /, **mod_kwargs: Any) -> Any:
    """Return the data in a text of a format; see ``serialize``.

    Example:
        saltern run '*' slsutil.deserialize yaml '"foo: Foo!"'
    """
    return _formats.deserialized(stream_or_string, serializer, mod_kwargs)


def renderer(
    host: Host,
    path: str | None = None,
    string: str | None = None,
    default_renderer: str = "jinja|yaml",
    /,
    **kwargs: Any,
) -> Any:
    """Return what a file, or a text, comes to when it is rendered; what else is named is in its context.

    ``path`` is a ``salt://`` address or a path on this machine. Its first line (``#!yaml``) names other
    renderers than the default ones.

    Example:
        saltern run '*' slsutil.renderer salt://path/to/file
        saltern run '*' slsutil.renderer string='Inline template! {{ saltenv }}' default_renderer=jinja
    """
    named = {"path": path, "string": string, "default_renderer": default_renderer}
    chosen = {name: kwargs.pop(name, value) for name, value in named.items()}
    where, text = chosen["path"], chosen["string"]
    if where:
        text = _content(host, str(where))
    if text is None:
        raise BadArgument("slsutil.renderer needs a path or a string")
    return host.supply.rendered(str(text), str(chosen["default_renderer"]), kwargs, str(where or "<string>"))


def _content(host: Host, path: str) -> str:
    if not path.startswith("salt://"):
        return host.text(path)
    found = host.supply.file(path)
    if found is None:
        raise NotFound(f"there is no file {path}")
    return found.decode(errors="replace")


def banner(
    host: Host,
    width: int = 72,
    commentchar: str = "#",
    borderchar: str = "#",
    blockstart: str | None = None,
    blockend: str | None = None,
    title: str | None = None,
    text: str | None = None,
    newline: bool = False,
) -> str:
    """Return a comment in a box that says who manages a file.

    ``width`` is in characters; ``title`` is centred, ``text`` below it flush left. ``blockstart`` and
    ``blockend`` stand around it, for languages whose comments have an end.

    Example:
        saltern run '*' slsutil.banner width=40 title='Hands off'
    """
    title = _TITLE if title is None else title
    text = _TEXT if text is None else text
    edge = commentchar.rstrip()
    end = commentchar.strip()
    room = width - len(edge) - len(end)
    inner = room - 2
    if inner < 1:
        raise BadArgument(f"a banner of {width} characters is too narrow")
    border = f"{edge}{borderchar * room}{end}"
    lines = [
        border,
        f"{edge}{' ' * room}{end}",
        *(f"{edge} {line.center(inner)} {end}" for line in textwrap.wrap(title, inner)),
        f"{edge}{' ' * room}{end}",
        *(f"{edge} {line.ljust(inner)} {end}" for line in textwrap.wrap(text, inner)),
        border,
    ]
    whole = [*([blockstart] if blockstart else []), *lines, *([blockend] if blockend else [])]
    return "\n".join(whole) + ("\n" if newline else "")


_TITLE = "THIS FILE IS MANAGED BY SALTERN - DO NOT EDIT"
_TEXT = (
    "The contents of this file are managed by Saltern. Any changes to this file may be overwritten "
    "automatically and without warning."
)


def boolstr(host: Host, value: Any, true: str = "true", false: str = "false") -> str:
    """Return one text for what Python takes for true, another for what it takes for false.

    Example:
        saltern run '*' slsutil.boolstr True yes no
    """
    return true if value else false


def file_exists(host: Host, path: str, saltenv: str = "base") -> bool:
    """Tell whether the file roots have a file.

    Example:
        saltern run '*' slsutil.file_exists path/to/file
    """
    return path in host.supply.files(saltenv=saltenv)


def dir_exists(host: Host, path: str, saltenv: str = "base") -> bool:
    """Tell whether the file roots have a directory.

    Example:
        saltern run '*' slsutil.dir_exists path/to/dir
    """
    return path in _directories(host, saltenv)


def path_exists(host: Host, path: str, saltenv: str = "base") -> bool:
    """Tell whether the file roots have a file or a directory.

    Example:
        saltern run '*' slsutil.path_exists path/to/it
    """
    return file_exists(host, path, saltenv) or dir_exists(host, path, saltenv)


def findup(host: Host, startpath: str, filenames: str | list[str], saltenv: str = "base") -> str:
    """Return the path of the first of some names that is in a directory of the file roots or above it.

    Raises NotFound, BadArgument for a start that isn't there.

    Example:
        saltern run '*' slsutil.findup formulas/shared/nfs init.sls
    """
    names = [filenames] if isinstance(filenames, str) else filenames
    start = startpath.strip("/")
    if start and not path_exists(host, start, saltenv):
        raise BadArgument(f"the file roots have no {startpath!r} to begin at")
    while True:
        for name in names:
            path = posixpath.join(start, name)
            if path_exists(host, path, saltenv):
                return path
        if not start:
            raise NotFound(f"neither {startpath!r} nor what is above it has {' or '.join(names)}")
        start = posixpath.dirname(start)


def _directories(host: Host, saltenv: str) -> set[str]:
    """Return every directory, those too that only hold others."""
    found = set(host.supply.directories(saltenv=saltenv))
    for path in host.supply.files(saltenv=saltenv):
        while path := posixpath.dirname(path):
            found.add(path)
    return found
