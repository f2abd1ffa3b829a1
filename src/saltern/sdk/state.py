"""What can be kept true: a class whose fields are its arguments."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from saltern.sdk.changes import Changes
from saltern.sdk.host import Host


class Moment(enum.Enum):
    """When something is said of a state."""

    CORRECT = "correct"  # nothing differs
    WOULD = "would"  # a dry run found that something would change
    DONE = "done"  # it has been changed


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How an ``Action`` ended. ``changes`` has the shape that people see."""

    ok: bool = True
    changes: Mapping[str, Any] = {}
    comment: str = ""
    warnings: tuple[str, ...] = ()


class State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to keep true. ``name`` is what it is about, the other fields are a subclass's arguments.

    ``check`` looks and changes nothing: the host it is handed refuses to. ``apply`` mends what ``check``
    found, whereupon the engine looks again: what still differs has failed. Neither knows of test mode,
    requisites or retries. Both fail by raising an error of ``saltern.sdk``.
    """

    #: The argument that may be written without its name, as in ``- file.absent: /tmp/x``.
    name: str

    #: Whether any argument is taken, unchecked; they are then in the field ``given``, a mapping.
    TAKES_ANYTHING: ClassVar[bool] = False

    #: Whether it is handed all that is written, as Salt's low data, in the field ``low``, unchecked.
    TAKES_LOW: ClassVar[bool] = False

    #: Whether the engine looks before ``apply``; if not, ``apply`` itself finds out what there is to do.
    LOOKS_FIRST: ClassVar[bool] = True

    #: Whether the engine looks again after ``apply``.
    LOOKS_AGAIN: ClassVar[bool] = True

    def check(self, host: Host) -> Changes:
        """Return what differs."""
        raise NotImplementedError

    def apply(self, host: Host, changes: Changes) -> Done | None:
        """Mend what ``check`` found. None stands for a plain ``Done()`` with the changes found."""
        raise NotImplementedError

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return the comment that goes with the result."""
        return _SAID[moment].format(self.name)

    def when_watched(self, changed: Sequence[str]) -> State | None:
        """Return what to do when a watched state has changed and this one had nothing to mend.

        ``changed`` names those states (``file: /etc/x``). None, the default, means that watching is no more
        than requiring.
        """
        return None

    def with_others(self, others: Sequence[State]) -> State:
        """Return this state with the work of ``others`` (of the same class) in it, done at one go.

        The others are checked afterwards, each on its own. By default nothing is taken over.
        """
        return self


_SAID: Mapping[Moment, str] = {
    Moment.CORRECT: "{} is in the correct state",
    Moment.WOULD: "{} would be changed",
    Moment.DONE: "{} has been changed",
}


class Action(State, frozen=True, kw_only=True):
    """Something to do whose outcome can't be known before it is done, such as running a command.

    ``check`` tells what would be done (``Changes(unknown=why)``); when it tells nothing, nothing is done.
    """

    LOOKS_AGAIN: ClassVar[bool] = False

    def check(self, host: Host) -> Changes:
        """Return what would be done, as far as that is known."""
        return Changes(unknown="what it does is known when it is done")
