"""What can be called or kept true from outside, and nothing else: ``noun.function`` to what does it.

A noun is a module. Its functions are those it defines itself, whose names don't begin with an underscore
and whose first parameter is ``host``. A trailing underscore keeps a function's or a parameter's name clear
of others (``list_`` is called ``list``); ``ALIASES`` in the module gives further names. Its states are the
classes derived from ``State`` that it or a module below it defines: ``class ListPresent`` is
``noun.list_present``; ``STATE_ALIASES`` gives further names. A noun that is a folder has them in its module
``states``, which is imported when a state is first asked for; it may have functions in its module
``functions``, which gathers what the modules below define. What a module imports and its other values cannot
be reached.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from saltern.sdk.errors import NotFound, NotSupported, SalternError, nearest
from saltern.sdk.host import Host
from saltern.sdk.state import Action, State

if TYPE_CHECKING:
    import inspect

_NAME = re.compile(r"[a-z][a-z0-9_]*\.[A-Za-z][A-Za-z0-9_]*", re.ASCII)
#: A module may define this: ``unavailable(host) -> str`` gives the reason it can't serve, or nothing.
_VETO = "unavailable"


_OPTIONS = "__saltern_options__"

F = TypeVar("F", bound=Callable[..., Any])


def public_name(name: str) -> str:
    """Return a function's or a parameter's name as callers write it: without the underscore at its end."""
    return name.removesuffix("_")


def takes(options: type[msgspec.Struct]) -> Callable[[F], F]:
    """Say that a function's ``**options`` are the fields of a struct, their types and defaults included.

    For families of functions that share many arguments: callers are checked against the fields, and the
    function makes the struct of what it gets.
    """

    def mark(function: F) -> F:
        setattr(function, _OPTIONS, options)
        return function

    return mark


class Function:
    """One function of a noun, under the name people use."""

    def __init__(self, name: str, call: Callable[..., Any], module: types.ModuleType) -> None:
        """Take the public name (``noun.function``), the function, and the module that defines it."""
        self.name = name
        self.call = call
        self.module = module

    @property
    def doc(self) -> str:
        """The documentation, with its indentation taken away."""
        import inspect

        return inspect.getdoc(self.call) or ""

    @functools.cached_property
    def parameters(self) -> list[inspect.Parameter]:
        """The parameters a caller gives (without ``host``), their annotations resolved to types."""
        import inspect

        own = list(inspect.signature(self.call, eval_str=True).parameters.values())[1:]
        options = self.options
        return own if options is None else [*own[:-1], *map(_parameter, msgspec.structs.fields(options))]

    @property
    def options(self) -> type[msgspec.Struct] | None:
        """The struct whose fields are the function's ``**options``, if it takes any."""
        found: type[msgspec.Struct] | None = getattr(self.call, _OPTIONS, None)
        return found

    @property
    def signature(self) -> str:
        """The function as a caller sees it: ``test.echo(text)``."""
        import inspect

        own = list(inspect.signature(self.call).parameters.values())[1:]
        bare = [one.replace(annotation=inspect.Parameter.empty) for one in own]
        shown = f"{self.name}{inspect.Signature(bare)}"
        for one in own:  # afterwards: a public name may be a word of Python's, which a Parameter refuses
            shown = re.sub(rf"\b{one.name}(?=[=,)])", public_name(one.name), shown)
        return shown

    @property
    def help(self) -> str:
        """Signature, documentation and options, for people."""
        lines = [self.signature, "", self.doc]
        if self.options is not None:
            lines += ["", "Options:"]
            lines += [f"    {_described(field)}" for field in msgspec.structs.fields(self.options)]
        return "\n".join(lines)

    def refusal(self, host: Host) -> str:
        """Return why this host can't run it: a missing program, or the module's own word; else nothing."""
        return _refusal(self.module, host)


class StateKind:
    """One kind of state of a noun, under the name that SLS use."""

    def __init__(self, name: str, cls: type[State], module: types.ModuleType) -> None:
        """Take the public name (``noun.state``), the class, and the noun's module."""
        self.name = name
        self.cls = cls
        self.module = module

    @property
    def doc(self) -> str:
        """The documentation, with its indentation taken away."""
        import inspect

        return inspect.getdoc(self.cls) or ""

    @property
    def fields(self) -> tuple[msgspec.structs.FieldInfo, ...]:
        """The arguments, ``name`` first."""
        return msgspec.structs.fields(self.cls)

    def refusal(self, host: Host) -> str:
        """Return why this host can't keep it: a missing program, or the module's own word; else nothing."""
        return _refusal(self.module, host)


def _refusal(module: types.ModuleType, host: Host) -> str:
    for program in getattr(module, "REQUIRES", ()):
        if host.which(program) is None:
            return f"the program {program!r} is not on this host"
    veto: Callable[[Host], str] | None = getattr(module, _VETO, None)
    return veto(host) if veto else ""


class Source(Protocol):
    """A place nouns come from."""

    def modules(self) -> Mapping[str, str]:
        """Return the nouns with the modules' import names; imports none of them."""


class Package:
    """The modules and sub-packages of one package are its nouns."""

    def __init__(self, name: str) -> None:
        """Take the package's import name."""
        self._name = name

    def modules(self) -> Mapping[str, str]:
        """Return the nouns with the modules' import names."""
        paths = importlib.import_module(self._name).__path__
        found = (entry.name for entry in pkgutil.iter_modules(paths) if not entry.name.startswith("_"))
        return {name.removesuffix("_"): f"{self._name}.{name}" for name in found}


class EntryPoints:
    """Installed distributions bring nouns through an entry-point group: ``noun = its.module``."""

    def __init__(self, group: str) -> None:
        """Take the entry-point group's name."""
        self._group = group

    def modules(self) -> Mapping[str, str]:
        """Return the nouns with the modules' import names."""
        from importlib import metadata

        return {entry.name: entry.value for entry in metadata.entry_points(group=self._group)}


class Registry:
    """The nouns of some sources. When two sources have a noun, the first one's is taken."""

    def __init__(self, *sources: Source) -> None:
        """Take the sources in the order they are asked."""
        self._sources = list(sources)
        self._nouns: dict[str, _Noun] = {}

    def function(self, name: str) -> Function:
        """Return the function called ``name``.

        Raises NotFound that proposes the nearest name; NotSupported when its module can't be imported.
        """
        if _NAME.fullmatch(name):
            noun, _, verb = name.partition(".")
            found = self.noun(noun).get(verb)
            if found is not None:
                return found
        elif "." not in name:
            raise NotFound(f"no function {name!r}", hint="a function is written noun.function: test.ping")
        raise NotFound(f"no function {name!r}", hint=nearest(name, self.names()))

    def state(self, name: str) -> StateKind:
        """Return the kind of state called ``name``.

        Raises NotFound that proposes the nearest name; NotSupported when its module can't be imported.
        """
        if _NAME.fullmatch(name):
            noun, _, verb = name.partition(".")
            found = self.states(noun).get(verb)
            if found is not None:
                return found
        raise NotFound(f"no state {name!r}", hint=nearest(name, self.state_names()))

    def noun(self, noun: str) -> Mapping[str, Function]:
        """Return a noun's functions by their names; none when there is no such noun. Imports its module."""
        found = self._found(noun)
        return {} if found is None else found.functions

    def states(self, noun: str) -> Mapping[str, StateKind]:
        """Return a noun's states by their names; none when there is no such noun. Imports its module."""
        found = self._found(noun)
        return {} if found is None else found.states

    def _found(self, noun: str) -> _Noun | None:
        found = self._nouns.get(noun)
        if found is None:  # the sources are asked each time: what was installed meanwhile is found
            module = self._module(noun)
            if module is None:
                return None
            found = self._nouns[noun] = _Noun(noun, module)
        return found

    def nouns(self) -> list[str]:
        """Return the names of all nouns, sorted, without importing them."""
        return sorted({noun for source in self._sources for noun in source.modules()})

    def names(self) -> list[str]:
        """Return the names of all functions of all nouns that can be imported, sorted."""
        self.preload()
        return sorted(function.name for noun in self._nouns.values() for function in noun.functions.values())

    def state_names(self) -> list[str]:
        """Return the names of all states of all nouns that can be imported, sorted."""
        self.preload()
        return sorted(state.name for noun in self._nouns.values() for state in noun.states.values())

    def preload(self) -> list[SalternError]:
        """Import every noun, so that processes forked later have them; return what went wrong."""
        problems: list[SalternError] = []
        for noun in self.nouns():
            try:
                self.noun(noun)
                self.states(noun)
            except SalternError as error:
                problems.append(error)
        return problems

    def reload(self) -> None:
        """Import again what has been imported, and find what was installed meanwhile."""
        importlib.invalidate_caches()
        nouns = list(self._nouns.values())
        for noun in nouns:  # all first: a noun that takes from another must not get what it had before
            noun.forget_rooms()
        for noun in nouns:
            importlib.reload(noun.module)
        self._nouns.clear()

    def _module(self, noun: str) -> types.ModuleType | None:
        for source in self._sources:
            name = source.modules().get(noun)
            if name is not None:
                return _import(noun, name)
        return None


def _import(noun: str, name: str) -> types.ModuleType:
    """Import a noun's module; whatever a plugin raises on the way becomes one error that names it."""
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise NotSupported(
            f"the noun {noun!r} can't be loaded from {name}: {type(error).__name__}: {error}",
            hint="install what it needs, or remove the distribution that brings it",
        ) from error


def _described(field: msgspec.structs.FieldInfo) -> str:
    """Return an option's name, default and meaning in a line."""
    from typing import get_args

    meanings = [one.description for one in get_args(field.type)[1:] if isinstance(one, msgspec.Meta)]
    return f"{field.name}={field.default!r}  " + " ".join(filter(None, meanings))


def _parameter(field: msgspec.structs.FieldInfo) -> inspect.Parameter:
    import inspect
    from typing import Annotated, get_args, get_origin

    default = field.default_factory() if callable(field.default_factory) else field.default
    bare = get_args(field.type)[0] if get_origin(field.type) is Annotated else field.type
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=bare)


class _Noun:
    """A noun's module, and what can be reached in it."""

    def __init__(self, name: str, module: types.ModuleType) -> None:
        self.module = module
        self._name = name
        # At once: importing a module below the noun's would put it in place of a function of its name.
        self._own = dict(_functions(name, module, module))

    @functools.cached_property
    def functions(self) -> Mapping[str, Function]:
        """The functions by their names."""
        below = self._below("functions")
        gathered = {} if below is None else dict(_functions(self._name, self.module, below))
        return {**gathered, **self._own}

    @functools.cached_property
    def states(self) -> Mapping[str, StateKind]:
        """The states by their names."""
        return dict(_states(self._name, self.module, self._below("states") or self.module))

    def _below(self, name: str) -> types.ModuleType | None:
        """Return the module ``name`` of a noun that is a folder; None where there is none."""
        full = f"{self.module.__name__}.{name}"
        if not hasattr(self.module, "__path__") or importlib.util.find_spec(full) is None:
            return None
        return _import(self._name, full)

    def forget_rooms(self) -> None:
        """Have the modules below the noun's read again when they are next asked for."""
        for name in [name for name in sys.modules if name.startswith(f"{self.module.__name__}.")]:
            above, _, own = name.rpartition(".")
            vars(sys.modules.get(above, self.module)).pop(own, None)
            del sys.modules[name]


def functions_in(noun: str, module: types.ModuleType) -> Mapping[str, Function]:
    """Return the functions that a module has, by their names, as those of ``noun``."""
    return _Noun(noun, module).functions


def states_in(noun: str, module: types.ModuleType) -> Mapping[str, StateKind]:
    """Return the states that a module has, by their names, as those of ``noun``."""
    return _Noun(noun, module).states


def _states(noun: str, module: types.ModuleType, holder: types.ModuleType) -> Iterator[tuple[str, StateKind]]:
    """Give the states that ``holder`` has: the noun's module, or the one below it that is for them."""
    for name, value in vars(holder).items():
        if _may_be_kept(module, name, value):
            verb = _WORD.sub("_", name).lower()
            yield verb, StateKind(f"{noun}.{verb}", value, module)
    aliases: Mapping[str, str] = getattr(holder, "STATE_ALIASES", {})
    for alias, name in aliases.items():
        yield alias, StateKind(f"{noun}.{alias}", vars(holder)[name], module)


#: Where a new word begins in a class's name.
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def _may_be_kept(module: types.ModuleType, name: str, value: object) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, State)
        and value not in (State, Action)
        and not name.startswith("_")
        and f"{value.__module__}.".startswith(f"{module.__name__}.")
    )


def _functions(
    noun: str, module: types.ModuleType, holder: types.ModuleType
) -> Iterator[tuple[str, Function]]:
    """Give the functions that ``holder`` has: the noun's module, or the one below it that gathers them."""
    for name, value in vars(holder).items():
        if _may_be_called(module, holder, name, value):
            verb = public_name(name)
            yield verb, Function(f"{noun}.{verb}", value, module)
    aliases: Mapping[str, str] = getattr(holder, "ALIASES", {})
    for alias, name in aliases.items():
        yield alias, Function(f"{noun}.{alias}", vars(holder)[name], module)


def _may_be_called(module: types.ModuleType, holder: types.ModuleType, name: str, value: object) -> bool:
    return (
        isinstance(value, types.FunctionType)
        and (value.__module__ == module.__name__ or (holder is not module and _is_below(module, value)))
        and not name.startswith("_")
        and name != _VETO
        and value.__code__.co_varnames[:1] == ("host",)
        and value.__code__.co_argcount > 0
    )


def _is_below(module: types.ModuleType, value: types.FunctionType) -> bool:
    return value.__module__.startswith(f"{module.__name__}.")


#: Everything callable in this process: Saltern's own nouns, then those of installed distributions.
LIBRARY = Registry(
    Package("saltern.library"), Package("saltern.engine.nouns"), EntryPoints("saltern.library")
)
