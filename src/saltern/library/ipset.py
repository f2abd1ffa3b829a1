"""Sets of addresses, networks and ports in the kernel, which rules of iptables refer to."""

from __future__ import annotations

import shlex
from typing import Any, Literal

import msgspec

from saltern.library._firewall import asked, checked, demanded, said, word
from saltern.sdk import BadArgument, Changes, CommandFailed, Host, Moment, NotFound, State

REQUIRES = ("ipset",)

Family = Literal["ipv4", "ipv6"]

_FAMILIES = {"ipv4": "inet", "ipv6": "inet6"}
#: Options without a value.
_SWITCHES = frozenset({"counters", "skbinfo", "forceadd", "nomatch", "wildcard"})


class Held(msgspec.Struct, frozen=True):
    """A set in the kernel: its type, its options, and its entries with theirs."""

    type: str
    options: dict[str, str]
    entries: dict[str, dict[str, str]]


def version(host: Host) -> str:
    """Return the program's version: ``v7.17``.

    Example:
        saltern run '*' ipset.version
    """
    return demanded(host, "ipset", "--version").split()[1].rstrip(",")


def list_sets(host: Host, family: Family = "ipv4") -> list[dict[str, Any]]:
    """Return the sets: ``{Name, Type, Header: {…}, Members: […]}`` each. ``family`` is as Salt has it.

    Example:
        saltern run '*' ipset.list_sets
    """
    return [
        {"Name": name, "Type": one.type, "Header": one.options, "Members": list(one.entries)}
        for name, one in _parse(demanded(host, "ipset", "save")).items()
    ]


def check_set(host: Host, name: str, family: Family = "ipv4") -> bool:
    """Tell whether there is a set.

    Example:
        saltern run '*' ipset.check_set blocked
    """
    return _held(host, name) is not None


def new_set(
    host: Host,
    name: str,
    set_type: str,
    family: Family = "ipv4",
    comment: bool = False,
    timeout: int | None = None,
    hashsize: int | None = None,
    maxelem: int | None = None,
    range: str | None = None,
    netmask: int | None = None,
    counters: bool = False,
    skbinfo: bool = False,
) -> bool:
    """Make a set. ``range`` is for bitmaps. Raises CommandFailed.

    Example:
        saltern run '*' ipset.new_set blocked hash:net timeout=3600
    """
    values = {
        "range": range,
        "netmask": netmask,
        "hashsize": hashsize,
        "maxelem": maxelem,
        "timeout": timeout,
    }
    words = [text for key, one in values.items() if one is not None for text in (key, word(one, key))]
    switches = {"comment": comment, "counters": counters, "skbinfo": skbinfo}
    at = [] if set_type.startswith(("bitmap:", "list:")) else ["family", _FAMILIES[family]]
    on = [switch for switch, one in switches.items() if one]
    demanded(host, "ipset", "create", checked(name, "set"), _type(set_type), *at, *words, *on)
    return True


def delete_set(host: Host, name: str, family: Family = "ipv4") -> bool:
    """Remove a set. Raises CommandFailed, also while a rule refers to it.

    Example:
        saltern run '*' ipset.delete_set blocked
    """
    demanded(host, "ipset", "destroy", checked(name, "set"))
    return True


def rename_set(host: Host, name: str, new_set: str, family: Family = "ipv4") -> bool:
    """Give a set another name. Raises CommandFailed.

    Example:
        saltern run '*' ipset.rename_set blocked refused
    """
    demanded(host, "ipset", "rename", checked(name, "set"), checked(new_set, "set"))
    return True


def flush(host: Host, name: str, family: Family = "ipv4") -> bool:
    """Remove all entries of a set. Raises CommandFailed.

    Example:
        saltern run '*' ipset.flush blocked
    """
    demanded(host, "ipset", "flush", checked(name, "set"))
    return True


def add(
    host: Host,
    name: str,
    entry: str,
    family: Family = "ipv4",
    timeout: int | None = None,
    comment: str | None = None,
) -> bool:
    """Add an entry, or give one that is there another timeout or comment. Raises CommandFailed.

    Example:
        saltern run '*' ipset.add blocked 192.0.2.0/24 timeout=600
    """
    words = [] if timeout is None else ["timeout", str(timeout)]
    words += [] if comment is None else ["comment", word(comment, "comment")]
    demanded(host, "ipset", "-exist", "add", checked(name, "set"), _entry(entry), *words)
    return True


def delete(host: Host, name: str, entry: str, family: Family = "ipv4") -> bool:
    """Remove an entry. Raises CommandFailed.

    Example:
        saltern run '*' ipset.delete blocked 192.0.2.0/24
    """
    demanded(host, "ipset", "del", checked(name, "set"), _entry(entry))
    return True


def check(host: Host, name: str, entry: str, family: Family = "ipv4") -> bool:
    """Tell whether a set has an entry, written as it is here. Raises NotFound when there is no such set.

    Example:
        saltern run '*' ipset.check blocked 192.0.2.0/24
    """
    found = _held(host, name)
    if found is None:
        raise NotFound(f"Set {name} does not exist")
    return _canonical(entry) in found.entries


def test(host: Host, name: str, entry: str, family: Family = "ipv4") -> bool:  # noqa: PT028
    """Tell whether a set matches an address, also as a part of one of its networks. Raises CommandFailed.

    Example:
        saltern run '*' ipset.test blocked 192.0.2.7
    """
    done = asked(host, "ipset", "test", checked(name, "set"), _entry(entry))
    if done.retcode == 1 and " is NOT in " in said(done):
        return False
    if done.retcode != 0:
        raise CommandFailed(f"ipset: {said(done)}", retcode=done.retcode)
    return True


class SetPresent(State, frozen=True, kw_only=True):
    """Keep a set; one of another type is an error. ``timeout``, ``comment`` … are what new entries may have.

    Example:
        - ipset.set_present: {name: blocked, set_type: hash:net, timeout: 3600, comment: true}
    """

    set_type: str
    family: Family = "ipv4"
    comment: bool = False
    timeout: int | None = None
    hashsize: int | None = None
    maxelem: int | None = None
    range: str | None = None
    netmask: int | None = None
    counters: bool = False
    skbinfo: bool = False

    def check(self, host: Host) -> Changes:
        """Return that it isn't there. Raises BadArgument for a set of another type."""
        found = _held(host, self.name)
        if found is None:
            return Changes({"locale": self.name})
        family = found.options.get("family", _FAMILIES[self.family])
        if (found.type, family) != (self.set_type, _FAMILIES[self.family]):
            raise BadArgument(
                f"the set {self.name} is of the type {found.type}, family {family}",
                hint="remove it with ipset.set_absent",
            )
        return Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it. Raises CommandFailed."""
        given = {field: getattr(self, field) for field in self.__struct_fields__}
        new_set(host, **given)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"ipset set {self.name} already exists for {self.family}",
            Moment.WOULD: f"ipset set {self.name} would be added for {self.family}",
            Moment.DONE: f"ipset set {self.name} created successfully for {self.family}",
        }[moment]


class SetAbsent(State, frozen=True, kw_only=True):
    """See that there is no such set.

    Example:
        - ipset.set_absent: blocked
    """

    family: Family = "ipv4"

    def check(self, host: Host) -> Changes:
        """Return that it is there."""
        return Changes({"locale": self.name} if _held(host, self.name) else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed, also while a rule refers to it."""
        delete_set(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"ipset set {self.name} for {self.family} is already absent",
            Moment.WOULD: f"ipset set {self.name} for {self.family} would be removed",
            Moment.DONE: f"ipset set {self.name} deleted successfully for family {self.family}",
        }[moment]


class Present(State, frozen=True, kw_only=True):
    """Keep entries in a set; ``name`` is what the state is about, ``set_name`` the set.

    Example:
        - ipset.present: {name: blocked hosts, set_name: blocked, entry: [192.0.2.7, 198.51.100.0/24]}
    """

    set_name: str
    entry: str | list[str]
    family: Family = "ipv4"
    timeout: int | None = None
    comment: str | None = None

    def check(self, host: Host) -> Changes:
        """Return the entries that are missing, or have another comment."""
        held = _held(host, self.set_name)
        entries = {} if held is None else held.entries
        missing = [one for one in _entries(self.entry) if not self._is_there(entries.get(_canonical(one)))]
        return Changes({"locale": self.name} if missing else {}, mend=missing)

    def apply(self, host: Host, changes: Changes) -> None:
        """Add them. Raises CommandFailed."""
        for one in changes.mend:
            add(host, self.set_name, one, self.family, self.timeout, self.comment)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        shown = ", ".join(changes.mend or _entries(self.entry))
        return {
            Moment.CORRECT: f"entry for {shown} already in set ({self.set_name}) for {self.family}",
            Moment.WOULD: f"ipset entry {shown} would be added to set {self.set_name} for {self.family}",
            Moment.DONE: f"entry {shown} added to set {self.set_name} for family {self.family}",
        }[moment]

    def _is_there(self, options: dict[str, str] | None) -> bool:
        return options is not None and self.comment in (None, options.get("comment"))


class Absent(State, frozen=True, kw_only=True):
    """See that a set doesn't have some entries; a set that isn't there has none.

    Example:
        - ipset.absent: {name: unblocked, set_name: blocked, entry: 192.0.2.7}
    """

    set_name: str
    entry: str | list[str] = ""
    entries: str | list[str] = ""
    family: Family = "ipv4"

    def check(self, host: Host) -> Changes:
        """Return the entries that are there. Raises BadArgument when none is named."""
        unwanted = [*_entries(self.entry), *_entries(self.entries)]
        if not unwanted:
            raise BadArgument(f"{self.name}: no entry is named", hint="entry: 192.0.2.7")
        held = _held(host, self.set_name)
        there = [one for one in unwanted if held is not None and _canonical(one) in held.entries]
        return Changes({"locale": self.name} if there else {}, mend=there)

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove them. Raises CommandFailed."""
        for one in changes.mend:
            delete(host, self.set_name, one)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        shown = ", ".join(changes.mend or [*_entries(self.entry), *_entries(self.entries)])
        return {
            Moment.CORRECT: f"ipset entry for {shown} not present in set {self.set_name} for {self.family}",
            Moment.WOULD: f"ipset entry {shown} would be removed from set {self.set_name} for {self.family}",
            Moment.DONE: f"ipset entry {shown} removed from set {self.set_name} for {self.family}",
        }[moment]


class Flush(State, frozen=True, kw_only=True):
    """See that a set has no entries.

    Example:
        - ipset.flush: {name: nobody is blocked, set_name: blocked}
    """

    set_name: str
    family: Family = "ipv4"

    def check(self, host: Host) -> Changes:
        """Return that there are entries. Raises NotFound."""
        held = _held(host, self.set_name)
        if held is None:
            raise NotFound(f"ipset set {self.set_name} does not exist for {self.family}")
        return Changes({"locale": self.name} if held.entries else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove them. Raises CommandFailed."""
        flush(host, self.set_name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"ipset set {self.set_name} has no entries for {self.family}",
            Moment.WOULD: f"ipset entries in set {self.set_name} for {self.family} would be flushed",
            Moment.DONE: f"Flushed ipset entries from set {self.set_name} for {self.family}",
        }[moment]


def _held(host: Host, name: str) -> Held | None:
    done = asked(host, "ipset", "save", checked(name, "set"))
    if done.retcode != 0:
        if "does not exist" in said(done):
            return None
        raise CommandFailed(f"ipset: {said(done)}", retcode=done.retcode)
    return _parse(done.stdout.decode(errors="replace")).get(name)


def _parse(text: str) -> dict[str, Held]:
    found: dict[str, Held] = {}
    for line in text.splitlines():
        command, name, what, *rest = shlex.split(line)
        if command == "create":
            found[name] = Held(what, _options(rest, _SWITCHES | {"comment"}), {})
        elif command == "add":
            found[name].entries[what] = _options(rest, _SWITCHES)
    return found


def _options(words: list[str], switches: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        name = rest.pop(0)
        found[name] = "" if name in switches or not rest else rest.pop(0)
    return found


def _type(text: str) -> str:
    checked(text.replace(",", "-"), "type")
    return text


def _entry(text: str) -> str:
    found = word(text, "entry")
    if not found or found.startswith("-"):
        raise BadArgument(f"{found!r} is no entry of a set")
    return found


def _entries(given: str | list[str]) -> list[str]:
    return [given] if given and isinstance(given, str) else list(given)


def _canonical(entry: str) -> str:
    """Return an entry as ipset writes it: networks by their first address, single addresses bare."""
    import ipaddress

    first, comma, rest = entry.partition(",")
    try:
        network = ipaddress.ip_network(first, strict=False)
    except ValueError:
        return entry
    alone = network.prefixlen == network.max_prefixlen
    return f"{network.network_address if alone else network}{comma}{rest}"
