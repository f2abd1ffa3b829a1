"""States that do nothing, succeed, fail or change as one asks: to try an SLS, and to hold others together."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Literal

from saltern.sdk import Action, BadArgument, Changes, Conflict, Done, Host, Moment, State
from saltern.sdk.traverse import traverse

_PRETENDED = {"testing": {"old": "Unchanged", "new": "Something pretended to change"}}


class _Watching(State, frozen=True, kw_only=True):
    """What all states of ``test`` do when a watched state has changed: say so."""

    def when_watched(self, changed: Sequence[str]) -> State | None:
        """Return the state that says which watched states have changed."""
        return _Fired(name=self.name, changed=tuple(changed))


class _Fired(Action, frozen=True, kw_only=True):
    changed: tuple[str, ...]

    def check(self, host: Host) -> Changes:
        entries = {"Requisites with changes": list(self.changed)}
        return Changes(entries, comment="Watch statement fired.", verdict=True)

    def apply(self, host: Host, changes: Changes) -> Done:
        return Done(changes=dict(changes), comment=changes.comment)


class SucceedWithoutChanges(_Watching, frozen=True, kw_only=True):
    """Succeed, with nothing to change.

    Example:
        - test.succeed_without_changes: hello
    """

    comment: str = "Success!"

    def check(self, host: Host) -> Changes:
        """Return nothing."""
        return Changes()

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return the comment asked for."""
        return self.comment


class Nop(SucceedWithoutChanges, frozen=True, kw_only=True):
    """Do nothing, and succeed: something to hang requisites on.

    Example:
        - test.nop: before-the-database
    """


class FailWithoutChanges(_Watching, frozen=True, kw_only=True):
    """Fail, with nothing changed.

    Example:
        - test.fail_without_changes: not on this platform
    """

    comment: str = "Failure!"

    def check(self, host: Host) -> Changes:
        """Fail with the comment asked for."""
        raise Conflict(self.comment)


class SucceedWithChanges(Action, _Watching, frozen=True, kw_only=True):
    """Succeed, and say that something changed.

    Example:
        - test.succeed_with_changes: hello
    """

    comment: str = "Success!"

    def check(self, host: Host) -> Changes:
        """Return a pretended change."""
        return Changes(_PRETENDED, comment="If we weren't testing, this would be successful with changes")

    def apply(self, host: Host, changes: Changes) -> Done:
        """Return the pretended change as done."""
        return Done(changes=dict(changes), comment=self.comment)


class FailWithChanges(Action, _Watching, frozen=True, kw_only=True):
    """Fail, and say that something changed all the same.

    Example:
        - test.fail_with_changes: hello
    """

    comment: str = "Failure!"

    def check(self, host: Host) -> Changes:
        """Return a pretended change."""
        return Changes(_PRETENDED, comment="If we weren't testing, this would be failed with changes")

    def apply(self, host: Host, changes: Changes) -> Done:
        """Return the pretended change as failed."""
        return Done(ok=False, changes=dict(changes), comment=self.comment)


Chance = bool | Literal["Random", "random"]


class ConfigurableTestState(Action, _Watching, frozen=True, kw_only=True):
    """Succeed or fail, with changes or without, as asked; ``Random`` leaves it to chance.

    ``allow_test_mode_failure`` lets a dry run fail as well when ``result`` is false.

    Example:
        - test.configurable_test_state: {name: x, changes: Random, result: true}
    """

    changes: Chance = True
    result: Chance = True
    comment: str = ""
    warnings: str | list[str] | None = None
    allow_test_mode_failure: bool = False

    def check(self, host: Host) -> Changes:
        """Return what a dry run says of it."""
        fails = self.allow_test_mode_failure and self.result is False
        return Changes(
            _PRETENDED if _drawn(self.changes) else {},
            unknown="it was told to do so",
            comment=self.comment or "This is a test",
            verdict=False if fails else True if self.changes is False else None,
            warnings=_listed(self.warnings),
        )

    def apply(self, host: Host, changes: Changes) -> Done:
        """Return what was asked for."""
        return Done(ok=_drawn(self.result), changes=dict(changes), comment=self.comment)


class ShowNotification(_Watching, frozen=True, kw_only=True):
    """Show a text among the results.

    Example:
        - test.show_notification: {name: note, text: The database moves on Sunday.}
    """

    text: str

    def check(self, host: Host) -> Changes:
        """Return nothing. Raises BadArgument for an empty text."""
        if not self.text:
            raise BadArgument("there is no text to show", hint="write - text: what to say")
        return Changes()

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return the text."""
        return self.text


Keys = str | list[str]

_KINDS: tuple[tuple[str, type | None], ...] = (
    *(("present", None), ("boolean", bool), ("integer", int)),
    *(("string", str), ("listing", list), ("dictionary", dict)),
)


class CheckPillar(_Watching, frozen=True, kw_only=True):
    """See that pillar keys are there and of the right kind; a path is written ``a:b``.

    Example:
        - test.check_pillar: {name: database, present: [db:host], integer: db:port}
    """

    present: Keys | None = None
    boolean: Keys | None = None
    integer: Keys | None = None
    string: Keys | None = None
    listing: Keys | None = None
    dictionary: Keys | None = None
    verbose: bool = False

    def check(self, host: Host) -> Changes:
        """Return nothing. Raises Conflict that names every key that is missing or of another kind."""
        wanted = list(self._wanted())
        if not wanted:
            raise BadArgument("no keys to check", hint="write - present: [a:b], or - integer: [c]")
        wrong = [said for key, kind in wanted if (said := _objection(host, key, kind))]
        if wrong:
            raise Conflict("\n".join(wrong))
        return Changes()

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return the keys that were checked, when asked to."""
        if not self.verbose:
            return ""
        lines = [f"- {key} ({kind.__name__ if kind else 'any'})" for key, kind in self._wanted()]
        return "\n".join(["Those keys passed the check:", *lines])

    def _wanted(self) -> list[tuple[str, type | None]]:
        return [(key, kind) for field, kind in _KINDS for key in _listed(getattr(self, field))]


def _objection(host: Host, key: str, kind: type | None) -> str:
    found: Any = traverse(host.supply.pillar, key)
    if found is None:
        return f'Pillar key "{key}" is missing.'
    if kind is not None and (not isinstance(found, kind) or (kind is int and isinstance(found, bool))):
        return f'Pillar key "{key}" is not {kind.__name__}.'
    return ""


def _drawn(chance: Chance) -> bool:
    return chance if isinstance(chance, bool) else secrets.randbelow(2) == 1


def _listed(given: str | list[str] | None) -> tuple[str, ...]:
    return tuple(given) if isinstance(given, list) else (given,) if given else ()
