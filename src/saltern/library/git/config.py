"""Functions about git's settings."""

from __future__ import annotations

import re
from typing import Any

from saltern.library.git.common import directory
from saltern.library.git.program import Git
from saltern.sdk import BadArgument, Host

_KEY = re.compile(r"[A-Za-z0-9-]+(\.[^\n\0]*)?\.[A-Za-z][A-Za-z0-9-]*")
#: Git's codes for what is not there.
_ABSENT = (1, 5)


class Settings:
    """The settings of a repository, or of a user."""

    def __init__(self, host: Host, cwd: str | None, user: str | None, everywhere: bool = False) -> None:
        """Take whose they are. Raises BadArgument when that is not told."""
        if cwd is None and not everywhere:
            raise BadArgument("settings of which repository?", hint="name it, or say global: true")
        self._git = Git(host, None if cwd is None or everywhere else directory(cwd), user)
        self._scope = "--global" if everywhere else "--local"

    def values(self, key: str, value_regex: str | None = None) -> list[str]:
        """Return all values of a key. Raises CommandFailed for a file that can't be read."""
        return self._told("--get-all", "--", checked(key), *_pattern(value_regex))

    def matching(self, expression: str, value_regex: str | None = None) -> dict[str, list[str]]:
        """Return the keys that fit a regular expression with their values."""
        found: dict[str, list[str]] = {}
        for entry in self._told("--get-regexp", "--", expression, *_pattern(value_regex)):
            key, _, value = entry.partition("\n")
            found.setdefault(key, []).append(value)
        return found

    def set(self, key: str, values: list[str]) -> None:
        """Have a key have exactly these values."""
        if len(values) == 1:
            self._git.run("config", self._scope, "--replace-all", "--", checked(key), values[0])
            return
        self.unset(key)
        for value in values:
            self._git.run("config", self._scope, "--add", "--", checked(key), value)

    def unset(self, key: str, value_regex: str | None = None, every: bool = True) -> None:
        """Take a key away, or those of its values that fit a regular expression."""
        how = "--unset-all" if every else "--unset"
        argv = ("config", self._scope, how, "--", checked(key), *_pattern(value_regex))
        done = self._git.ask(*argv)
        if done.retcode not in (0, 5) or (done.retcode and not every and self.values(key)):
            raise self._git.failure(argv, done)

    def _told(self, *words: str) -> list[str]:
        argv = ("config", self._scope, "--null", *words)
        done = self._git.ask(*argv)
        if done.retcode in _ABSENT:
            return []
        if done.retcode:
            raise self._git.failure(argv, done)
        return done.stdout.decode(errors="replace").split("\0")[:-1]


def checked(key: str) -> str:
    """Return a key as it is. Raises BadArgument unless it is ``section.name`` or ``section.sub.name``."""
    if not _KEY.fullmatch(key):
        raise BadArgument(
            f"{key!r} is no key of git's settings", hint="write section.name, such as user.email"
        )
    return key


def _pattern(value_regex: str | None) -> list[str]:
    return [] if value_regex is None else [value_regex]


def config_get(
    host: Host,
    key: str,
    cwd: str | None = None,
    user: str | None = None,
    global_: bool = False,
    all: bool = False,
) -> str | list[str] | None:
    """Return a setting's value, the last if it has several; with ``all`` a list. None when it isn't set.

    Without ``cwd`` it is the user's own.

    Example:
        saltern run '*' git.config_get user.name /srv/app
    """
    found = Settings(host, cwd, user, global_ or cwd is None).values(key)
    return found if all else found[-1] if found else None


def config_get_regexp(
    host: Host,
    key: str,
    value_regex: str | None = None,
    cwd: str | None = None,
    user: str | None = None,
    global_: bool = False,
) -> dict[str, list[str]]:
    """Return the settings whose keys, and values, fit regular expressions: ``{key: [value, …]}``.

    Example:
        saltern run '*' git.config_get_regexp '^user\\.' cwd=/srv/app
    """
    return Settings(host, cwd, user, global_ or cwd is None).matching(key, value_regex)


def config_set(
    host: Host,
    key: str,
    value: str | int | bool | None = None,
    multivar: list[Any] | str | None = None,
    cwd: str | None = None,
    user: str | None = None,
    global_: bool = False,
) -> list[str]:
    """Have a setting have a value, or all of ``multivar``; return the values it then has.

    Example:
        saltern run '*' git.config_set user.email me@example.com cwd=/srv/app
    """
    settings = Settings(host, cwd, user, global_)
    settings.set(key, wanted(value, multivar))
    return settings.values(key)


def config_unset(
    host: Host,
    key: str,
    value_regex: str | None = None,
    cwd: str | None = None,
    user: str | None = None,
    global_: bool = False,
    all: bool = False,
) -> bool:
    """Take a setting away, or those of its values that fit a regular expression; ``all`` of several.

    Example:
        saltern run '*' git.config_unset user.email cwd=/srv/app
    """
    Settings(host, cwd, user, global_).unset(key, value_regex, every=all)
    return True


def wanted(value: Any, multivar: Any) -> list[str]:
    """Return the values that a setting is to have. Raises BadArgument for none, or for both at once."""
    if (value is None) == (multivar is None):
        raise BadArgument("either value or multivar is wanted")
    given = [value] if multivar is None else multivar.split(",") if isinstance(multivar, str) else multivar
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in given]
    if not texts or any("\0" in one for one in texts):
        raise BadArgument("a setting needs a value", hint="git.config_unset takes one away")
    return texts
