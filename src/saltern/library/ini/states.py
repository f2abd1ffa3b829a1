"""Options and sections of ini files, kept there or away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.library.ini.document import (
    Document,
    differences,
    given,
    option_name,
    read,
    save,
    section_name,
    shown,
)
from saltern.sdk import BadArgument, Changes, Host, Moment, State


class _InFile(State, frozen=True, kw_only=True):
    """What all have in common: ``name`` is the file."""

    separator: str = "="
    encoding: str | None = None

    def _read(self, host: Host) -> Document:
        return read(host, self.name, self.separator, self.encoding)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "No anomaly detected",
            Moment.WOULD: f"{self.name} would be changed",
            Moment.DONE: "Changes take effect",
        }[moment]


class OptionsPresent(_InFile, frozen=True, kw_only=True):
    """Keep options of an ini file set; ``sections`` are ``{section: {option: value}}``, or options outside.

    ``strict`` removes what else the sections named hold. Comments, order and all other lines stay.

    Example:
        - ini.options_present: {name: /etc/app.ini, sections: {database: {host: db1, port: 5432}}}
    """

    sections: dict[str, Any]
    strict: bool = False
    no_spaces: bool = False

    def check(self, host: Host) -> Changes:
        """Return ``{section: {option: {before, after}}}``. Raises BadArgument."""
        document, wanted = self._read(host), given(self.sections, self.separator)
        changes = differences(document, wanted)
        for section, options in wanted.items() if self.strict else ():
            for name, value in document.options(section).items():
                if name not in options:
                    changes.setdefault(section, {})[name] = {"before": value, "after": None}
        absent = [section for section in wanted if not document.has(section)]
        for section in absent:
            changes[section] = {"before": None, "after": wanted[section]}
        return Changes(shown(changes))

    def apply(self, host: Host, changes: Changes) -> None:
        """Set them, in one step."""
        document, wanted = self._read(host), given(self.sections, self.separator)
        for section, options in wanted.items():
            document.add_section(section)
            have = document.options(section)
            for name, value in options.items():
                if have.get(name) != value.replace("\n    ", "\n"):
                    document.set_option(section, name, value, tight=self.no_spaces)
            for name in have if self.strict else ():
                if name not in options:
                    document.remove_option(section, name)
        save(host, self.name, document, self.encoding)


class OptionsAbsent(_InFile, frozen=True, kw_only=True):
    """Keep options out of an ini file; ``sections`` are ``{section: [option, …]}``, or options outside.

    Example:
        - ini.options_absent: {name: /etc/app.ini, sections: {database: [password]}}
    """

    sections: dict[str, Any] | list[Any]

    def check(self, host: Host) -> Changes:
        """Return ``{section: {option: value}}`` of what is there. Raises BadArgument."""
        document, found = self._read(host), dict[str, Any]()
        for section, names in self._unwanted().items():
            have = document.options(section)
            if there := {name: have[name] for name in names if name in have}:
                found.update({section: there} if section else there)
        return Changes(found)

    def _unwanted(self) -> dict[str, list[str]]:
        if isinstance(self.sections, list):
            return {"": [option_name(name, self.separator) for name in self.sections]}
        found: dict[str, list[str]] = {}
        for section, names in self.sections.items():
            inside = isinstance(names, list | Mapping)
            given_names = list(names) if inside else [section]
            listed = [option_name(name, self.separator) for name in given_names]
            found.setdefault(section_name(section) if inside else "", []).extend(listed)
        return found

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove them, in one step."""
        document = self._read(host)
        for section, names in self._unwanted().items():
            for name in names:
                document.remove_option(section, name)
        save(host, self.name, document, self.encoding)


class SectionsPresent(_InFile, frozen=True, kw_only=True):
    """Keep sections in an ini file: a list of names, or ``{section: {option: value}}``.

    Example:
        - ini.sections_present: {name: /etc/app.ini, sections: [database, cache]}
    """

    sections: list[str] | dict[str, dict[str, Any] | None]

    def check(self, host: Host) -> Changes:
        """Return ``{section: {before, after}}`` of what is missing. Raises BadArgument."""
        document, wanted = self._read(host), self._wanted()
        return Changes(
            {name: {"before": None, "after": what} for name, what in wanted.items() if not document.has(name)}
        )

    def _wanted(self) -> dict[str, dict[str, str]]:
        listed = self.sections
        pairs = dict.fromkeys(listed) if isinstance(listed, list) else listed
        if any(not section_name(name) for name in pairs):
            raise BadArgument("sections: a section has a name")
        return given({name: content or {} for name, content in pairs.items()}, self.separator)

    def apply(self, host: Host, changes: Changes) -> None:
        """Add them at the end, with the options given."""
        document, wanted = self._read(host), self._wanted()
        for section in changes:
            document.add_section(section)
            for name, value in wanted[section].items():
                document.set_option(section, name, value)
        save(host, self.name, document, self.encoding)


class SectionsAbsent(_InFile, frozen=True, kw_only=True):
    """Keep sections, with all that is in them, out of an ini file.

    Example:
        - ini.sections_absent: {name: /etc/app.ini, sections: [legacy]}
    """

    sections: list[str]

    def check(self, host: Host) -> Changes:
        """Return ``{section: {option: value}}`` of what is there. Raises BadArgument."""
        document = self._read(host)
        names = [section_name(name) for name in self.sections]
        return Changes({name: document.options(name) for name in names if name and document.has(name)})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove them, in one step."""
        document = self._read(host)
        for section in changes:
            document.remove_section(section)
        save(host, self.name, document, self.encoding)
