"""Functions called as states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from saltern.sdk import Action, BadArgument, Changes, Done, Host, NotFound, SalternError, State


class Run(Action, frozen=True, kw_only=True):
    """Call functions and take what they return as the changes.

    Two ways to write it: the function as ``name`` with its arguments beside it (those called ``name``,
    ``fun``, ``state``, ``names`` or ``saltenv`` as ``m_name`` …), or each function as a key with the list of
    its arguments, called one after another. A function that returns false, or a mapping with ``result:
    false`` or a ``retcode``, has failed.

    Example:
        - module.run: [test.echo: [{text: hello}]]
    """

    #: Any argument is taken: they are the functions' own.
    TAKES_ANYTHING: ClassVar[bool] = True

    given: dict[str, Any] = {}  # noqa: RUF012  msgspec copies it

    def check(self, host: Host) -> Changes:
        """Return that the functions would be called. Raises NotFound, BadArgument."""
        calls = self._calls()
        missing = [fun for fun, _, _ in calls if not host.supply.has(fun)]
        if missing:
            raise NotFound(f"Unavailable function: {', '.join(missing)}")
        names = ", ".join(fun for fun, _, _ in calls)
        return Changes(
            unknown="what a function does is known when it has run",
            comment=f"Function {names} to be executed",
        )

    def apply(self, host: Host, changes: Changes) -> Done:
        """Call them all; one that fails keeps none of the others from being called."""
        results: dict[str, Any] = {}
        said: list[str] = []
        failed = False
        for fun, args, named in self._calls():
            ok, found = _called(host, fun, args, named)
            failed = failed or not ok
            said.append(f"{fun}: {_comment(found, ok)}")
            if ok:
                results["ret" if self._is_single() else fun] = found
        return Done(ok=not failed, changes=results, comment=", ".join(said))

    def when_watched(self, changed: Sequence[str]) -> State | None:
        """Return itself."""
        return self

    def _is_single(self) -> bool:
        """Tell whether the function is the name, which is so when no argument is one."""
        return not any("." in name for name in self.given)

    def _calls(self) -> list[tuple[str, list[Any], dict[str, Any]]]:
        """Return each call: the function, its positional and its named arguments."""
        if not self._is_single():
            return [
                (name.partition(":")[0], *_apart(value)) for name, value in self.given.items() if "." in name
            ]
        given = {_RENAMED.get(name, name): value for name, value in self.given.items() if name != "returner"}
        named = given.pop("kwargs", None) or {}
        if not isinstance(named, Mapping):
            raise BadArgument("kwargs must be a mapping")
        places = given.pop("args", None) or []
        return [(self.name, list(places), {**given, **named})]


class Wait(Run, frozen=True, kw_only=True):
    """Call functions only when something watched has changed.

    Example:
        - module.wait: {name: test.ping, watch: [{file: /etc/x}]}
    """

    def check(self, host: Host) -> Changes:
        """Return nothing: there is nothing to do before a watched state changes."""
        return Changes()

    def when_watched(self, changed: Sequence[str]) -> State | None:
        """Return the run."""
        return Run(name=self.name, given=self.given)


STATE_ALIASES = {"watch": "Wait"}

_RENAMED = {f"m_{name}": name for name in ("name", "fun", "state", "names", "saltenv")}


def _apart(value: Any) -> tuple[list[Any], dict[str, Any]]:
    """Take a function's arguments apart: mappings in the list are named ones, the rest are positional."""
    if value is None:
        return [], {}
    if isinstance(value, Mapping):
        return [], dict(value)
    items = value if isinstance(value, list) else [value]
    named = {name: one for item in items if isinstance(item, Mapping) for name, one in item.items()}
    return [item for item in items if not isinstance(item, Mapping)], named


def _called(host: Host, fun: str, args: list[Any], named: dict[str, Any]) -> tuple[bool, Any]:
    host.fail(0)
    try:
        found = host.supply.call(host, fun, args, named)
    except SalternError as error:
        return False, {"comment": str(error)}
    return host.retcode == 0 and _is_good(found), found


def _is_good(found: Any) -> bool:
    """Tell whether what a function returned says that it went well, at any depth."""
    if isinstance(found, bool):
        return found
    if not isinstance(found, Mapping):
        return True
    if found.get("result") is False or found.get("retcode", 0) != 0:
        return False
    return all(_is_good(one) for one in found.values() if isinstance(one, Mapping))


def _comment(found: Any, ok: bool) -> str:
    said = found.get("comment") if isinstance(found, Mapping) else None
    return (
        str(said) if said else ("Success" if isinstance(found, Mapping) else str(found)) if ok else "failed"
    )
