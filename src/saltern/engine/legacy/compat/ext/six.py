"""``salt.ext.six``: the names that spanned Python 2 and 3, as Python 3 has them."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from types import ModuleType
from typing import Any

PY2, PY3 = False, True
string_types = (str,)
text_type = str
binary_type = bytes
integer_types = (int,)
class_types = (type,)
MAXSIZE = 2**63 - 1
StringIO = io.StringIO
BytesIO = io.BytesIO
wraps = functools.wraps


def iteritems(mapping: Mapping[Any, Any], **kwargs: Any) -> Iterator[tuple[Any, Any]]:
    """Give keys with values."""
    return iter(mapping.items())


def iterkeys(mapping: Mapping[Any, Any], **kwargs: Any) -> Iterator[Any]:
    """Give keys."""
    return iter(mapping.keys())


def itervalues(mapping: Mapping[Any, Any], **kwargs: Any) -> Iterator[Any]:
    """Give values."""
    return iter(mapping.values())


def viewitems(mapping: Mapping[Any, Any]) -> ItemsView[Any, Any]:
    """Return keys with values."""
    return mapping.items()


def viewkeys(mapping: Mapping[Any, Any]) -> KeysView[Any]:
    """Return keys."""
    return mapping.keys()


def viewvalues(mapping: Mapping[Any, Any]) -> ValuesView[Any]:
    """Return values."""
    return mapping.values()


def u(text: str) -> str:
    """Return text."""
    return text


def b(text: str) -> bytes:
    """Return text as bytes."""
    return text.encode("latin-1")


def ensure_str(value: str | bytes, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Return text."""
    return value if isinstance(value, str) else value.decode(encoding, errors)


def ensure_binary(value: str | bytes, encoding: str = "utf-8", errors: str = "strict") -> bytes:
    """Return bytes."""
    return value if isinstance(value, bytes) else value.encode(encoding, errors)


ensure_text = ensure_str


def reraise(kind: type[BaseException], value: BaseException | None, trace: Any = None) -> None:
    """Raise an exception again."""
    raise (kind() if value is None else value).with_traceback(trace)


def with_metaclass(meta: Callable[..., type], *bases: type) -> type:
    """Return a base class of another metaclass."""
    return meta("WithMetaclass", bases, {})


def add_metaclass(meta: Callable[..., type]) -> Callable[[type], type]:
    """Return a decorator that makes a class anew with another metaclass."""

    def wrapper(cls: type) -> type:
        names = {key: value for key, value in vars(cls).items() if key not in ("__dict__", "__weakref__")}
        return meta(cls.__name__, cls.__bases__, names)

    return wrapper


class _Moves(ModuleType):
    """What moved between Python 2 and 3, found when it is asked for."""

    _PLACES: Mapping[str, str] = {
        "configparser": "configparser",
        "queue": "queue",
        "html_parser": "html.parser",
        "http_client": "http.client",
        "http_cookies": "http.cookies",
        "urllib": "urllib",
        "xmlrpc_client": "xmlrpc.client",
        "builtins": "builtins",
        "socketserver": "socketserver",
        "cPickle": "pickle",
    }

    def __getattr__(self, name: str) -> Any:
        import importlib

        if name in _MOVED:
            return _MOVED[name]
        if name in self._PLACES:
            return importlib.import_module(self._PLACES[name])
        raise AttributeError(f"salt.ext.six.moves.{name} is not provided for Salt modules here")


def _moved() -> dict[str, Any]:
    import itertools
    import shlex
    import urllib.error
    import urllib.parse
    import urllib.request

    return {
        "range": range,
        "map": map,
        "zip": zip,
        "filter": filter,
        "input": input,
        "reduce": functools.reduce,
        "zip_longest": itertools.zip_longest,
        "filterfalse": itertools.filterfalse,
        "xrange": range,
        "shlex_quote": shlex.quote,
        "StringIO": io.StringIO,
        "cStringIO": io.StringIO,
        "intern": str,
        "urllib_parse": urllib.parse,
        "urllib_error": urllib.error,
        "urllib_request": urllib.request,
    }


_MOVED = _moved()
moves = _Moves("salt.ext.six.moves")
