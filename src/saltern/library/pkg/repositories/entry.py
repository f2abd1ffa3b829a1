"""A repository of Debian packages as apt's files write it: on one line, or as a stanza."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from saltern.sdk import BadArgument

_LINE = re.compile(
    r"(?P<kind>deb-src|deb)\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<parts>(?:\s+[^\s#]+)*)"
    r"\s*(?:#\s*(?P<comment>.*))?"
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One repository of one kind. ``options`` are written in brackets: ``arch``, ``signed-by`` …"""

    kind: str
    uri: str
    suite: str
    components: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    disabled: bool = False
    comment: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        """What makes two entries the same repository."""
        return self.kind, self.uri.rstrip("/"), self.suite

    def option(self, name: str) -> str:
        """Return one option, "" when it isn't given."""
        return dict(self.options).get(name, "")

    def with_options(self, **given: str) -> Entry:
        """Return the entry with options set; ``signed_by`` stands for ``signed-by``."""
        found = dict(self.options) | {name.replace("_", "-"): value for name, value in given.items() if value}
        return msgspec.structs.replace(self, options=tuple(found.items()))

    @property
    def line(self) -> str:
        """The entry as a line of ``sources.list``."""
        brackets = " ".join(f"{name}={value}" for name, value in self.options)
        words = [self.kind, f"[{brackets}]" if brackets else "", self.uri, self.suite, *self.components]
        text = " ".join(filter(None, words)) + (f" # {self.comment}" if self.comment else "")
        return f"# {text}" if self.disabled else text

    @property
    def stanza(self) -> str:
        """The entry as a stanza of a ``.sources`` file, without the empty line after it."""
        names = {"arch": "Architectures", "signed-by": "Signed-By", "trusted": "Trusted", "lang": "Languages"}
        lines = [
            *([f"# {self.comment}"] if self.comment else []),
            *(["Enabled: no"] if self.disabled else []),
            f"Types: {self.kind}",
            f"URIs: {self.uri}",
            f"Suites: {self.suite}",
            *([f"Components: {' '.join(self.components)}"] if self.components else []),
            *(f"{names.get(name, name.title())}: {value.replace(',', ' ')}" for name, value in self.options),
        ]
        return "\n".join(lines)


def parse_line(line: str) -> Entry | None:
    """Return the entry on a line, also one that is commented out; None for any other line."""
    text = line.strip()
    disabled = text.startswith("#")
    found = _LINE.fullmatch(text.lstrip("# \t") if disabled else text)
    if found is None:
        return None
    options = [word.partition("=") for word in (found["options"] or "").split()]
    return Entry(
        kind=found["kind"],
        uri=found["uri"],
        suite=found["suite"],
        components=tuple(found["parts"].split()),
        options=tuple((name, value) for name, _, value in options),
        disabled=disabled,
        comment=found["comment"] or "",
    )


def required(line: str) -> Entry:
    """Return the entry that somebody wrote. Raises BadArgument."""
    found = parse_line(line)
    if found is None or found.disabled:
        raise BadArgument(
            f"{line!r} is no repository of Debian packages",
            hint="deb [signed-by=/usr/share/keyrings/x.gpg] https://example.com/debian bookworm main",
        )
    return found


def parse_stanza(text: str) -> list[Entry]:
    """Return the entries of a stanza: one for each of its types, URIs and suites; none of what is no such."""
    fields = _fields(text.splitlines())
    if not {"types", "uris", "suites"} <= fields.keys():
        return []
    names = {"architectures": "arch", "signed-by": "signed-by", "trusted": "trusted", "languages": "lang"}
    known = {"types", "uris", "suites", "components", "enabled"}
    options = tuple(
        (names.get(name, name), value if "\n" in value else ",".join(value.split()))
        for name, value in fields.items()
        if name not in known
    )
    return [
        Entry(
            kind=kind,
            uri=uri,
            suite=suite,
            components=tuple(fields.get("components", "").split()),
            options=options,
            disabled=fields.get("enabled", "yes").lower()
            in ("no", "false", "0", "off", "without", "disable"),
        )
        for kind in fields["types"].split()
        for uri in fields["uris"].split()
        for suite in fields["suites"].split()
    ]


def _fields(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t"):
            found[name] = found.get(name, "") + "\n" + line.strip()
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            found[name] = value.strip()
    return found


def split_stanzas(text: str) -> list[str]:
    """Return the stanzas of a ``.sources`` file, without the empty lines between them."""
    return [part.strip("\n") for part in re.split(r"\n[ \t]*\n", text) if part.strip()]


def join_stanzas(stanzas: Sequence[str]) -> str:
    """Return the text of a ``.sources`` file."""
    return "".join(f"{stanza}\n\n" for stanza in stanzas)[:-1] if stanzas else ""
