"""An ini file as its lines, so that what is not touched stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from saltern.sdk import BadArgument, Host

_SECTION = re.compile(r"\s*\[(?P<name>.*)\]\s*([#;].*)?")
#: What begins a comment, or goes on with the option above.
_REMARKS = ("#", ";")


class Document:
    """Lines in sections; options before the first section are in the one called ``""``."""

    def __init__(self, text: str, separator: str = "=") -> None:
        """Read a text. ``separator`` is what stands between an option and its value."""
        self._separator = separator
        self._ending = "\r\n" if "\r\n" in text else "\n"
        self._blocks: list[_Block] = [_Block("", [])]
        for line in text.splitlines():
            found = None if line.lstrip().startswith(_REMARKS) else _SECTION.fullmatch(line)
            if found:
                self._blocks.append(_Block(found["name"].strip(), [], line))
            else:
                self._blocks[-1].lines.append(line)

    @property
    def text(self) -> str:
        """The file's content."""
        lines = [line for block in self._blocks for line in block.written()]
        return "".join(f"{line}{self._ending}" for line in lines)

    def sections(self) -> list[str]:
        """Return the names of the sections, in order."""
        return list(dict.fromkeys(block.name for block in self._blocks if block.head is not None))

    def options(self, section: str) -> dict[str, str]:
        """Return a section's options with their values; of one written twice, the last value."""
        found: dict[str, str] = {}
        for block in self._named(section):
            for start, end in self._spans(block):
                name, value = self._parts(block.lines[start])
                more = [line.strip() for line in block.lines[start + 1 : end]]
                found[name] = "\n".join([value, *more])
        return found

    def has(self, section: str) -> bool:
        """Tell whether there is such a section."""
        return not section or section in self.sections()

    def set_option(self, section: str, name: str, value: str, *, tight: bool = False) -> None:
        """Give an option a value, where it stands; a new one goes to its section's end."""
        line = f"{name}{self._between(tight)}{value}"
        for block in reversed(self._named(section)):
            for start, end in reversed(self._spans(block)):
                if self._parts(block.lines[start])[0] == name:
                    block.lines[start:end] = [line]
                    return
        self.add_section(section)
        block = self._named(section)[-1]
        block.lines.insert(block.end(), line)

    def add_section(self, section: str) -> None:
        """Add a section at the end, unless it is there; an empty line parts it from what is above."""
        if self.has(section):
            return
        last = self._blocks[-1].written()
        if last and last[-1].strip():
            self._blocks[-1].lines.append("")
        self._blocks.append(_Block(section, [], f"[{section}]"))

    def remove_option(self, section: str, name: str) -> None:
        """Remove an option wherever its section has it."""
        for block in self._named(section):
            for start, end in reversed(self._spans(block)):
                if self._parts(block.lines[start])[0] == name:
                    del block.lines[start:end]

    def remove_section(self, section: str) -> None:
        """Remove a section with all that is in it."""
        self._blocks = [block for block in self._blocks if block.head is None or block.name != section]

    def _named(self, section: str) -> list[_Block]:
        return [block for block in self._blocks if block.name == section]

    def _between(self, tight: bool) -> str:
        sign = self._separator.strip()
        return sign if tight and sign else f" {sign} " if sign else self._separator

    def _spans(self, block: _Block) -> list[tuple[int, int]]:
        """Return where options begin and end; indented lines go on with a value."""
        found: list[tuple[int, int]] = []
        for at, line in enumerate(block.lines):
            if not line.strip() or line.lstrip().startswith(_REMARKS):
                continue
            if line[0].isspace() and found and found[-1][1] == at:
                found[-1] = (found[-1][0], at + 1)
            else:
                found.append((at, at + 1))
        return found

    def _parts(self, line: str) -> tuple[str, str]:
        sign = self._separator.strip()
        name, _, value = line.strip().partition(sign) if sign else _by_space(line)
        return name.strip(), value.strip()


class _Block:
    """A section's head, as written, and the lines below it."""

    def __init__(self, name: str, lines: list[str], head: str | None = None) -> None:
        self.name = name
        self.lines = lines
        self.head = head

    def written(self) -> list[str]:
        return [*([] if self.head is None else [self.head]), *self.lines]

    def end(self) -> int:
        """Return where a new line goes: before the empty lines that end the section."""
        at = len(self.lines)
        while at and not self.lines[at - 1].strip():
            at -= 1
        return at


def _by_space(line: str) -> tuple[str, str, str]:
    name, *rest = line.strip().split(None, 1)
    return name, " ", rest[0] if rest else ""


def read(host: Host, path: str, separator: str = "=", encoding: str | None = None) -> Document:
    """Return a file's document, an empty one when there is no file. Raises BadArgument."""
    if not path.startswith("/") or "\0" in path:
        raise BadArgument(f"{path!r} is no absolute path", hint="write /etc/app.ini")
    if not separator or separator != separator.rstrip("\r\n"):
        raise BadArgument("separator: something must stand between an option and its value")
    data = host.read(path) if host.exists(path) else b""
    try:
        return Document(data.decode(encoding or "utf-8"), separator)
    except (UnicodeDecodeError, LookupError) as error:
        raise BadArgument(f"{path} can't be read: {error}", hint="name its encoding: latin-1") from None


def save(host: Host, path: str, document: Document, encoding: str | None = None) -> None:
    """Write a document, in one step. Raises BadArgument for what the encoding has no signs for."""
    try:
        host.write(path, document.text.encode(encoding or "utf-8"))
    except UnicodeEncodeError as error:
        raise BadArgument(f"{path} can't be written: {error}", hint="name another encoding") from None


def written(value: Any) -> str:
    """Return a value as the file has it. Raises BadArgument for one that would be another line."""
    text = "" if value is None else str(value).strip()
    if "\0" in text or "\r" in text:
        raise BadArgument(f"{text!r} is no value of an ini file")
    return text.replace("\n", "\n    ")


def given(sections: Mapping[str, Any] | None, separator: str = "=") -> dict[str, dict[str, str]]:
    """Return what a caller wrote, ``{section: {option: value}}``; an option outside is in ``""``.

    Raises BadArgument for a name that would be read as something else.
    """
    found: dict[str, dict[str, str]] = {}
    for name, content in (sections or {}).items():
        inside = content if isinstance(content, Mapping) else {name: content}
        section = section_name(name) if isinstance(content, Mapping) else ""
        for option, value in inside.items():
            found.setdefault(section, {})[option_name(option, separator)] = written(value)
        found.setdefault(section, {})
    return found


def differences(document: Document, wanted: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return ``{section: {option: {before, after}}}`` of options that have another value, or none."""
    found: dict[str, Any] = {}
    for section, options in wanted.items():
        have = document.options(section)
        for name, value in options.items():
            after = value.replace("\n    ", "\n")
            if have.get(name) != after:
                found.setdefault(section, {})[name] = {"before": have.get(name), "after": after}
    return found


def shown(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes as people see them: options outside of sections stand by themselves."""
    return {**changes.get("", {}), **{section: what for section, what in changes.items() if section}}


def section_name(name: Any) -> str:
    """Return a section's name. Raises BadArgument."""
    text = str(name).strip()
    if any(sign in text for sign in "\n\r\0]"):
        raise BadArgument(f"{text!r} is no name of a section")
    return text


def option_name(name: Any, separator: str = "=") -> str:
    """Return an option's name. Raises BadArgument."""
    text = str(name).strip()
    parts = (separator.strip() and separator.strip() in text) or (not separator.strip() and " " in text)
    if not text or parts or text.startswith((*_REMARKS, "[")) or any(sign in text for sign in "\n\r\0"):
        raise BadArgument(f"{text!r} is no name of an option")
    return text
