"""The environment that programs start from: read it, set it, keep it set."""

from __future__ import annotations

from typing import Literal

from saltern.sdk import BadArgument, Changes, Host, Moment, NotSupported, State

Value = str | int | float | Literal[False] | dict[str, str | int | float | Literal[False]]


def get(host: Host, key: str, default: str = "") -> str:
    """Return a variable's value; ``default`` where it is not set.

    Example:
        saltern run '*' environ.get PATH
    """
    return host.environment.get(key, default)


def has_value(host: Host, key: str, value: str | None = None) -> bool:
    """Tell whether a variable is set, and to ``value`` if that is given.

    Example:
        saltern run '*' environ.has_value LANG C.UTF-8
    """
    found = host.environment.get(key)
    return found is not None and value in (None, found)


def item(host: Host, keys: str | list[str], default: str = "") -> dict[str, str]:
    """Return some variables, ``default`` for those that are not set.

    Example:
        saltern run '*' environ.item '[PATH, LANG]'
    """
    return {key: get(host, key, default) for key in ([keys] if isinstance(keys, str) else keys)}


def items(host: Host) -> dict[str, str]:
    """Return the whole environment.

    Example:
        saltern run '*' environ.items
    """
    return dict(host.environment)


def setval(
    host: Host, key: str, val: str | Literal[False], false_unsets: bool = False, permanent: bool | str = False
) -> str | None:
    """Set a variable for what follows in this process, and return its value.

    False stands for empty text; with ``false_unsets`` it takes the variable away, and null is returned.

    Example:
        saltern run '*' environ.setval LANG C.UTF-8
    """
    if permanent:
        raise NotSupported("permanent is for Windows", hint="keep a file in /etc/profile.d instead")
    _check_name(key)
    value = (None if false_unsets else "") if val is False else val
    host.set_environment(key, value)
    return value


def setenv(
    host: Host,
    environ: dict[str, str | Literal[False]],
    false_unsets: bool = False,
    clear_all: bool = False,
    update_minion: bool = False,
    permanent: bool | str = False,
) -> dict[str, str | None]:
    """Set variables for what follows in this process, and return what became of each; see ``setval``.

    ``clear_all`` does with all others as with those that are False. ``update_minion`` is accepted as Salt
    has it: an agent's environment is nobody's to change.

    Example:
        saltern run '*' environ.setenv '{LANG: C.UTF-8, LANGUAGE: false}' false_unsets=True
    """
    others = [name for name in host.environment if name not in environ] if clear_all else []
    wanted: dict[str, str | Literal[False]] = {**environ, **dict.fromkeys(others, False)}
    return {name: setval(host, name, value, false_unsets, permanent) for name, value in wanted.items()}


class Setenv(State, frozen=True, kw_only=True):
    """Set variables in the environment of the states that follow: one, or those of a mapping.

    False stands for empty text; with ``false_unsets`` it takes a variable away. ``clear_all`` does likewise
    with all that are not named.

    Example:
        - environ.setenv: {name: DEBIAN_FRONTEND, value: noninteractive}
    """

    value: Value
    false_unsets: bool = False
    clear_all: bool = False
    update_minion: bool = False
    permanent: bool | str = False

    def check(self, host: Host) -> Changes:
        """Return the variables whose value is another one; None for those to be taken away."""
        if self.permanent:
            raise NotSupported("permanent is for Windows", hint="keep a file in /etc/profile.d instead")
        wanted = self._wanted(host)
        now = host.environment
        return Changes({name: value for name, value in wanted.items() if now.get(name) != value})

    def apply(self, host: Host, changes: Changes) -> None:
        """Set them."""
        for name, value in changes.items():
            host.set_environment(name, value)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Environ values were already set with the correct values",
            Moment.WOULD: "Environ values will be changed",
            Moment.DONE: "Environ values were set",
        }[moment]

    def _wanted(self, host: Host) -> dict[str, str | None]:
        given = self.value if isinstance(self.value, dict) else {self.name: self.value}
        for name in given:
            _check_name(name)
        empty = None if self.false_unsets else ""
        named = {name: empty if value is False else str(value) for name, value in given.items()}
        others = [name for name in host.environment if name not in named] if self.clear_all else []
        return named | dict.fromkeys(others, empty)


def _check_name(name: str) -> None:
    if not name or "=" in name or "\0" in name:
        raise BadArgument(f"{name!r} can't be the name of a variable")
