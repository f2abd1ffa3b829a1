"""The environment that programs start from."""

from __future__ import annotations

from typing import Literal

from saltern.sdk import BadArgument, Changes, Host, Moment, NotSupported, State

Value = str | int | float | Literal[False] | dict[str, str | int | float | Literal[False]]


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
            if not name or "=" in name or "\0" in name:
                raise BadArgument(f"{name!r} can't be the name of a variable")
        empty = None if self.false_unsets else ""
        named = {name: empty if value is False else str(value) for name, value in given.items()}
        others = [name for name in host.environment if name not in named] if self.clear_all else []
        return named | dict.fromkeys(others, empty)
