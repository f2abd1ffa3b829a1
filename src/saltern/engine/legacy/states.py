"""The states of a Salt module: functions that return what they did, or in a dry run what they would do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, ClassVar

from saltern.engine.door import PLAIN, Looking, Mending
from saltern.engine.ensure import ensure
from saltern.engine.fields import make
from saltern.engine.legacy.functions import offered, signature_of
from saltern.engine.legacy.loading import Loaded
from saltern.engine.legacy.scope import Scope, moment
from saltern.sdk import BadArgument, Changes, Done, Host, NotSupported, State, nearest
from saltern.sdk.registry import StateKind
from saltern.sls.globals import NOT_ARGUMENTS
from saltern.sls.low import Chunk

#: Functions of a state module that are no states.
_HOOKS = ("mod_watch", "mod_init", "mod_aggregate")
_KEYS = ("name", "result", "changes", "comment")


class SaltState(State, frozen=True, kw_only=True):
    """A state of a Salt module. Its own function says what differs, and is called once in a real run."""

    LOOKS_FIRST: ClassVar[bool] = False
    LOOKS_AGAIN: ClassVar[bool] = False
    TAKES_LOW: ClassVar[bool] = True
    LOADED: ClassVar[Loaded]
    SCOPE: ClassVar[Scope]
    FUNCTION: ClassVar[str]

    low: dict[str, Any] = {}  # noqa: RUF012  msgspec copies it
    others: tuple[dict[str, Any], ...] = ()
    watching: bool = False

    def check(self, host: Host) -> Changes:
        """Return what the function says in a dry run. Raises what it raises."""
        told = self._told(host, test=True)
        changes, comment, warnings = told["changes"], str(told["comment"]), _warnings(told)
        if told["result"] is True and not changes:
            return Changes(comment=comment, warnings=warnings)
        verdict = None if told["result"] is True else told["result"]
        unknown = "" if changes else "the state does not say what it would change"
        return Changes(changes, unknown=unknown, comment=comment, verdict=verdict, warnings=warnings)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Call the function. Raises what it raises."""
        told = self._told(host, test=False)
        warnings = _warnings(told)
        if told["result"] is None:
            warnings = (*warnings, "it says that it would change something, and this is no dry run")
        return Done(
            ok=told["result"] is not False,
            changes=told["changes"],
            comment=str(told["comment"]),
            warnings=warnings,
        )

    def _told(self, host: Host, test: bool) -> dict[str, Any]:
        module = self.LOADED.module
        with self.SCOPE.entered(host, test, self.low):
            self._begin(host, module)
            low = self._with_the_others(module)
            function = getattr(module, "mod_watch" if self.watching else self.FUNCTION)
            with self.SCOPE.entered(host, test, low):
                returned = function(**self._arguments(function, low))
        return _checked(returned, f"{low['state']}.{function.__name__}", self.LOADED)

    def _begin(self, host: Host, module: ModuleType) -> None:
        """Call the module's ``mod_init`` before the first of its states in a run."""
        begin = getattr(module, "mod_init", None)
        begun: set[str] = host.supply.notes.setdefault("states begun", set())
        if begin is not None and module.__name__ not in begun:
            begun.add(module.__name__)
            begin(dict(self.low))

    def _with_the_others(self, module: ModuleType) -> dict[str, Any]:
        """Return the low data, other states' merged in by the module's ``mod_aggregate``."""
        if not self.others:
            return dict(self.low)
        merged: dict[str, Any] = module.mod_aggregate(dict(self.low), [dict(low) for low in self.others], {})
        return merged

    def _arguments(self, function: Callable[..., Any], low: Mapping[str, Any]) -> dict[str, Any]:
        """Return the function's arguments. Raises BadArgument for one that it does not have, or lacks."""
        parameters = signature_of(function).parameters
        takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
        given = {
            name: value
            for name, value in low.items()
            if name in parameters or (name not in NOT_ARGUMENTS and not name.startswith("__"))
        }
        given["name"] = low["name"]
        if self.watching:
            given["sfun"] = self.FUNCTION
        if self.watching or "name" not in parameters:
            given = {name: one for name, one in given.items() if takes_all or name in parameters}
        _check(f"{low['state']}.{low['fun']}", given, parameters, takes_all)
        return given


def _check(
    fun: str, given: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter], takes_all: bool
) -> None:
    unknown = [] if takes_all else [name for name in given if name not in parameters]
    if unknown:
        hint = nearest(unknown[0], parameters) or f"it takes {', '.join(parameters)}"
        raise BadArgument(f"{fun}: has no argument {unknown[0]!r}", hint=hint)
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    for name, one in parameters.items():
        if one.default is inspect.Parameter.empty and one.kind not in variable and name not in given:
            raise BadArgument(f"{fun}: needs the argument {name!r}")


def _checked(returned: Any, fun: str, loaded: Loaded) -> dict[str, Any]:
    """Return what a state's function returned. Raises NotSupported for what is no result of a state."""
    if not isinstance(returned, dict):
        raise loaded.refusal(f"{fun} must return a dictionary, not {type(returned).__name__}")
    lacking = [key for key in _KEYS if key not in returned]
    if lacking:
        raise loaded.refusal(f"{fun}: the dictionary it returned lacks {', '.join(lacking)}")
    if not isinstance(returned["changes"], Mapping):
        raise loaded.refusal(f"{fun}: 'changes' must be a dictionary, not {returned['changes']!r}")
    comment = returned["comment"]
    joined = "\n".join(map(str, comment)) if isinstance(comment, list) else comment
    return {**returned, "comment": joined}


def _warnings(told: Mapping[str, Any]) -> tuple[str, ...]:
    found = told.get("warnings") or ()
    return (found,) if isinstance(found, str) else tuple(map(str, found))


def _when_watched(self: SaltState, changed: Sequence[str]) -> State:
    """Return the state's ``mod_watch``."""
    import msgspec

    return msgspec.structs.replace(self, watching=True)


def _with_others(self: SaltState, others: Sequence[SaltState]) -> State:
    """Return the state that does the others' work too."""
    import msgspec

    return msgspec.structs.replace(self, others=tuple(one.low for one in others))


def states_of(noun: str, loaded: Loaded, scope: Scope) -> Mapping[str, StateKind]:
    """Return the states that a module offers, by their names."""
    module = loaded.module
    more: dict[str, Any] = {"LOADED": loaded, "SCOPE": scope}
    if hasattr(module, "mod_watch"):
        more["when_watched"] = _when_watched
    if hasattr(module, "mod_aggregate"):
        more["with_others"] = _with_others
    bare = ModuleType(module.__name__)
    return {
        verb: StateKind(f"{noun}.{verb}", _kind(verb, function, more), bare)
        for verb, function in offered(module)
        if verb not in _HOOKS
    }


def _kind(verb: str, function: Callable[..., Any], more: Mapping[str, Any]) -> type[State]:
    own = {
        **more,
        "FUNCTION": function.__name__,
        "__doc__": function.__doc__,
        "__module__": __name__,
        "__annotations__": {},
    }
    struct: Any = type(SaltState)
    kind: type[State] = struct(verb, (SaltState,), own, frozen=True, kw_only=True)
    return kind


def ensured(kind: StateKind, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keep a state at the word of another one (``__states__``); return its result in Salt's shape."""
    now = moment()
    given = {**kwargs, **({"name": args[0]} if args else {})}
    if len(args) > 1 or "name" not in given:
        raise NotSupported(f"{kind.name} is called with its name, and all else as named arguments")
    module, _, function = kind.name.partition(".")
    name = str(given.pop("name"))
    chunk = Chunk(
        module=module,
        function=function,
        id=name,
        name=name,
        sls="",
        saltenv=now.host.supply.saltenv,
        order=0,
        args={key: value for key, value in given.items() if key not in NOT_ARGUMENTS},
        low={**given, "state": module, "fun": function, "name": name, "__id__": name},
    )
    looking = Looking(now.host)
    mending = None if now.test else Mending(now.host, PLAIN, None, lambda path: None, lambda what: None)
    found = ensure(make(looking, kind, chunk), looking, mending)
    return {"name": name, "result": found.result, "changes": dict(found.changes), "comment": found.comment}
