"""What a Salt module finds around it: ``__salt__``, ``__grains__`` … as of the call under way."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

from saltern.engine.legacy.compat.exceptions import translated
from saltern.sdk import Host, SalternError


class Moment(NamedTuple):
    """A call under way: the host it works on, whether it is a dry run, and the state's low data."""

    host: Host
    test: bool = False
    low: Mapping[str, Any] = {}


_moment: ContextVar[Moment] = ContextVar("saltern_legacy_moment")


def moment() -> Moment:
    """Return the call under way. Raises LookupError outside of one."""
    return _moment.get()


@contextlib.contextmanager
def entered(now: Moment) -> Iterator[None]:
    """Make ``now`` the call under way."""
    token = _moment.set(now)
    try:
        yield
    finally:
        _moment.reset(token)


def is_under_way() -> bool:
    """Tell whether a Salt module is at work, so that what is called now is called by it."""
    return _moment.get(None) is not None


class Scope(Protocol):
    """Where a module works."""

    @property
    def context(self) -> dict[str, Any]:
        """What modules share: ``__context__``."""

    def entered(
        self, host: Host, test: bool = False, low: Mapping[str, Any] | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """Return a context in which the modules work on ``host``."""


class Live(MutableMapping[str, Any]):
    """A mapping that is another one for each call under way."""

    def __init__(self, source: Callable[[], Mapping[str, Any]]) -> None:
        """Take what returns the mapping."""
        self._source = source

    def __getitem__(self, name: str) -> Any:
        return self._source()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._source())

    def __len__(self) -> int:
        return len(self._source())

    def __setitem__(self, name: str, value: Any) -> None:
        self._source()[name] = value  # type: ignore[index]  # the module's own business where it can't be

    def __delitem__(self, name: str) -> None:
        del self._source()[name]  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return repr(dict(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return copy.deepcopy(dict(self), memo)

    def copy(self) -> dict[str, Any]:
        """Return a plain copy."""
        return dict(self)


class Options(Live):
    """The settings: the agent's, and what each call has of its own."""

    _OWN: Mapping[str, Callable[[], Any]] = {
        "test": lambda: moment().test,
        "grains": lambda: dict(moment().host.grains),
        "pillar": lambda: dict(moment().host.supply.pillar),
    }

    def __init__(self) -> None:
        """Begin with what Salt modules take for granted."""
        super().__init__(lambda: {**self._usual, **moment().host.supply.opts, **self._set})
        self._usual = {
            "__role": "minion",
            "file_client": "remote",
            "saltenv": None,
            "environment": None,
            "pillarenv": None,
            "cachedir": "/var/cache/saltern",
            "extension_modules": "",
            "renderer": "jinja|yaml",
            "hash_type": "sha256",
            "log_level": "warning",
            "state_verbose": True,
            "multiprocessing": True,
        }
        self._set: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        own = None if name in self._set else self._OWN.get(name)
        return super().__getitem__(name) if own is None else own()

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._source()), **dict.fromkeys(self._OWN)})

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __setitem__(self, name: str, value: Any) -> None:
        self._set[name] = value

    def __delitem__(self, name: str) -> None:
        del self._set[name]


class Callables(Mapping[str, Callable[..., Any]]):
    """Functions by their full names, as items and as attributes (``__salt__.cmd.run``)."""

    def __init__(
        self,
        call: Callable[[str, tuple[Any, ...], dict[str, Any]], Any],
        has: Callable[[str], bool],
        names: Callable[[], list[str]],
    ) -> None:
        """Take what calls a function, what tells whether there is one, and what names them all."""
        self._call = call
        self._has = has
        self._names = names

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if name not in self:
            raise KeyError(name)

        def function(*args: Any, **kwargs: Any) -> Any:
            return self._call(name, args, kwargs)

        function.__name__ = name.rpartition(".")[2]
        return function

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and "." in name and self._has(name)
        except SalternError:  # a module that can't be loaded has no functions; who calls one is told why
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __getattr__(self, noun: str) -> _Noun:
        if noun.startswith("__"):
            raise AttributeError(noun)
        return _Noun(self, noun)


class _Noun:
    """The functions of one noun, as attributes."""

    def __init__(self, functions: Callables, noun: str) -> None:
        self._functions = functions
        self._noun = noun

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        try:
            return self._functions[f"{self._noun}.{verb}"]
        except KeyError:
            raise AttributeError(f"there is no function {self._noun}.{verb}") from None


def call_function(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function on the host of the call under way; our errors become Salt's."""
    host = moment().host
    with translated():
        return host.supply.call(host, name, args, kwargs)


def functions(names: Callable[[], list[str]], context: dict[str, Any]) -> Callables:
    """Return ``__salt__``. What a call ended with is the ``retcode`` of ``context``."""

    def call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        host = moment().host
        host.fail(0)
        try:
            return call_function(name, args, kwargs)
        finally:
            context["retcode"] = host.retcode

    return Callables(call, lambda name: moment().host.supply.has(name), names)
