"""Grains as states: a value that is there, a value that isn't, a value in a list."""

from __future__ import annotations

from typing import Any

from saltern.library.grains.values import ABSENT, objection_to, placed, store
from saltern.sdk import Changes, Conflict, Host, Moment, State
from saltern.sdk.traverse import traverse


class _Grain(State, frozen=True, kw_only=True):
    """What the states of ``grains`` have in common: a path, its steps divided by ``delimiter``."""

    delimiter: str = ":"

    def apply(self, host: Host, changes: Changes) -> None:
        """Write what ``check`` has worked out."""
        top, value, destructive = changes.mend
        store(host, {top: value}, destructive)

    def _found(self, host: Host) -> Any:
        return traverse(host.grains, self.name, ABSENT, self.delimiter)

    def _changes(
        self, host: Host, value: Any, shown: dict[str, Any], *, force: bool = False, destructive: bool = False
    ) -> Changes:
        """Return the change that puts ``value`` at the path. Raises Conflict where it doesn't fit."""
        top, *steps = self.name.split(self.delimiter)
        whole, objection = placed(host.grains.get(top, ABSENT), steps, value, force, destructive)
        if objection:
            raise Conflict(objection, hint="write - force: true")
        return Changes(shown, mend=(top, whole, destructive))

    def _list(self, host: Host) -> list[Any]:
        found = self._found(host)
        if found is ABSENT or found is None or found == "":
            return []
        if not isinstance(found, list):
            raise Conflict(f"Grain {self.name} is not a valid list")
        return found


class Exists(_Grain, frozen=True, kw_only=True):
    """Fail unless a grain is there.

    Example:
        - grains.exists: roles
    """

    def check(self, host: Host) -> Changes:
        """Return nothing. Raises Conflict."""
        if self._found(host) is ABSENT:
            raise Conflict("Grain does not exist")
        return Changes()

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return "Grain exists"


class Present(_Grain, frozen=True, kw_only=True):
    """Keep a grain at a value. A list or a mapping is only replaced with ``force``.

    Example:
        - grains.present: {name: role, value: web}
    """

    value: Any
    force: bool = False

    def check(self, host: Host) -> Changes:
        """Return the grain when it has another value. Raises Conflict for a list or a mapping."""
        found = self._found(host)
        if found is not ABSENT and found == self.value:
            return Changes()
        objection = "" if self.force or found is None else objection_to(self.name, found, self.value)
        if objection:
            raise Conflict(objection)
        return self._changes(host, self.value, {self.name: self.value}, force=self.force)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Grain is already set",
            Moment.WOULD: f"Grain {self.name} is set to be changed",
            Moment.DONE: f"Set grain {self.name} to {self.value}",
        }[moment]


class Absent(_Grain, frozen=True, kw_only=True):
    """See that a grain has no value; with ``destructive`` that it isn't there at all.

    Example:
        - grains.absent: {name: role, destructive: true}
    """

    destructive: bool = False
    force: bool = False

    def check(self, host: Host) -> Changes:
        """Return what would be taken away. Raises Conflict for a list or a mapping without ``force``."""
        found = self._found(host)
        if found is ABSENT or (found is None and not self.destructive):
            return Changes()
        objection = "" if self.force or found is None else objection_to(self.name, found, None)
        if objection:
            raise Conflict(objection)
        shown = {"deleted": self.name} if self.destructive else {"grain": self.name, "value": None}
        return self._changes(host, None, shown, force=self.force, destructive=self.destructive)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Grain {self.name} does not exist",
            Moment.WOULD: f"Grain {self.name} is set to be deleted",
            Moment.DONE: f"Grain {self.name} was deleted",
        }[moment]


class ListPresent(_Grain, frozen=True, kw_only=True):
    """See that a value, or each of several, is in a grain that is a list.

    Example:
        - grains.list_present: {name: roles, value: [web, db]}
    """

    value: Any

    def check(self, host: Host) -> Changes:
        """Return the list as it would be. Raises Conflict when the grain is no list."""
        found = self._list(host)
        wanted = self.value if isinstance(self.value, list) else [self.value]
        missing = [one for index, one in enumerate(wanted) if one not in found and one not in wanted[:index]]
        if not missing:
            return Changes()
        whole = [*found, *missing]
        return self._changes(host, whole, {"new": whole})

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Value {self.value} is already in grain {self.name}",
            Moment.WOULD: f"Value {self.value} is set to be appended to grain {self.name}",
            Moment.DONE: f"Append value {self.value} to grain {self.name}",
        }[moment]


class Append(ListPresent, frozen=True, kw_only=True):
    """See that a value is in a grain that is a list; with ``convert`` a single value becomes one.

    Unlike ``list_present`` it fails when there is no such grain.

    Example:
        - grains.append: {name: roles, value: web}
    """

    convert: bool = False

    def _list(self, host: Host) -> list[Any]:
        found = self._found(host)
        if found is ABSENT:
            raise Conflict(f"Grain {self.name} does not exist", hint="grains.list_present makes one")
        if self.convert and not isinstance(found, list):
            return [] if found is None else [found]
        return _Grain._list(self, host)

    def _changes(
        self, host: Host, value: Any, shown: dict[str, Any], *, force: bool = False, destructive: bool = False
    ) -> Changes:
        shown = {"added": self.value}
        return _Grain._changes(self, host, value, shown, force=force, destructive=destructive)


class ListAbsent(_Grain, frozen=True, kw_only=True):
    """See that a value, or each of several, is not in a grain that is a list.

    Example:
        - grains.list_absent: {name: roles, value: db}
    """

    value: Any

    def check(self, host: Host) -> Changes:
        """Return what would be taken out. Raises Conflict when the grain is no list."""
        found = self._list(host)
        unwanted = self.value if isinstance(self.value, list) else [self.value]
        there = [one for one in unwanted if one in found]
        if not there:
            return Changes()
        return self._changes(host, [one for one in found if one not in unwanted], {"deleted": there})

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Value {self.value} is absent from grain {self.name}",
            Moment.WOULD: f"Value {self.value} in grain {self.name} is set to be deleted",
            Moment.DONE: f"Value {self.value} was deleted from grain {self.name}",
        }[moment]
