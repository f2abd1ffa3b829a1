"""``cmd_yaml``, ``cmd_json``: what a program prints. It is started as it stands, never through a shell."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from saltern.controller.pillar.sources.options import BadData, mapping_of_json, mapping_of_yaml
from saltern.controller.pillar.sources.registry import Ask, Asking, Place
from saltern.foundation.errors import NotFound, SettingsError
from saltern.sdk.command import Command
from saltern.sdk.errors import TimedOut

#: Bytes that a program may print.
_LIMIT = 32 * 1024 * 1024


def make_yaml(options: Any, place: Place) -> Ask:
    """Return the source ``cmd_yaml``. Raises SettingsError."""
    return _make(options, place, mapping_of_yaml)


def make_json(options: Any, place: Place) -> Ask:
    """Return the source ``cmd_json``. Raises SettingsError."""
    return _make(options, place, mapping_of_json)


def _make(options: Any, place: Place, read: Callable[[str, str], Mapping[str, Any]]) -> Ask:
    try:
        words = shlex.split(options) if isinstance(options, str) else options
    except ValueError as error:
        raise SettingsError(f"{options!r} can't be taken apart: {error}") from None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise SettingsError("needs a program and its arguments", hint="cmd_json: [/usr/bin/inventory, '%s']")

    def ask(asking: Asking, name: str, pillar: Mapping[str, Any]) -> Mapping[str, Any]:
        return read(_printed(asking, [word.replace("%s", name) for word in words], place), words[0])

    return ask


def _printed(asking: Asking, argv: list[str], place: Place) -> str:
    assert asking.world.host is not None
    command = Command(argv=tuple(argv), timeout=place.timeout, limit=_LIMIT, cwd="/")
    try:
        done = asking.world.host.execute(command)
    except NotFound:
        raise NotFound(f"there is no program {argv[0]} on the controller") from None
    if done.timed_out:
        raise TimedOut(f"{argv[0]} took longer than {place.timeout:g} s and was killed")
    if done.retcode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise BadData(f"{argv[0]} ended with {done.retcode}: {said[-1] if said else 'it said nothing'}")
    return done.stdout.decode(errors="replace")
