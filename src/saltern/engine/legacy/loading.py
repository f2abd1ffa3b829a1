"""One file of the file roots, made a module: in a namespace of its own, under a name nobody else has."""

from __future__ import annotations

import builtins
import contextlib
import functools
import hashlib
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, ModuleType
from typing import Any

from saltern.engine.legacy.importer import Sibling, importer
from saltern.sdk import NotSupported, SalternError

#: Begins the names of these modules in ``sys.modules``, where nothing of Python's or ours is called so.
PREFIX = "saltern_file_roots"


class _Text:
    """Gives tracebacks the lines of a file that is on no disk."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_source(self, fullname: str) -> str:
        """Return the file's text."""
        return self._text


class Declined(NotSupported):
    """A module does not want to be loaded here; its ``__virtual__`` says so."""


class Loaded:
    """A module, where it comes from, and whether it has the shape of our own nouns."""

    def __init__(self, module: ModuleType, shown: str, is_native: bool) -> None:
        """Take the module, and its path for messages."""
        self.module = module
        self.shown = shown
        self.is_native = is_native

    def refusal(self, problem: str, where: str = "") -> NotSupported:
        """Return an error about this file."""
        return NotSupported(problem, where=where or self.shown)


def load(
    name: str,
    data: bytes,
    shown: str,
    names: Mapping[str, Any],
    sibling: Sibling,
    note: Callable[[ModuleType], None] = lambda module: None,
) -> Loaded:
    """Return the module ``name`` made of a file's content.

    ``names`` are laid into it before it runs and after; ``note`` is told of it before. Raises NotSupported
    with the line of the file that went wrong.
    """
    digest = hashlib.sha256(data).hexdigest()
    module = ModuleType(f"{PREFIX}.{digest[:12]}.{name}")
    try:
        code = _code(digest, data, shown)
        module.__dict__.update(names, __file__=shown, __loader__=_Text(data.decode(errors="replace")))
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": importer(sibling)}
        sys.modules[module.__name__] = module  # where dataclasses and structs look for their module
        note(module)
        exec(code, module.__dict__)  # noqa: S102  the file roots are the operator's own code
    except Exception as error:
        sys.modules.pop(module.__name__, None)
        raise NotSupported(
            f"this module can't be loaded: {type(error).__name__}: {error}",
            where=place(error, shown),
            hint="correct it, or take it out of the file roots",
        ) from error
    module.__dict__.update(names)
    return Loaded(module, shown, _is_native(code))


@functools.lru_cache(maxsize=256)
def _code(digest: str, data: bytes, shown: str) -> CodeType:
    return compile(data, shown, "exec", dont_inherit=True)


def _is_native(code: CodeType) -> bool:
    """Tell whether a module imports ours, as nouns of our own shape do."""
    return any(name == "saltern" or name.startswith("saltern.") for name in code.co_names)


def place(error: BaseException, shown: str) -> str:
    """Return the line of the file at which an error came up, as ``file:line``; else the file."""
    if isinstance(error, SyntaxError) and error.filename == shown:
        return f"{shown}:{error.lineno}"
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == shown]
    return f"{shown}:{lines[-1]}" if lines else shown


@contextlib.contextmanager
def blamed(shown: str, what: str) -> Iterator[None]:
    """Turn whatever a module raises in ``what`` into an error that names its line."""
    try:
        yield
    except SalternError:
        raise
    except Exception as error:
        raise NotSupported(
            f"{what} failed: {type(error).__name__}: {error}", where=place(error, shown)
        ) from error
