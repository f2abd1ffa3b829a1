"""A crontab's text, read into its parts and written again. Nothing in here touches a host.

What lies above a marker line belongs to people and stays as it is. Below it lie the entries kept here, each
under a comment with its identifier. Marker and comments are Salt's: a crontab that Salt has kept is kept on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from saltern.sdk import BadArgument

MARKER = "# Lines below here are managed by Salt, do not edit"
IDENTIFIER = "SALT_CRON_IDENTIFIER"
#: Stands before an entry that is kept but not run.
DISABLED = "#DISABLED#"
FIELDS = ("minute", "hour", "daymonth", "month", "dayweek")
#: The values ``random`` chooses among, of each field.
RANGES = {"minute": (0, 59), "hour": (0, 23), "daymonth": (1, 28), "month": (1, 12), "dayweek": (0, 6)}

_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_SPECIAL = re.compile(r"@[a-z]+")
_IDENTIFIED = re.compile(rf"\s*{IDENTIFIER}:(.*)$")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One command and when it runs: at ``when`` (five fields), or at a ``special`` time (``@reboot``)."""

    command: str
    when: tuple[str, ...] = ("*",) * 5
    special: str = ""
    identifier: str = ""
    comment: str = ""
    commented: bool = False

    def is_meant_by(self, command: str, identifier: str) -> bool:
        """Tell whether it goes by that identifier, or has none of its own and runs that command."""
        if identifier and self.identifier == identifier:
            return True
        return self.command == command and self.identifier in ("", self.command)

    def lines(self) -> Iterator[str]:
        """Give its lines: the comment, if there is anything to say, then the entry."""
        said = [line for line in self.comment.splitlines() if line]
        if self.identifier:
            said = [*said[:-1], f"{said[-1] if said else ''} {IDENTIFIER}:{self.identifier}".strip()]
        yield from (f"# {line}" for line in said)
        at = self.special or " ".join(self.when)
        yield f"{DISABLED if self.commented else ''}{at} {self.command}"


class Tab(msgspec.Struct, frozen=True, kw_only=True):
    """A crontab: people's lines, variables, and entries."""

    own: tuple[str, ...] = ()
    marked: bool = False
    variables: tuple[tuple[str, str], ...] = ()
    entries: tuple[Entry, ...] = ()

    def text(self) -> str:
        """Return it as it is installed: times of day first, then special times."""
        lines = [*self.own]
        if self.marked or self.variables or self.entries:
            lines.append(MARKER)
        lines += [f"{name}={value}" for name, value in self.variables]
        for entry in sorted(self.entries, key=lambda one: bool(one.special)):
            lines += entry.lines()
        return "".join(f"{line}\n" for line in lines)

    def find(self, command: str, identifier: str) -> Entry | None:
        """Return the entry that is meant; one with the identifier goes before one with the command."""
        meant = [one for one in self.entries if one.is_meant_by(command, identifier)]
        return next((one for one in meant if one.identifier == identifier), meant[0] if meant else None)

    def with_entry(self, old: Entry | None, new: Entry | None) -> Tab:
        """Return it with an entry in place of another; added without ``old``, left out without ``new``."""
        if old is None:
            entries = [*self.entries, *([new] if new else [])]
        else:
            entries = [found for one in self.entries if (found := new if one == old else one) is not None]
        return msgspec.structs.replace(self, entries=tuple(entries))

    def with_variable(self, name: str, value: str | None) -> Tab:
        """Return it with a variable set; None takes it away."""
        kept = {**dict(self.variables), name: value}
        variables = tuple((one, text) for one, text in kept.items() if text is not None)
        return msgspec.structs.replace(self, variables=variables)


def parse(text: str) -> Tab:
    """Return a crontab's parts."""
    own, marker, kept = text.partition(f"{MARKER}\n")
    if not marker:
        own, marker, kept = text.removesuffix(MARKER), MARKER if text.endswith(MARKER) else "", ""
    variables: dict[str, str] = {}
    entries: list[Entry] = []
    comments: list[str] = []
    for line in kept.splitlines():
        entry = _entry(line, comments)
        variable = _VARIABLE.fullmatch(line)
        if entry is not None:
            entries.append(entry)
            comments = []
        elif line.startswith("#"):
            comments.append(line.lstrip("#").removeprefix(" "))
        elif variable is not None:
            variables[variable[1]] = variable[2]
    return Tab(
        own=tuple(own.splitlines()),
        marked=bool(marker),
        variables=tuple(variables.items()),
        entries=tuple(entries),
    )


def entry(
    command: str,
    when: tuple[str, ...],
    special: str = "",
    identifier: str = "",
    comment: str = "",
    commented: bool = False,
) -> Entry:
    """Return an entry. Raises BadArgument for what would not stay one line, or one field."""
    for name, value in zip(FIELDS, when, strict=True):
        if not value or any(sign.isspace() for sign in value):
            raise BadArgument(f"{name} = {value!r}: neither empty nor with a space in it")
    if special and not _SPECIAL.fullmatch(special):
        raise BadArgument(
            f"special = {special!r}", hint="write @reboot, @hourly, @daily, @weekly, @monthly …"
        )
    for name, value in (("command", command), ("identifier", identifier)):
        if "\n" in value or "\0" in value:
            raise BadArgument(f"the {name} has a line's end in it", hint="separate commands with ;")
    if not command.strip():
        raise BadArgument("the command is empty")
    return Entry(
        command=command.strip(),
        when=when,
        special=special,
        identifier=identifier,
        comment=comment,
        commented=commented,
    )


def variable(name: str, value: str) -> str:
    """Return a variable's value as it is. Raises BadArgument for what is no variable, or more than a line."""
    if not _VARIABLE.fullmatch(f"{name}=") or "\n" in value or "\0" in value:
        raise BadArgument(f"{name!r} and its value can't be a variable of a crontab")
    return value


def _entry(line: str, comments: list[str]) -> Entry | None:
    """Return what a line and the comments above it say; None for what is no entry."""
    commented = line.startswith(DISABLED)
    words = line.removeprefix(DISABLED)
    if not words.strip() or words.startswith("#") or _VARIABLE.fullmatch(words):
        return None
    special, _, rest = words.partition(" ")
    when: tuple[str, ...] = ("*",) * 5
    if not special.startswith("@"):
        special, parts = "", words.split(None, 5)
        if len(parts) < 6:
            return None
        when, rest = tuple(parts[:5]), parts[5]
    identifier, said = _identified(comments)
    return Entry(
        command=rest.strip(),
        when=when,
        special=special,
        identifier=identifier,
        comment=said,
        commented=commented,
    )


def _identified(comments: list[str]) -> tuple[str, str]:
    """Return the identifier in the last comment, and what the comments say without it."""
    if not comments:
        return "", ""
    met = _IDENTIFIED.search(comments[-1])
    if met is None:
        return "", "\n".join(comments)
    last = comments[-1][: met.start()]
    return met[1].strip(), "\n".join(one for one in (*comments[:-1], last) if one)
