"""``file.append``, ``prepend`` and ``replace``: a part of a file's text."""

from __future__ import annotations

import re
from typing import Any

from saltern.library.file import place
from saltern.library.file.origin import fetched
from saltern.sdk import BadArgument, Changes, Done, Host, Moment, NotFound, State


class _Addition(State, frozen=True, kw_only=True):
    """What ``append`` and ``prepend`` have in common: lines that are to be in a file."""

    text: str | bool | int | float | list[str] | None = None
    source: str | None = None
    sources: list[str] | None = None
    source_hash: str | None = None
    source_hashes: list[str] | None = None
    template: str | None = "jinja"
    defaults: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    makedirs: bool = False
    ignore_whitespace: bool = True
    show_changes: bool = True

    def check(self, host: Host) -> Changes:
        """Return a diff. Raises NotFound for a source that isn't there, BadArgument."""
        path = place.followed(host, place.absolute(self.name))
        there = host.stat(path)
        old = host.read(path).decode(errors="surrogateescape") if there is not None else ""
        chunks = [chunk for chunk in self._chunks(host) if not self._has(old, chunk)]
        if not chunks and there is not None:
            return Changes()
        new = self._with(old, chunks).encode(errors="surrogateescape")
        shown = place.difference(old.encode(errors="surrogateescape"), new, self.name)
        return Changes({"diff": shown if self.show_changes else "<show_changes=False>"}, mend=new)

    def apply(self, host: Host, changes: Changes) -> None:
        """Write the text that ``check`` made."""
        path = place.followed(host, place.absolute(self.name))
        place.make_parent(host, path, self.makedirs, None, place.Wanted())
        host.write(path, changes.mend)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"File {self.name} is in correct state",
            Moment.WOULD: f"File {self.name} is set to be updated",
            Moment.DONE: f"Updated {self.name}",
        }[moment]

    def _with(self, old: str, chunks: list[str]) -> str:
        raise NotImplementedError

    def _chunks(self, host: Host) -> list[str]:
        """Return the pieces of text, each of which is looked for as a whole."""
        urls = [*(self.sources or ()), *([self.source] if self.source else ())]
        if self.text is None and not urls:
            raise BadArgument("there is nothing to add", hint="write - text: … or - source: salt://…")
        if urls:
            return [self._read(host, url) for url in urls]
        return [str(one) for one in self.text] if isinstance(self.text, list) else [str(self.text)]

    def _read(self, host: Host, url: str) -> str:
        data = fetched(host, url)
        if data is None:
            raise NotFound(f"{url}: no such file (environment {host.supply.saltenv!r})")
        if self.template:
            data = place.rendered(host, data, self.template, url, self.defaults, self.context)
        return data.decode(errors="surrogateescape")

    def _has(self, text: str, chunk: str) -> bool:
        """Tell whether the text has the chunk as whole lines; white space may be ignored."""
        words = chunk.split()
        if not words:
            return True
        loose, exact = r"\s+".join(map(re.escape, words)), re.escape(chunk.rstrip("\n"))
        pattern = loose if self.ignore_whitespace else exact
        return re.search(rf"^[^\S\n]*{pattern}[^\S\n]*$", text, re.MULTILINE) is not None


class Append(_Addition, frozen=True, kw_only=True):
    """See that lines are in a file; those that aren't are added to its end.

    Example:
        - file.append: {name: /etc/motd, text: [Thou hadst better eat salt]}
    """

    def _with(self, old: str, chunks: list[str]) -> str:
        start = f"{old}\n" if old and not old.endswith("\n") else old
        return start + "".join(_line(chunk) for chunk in chunks)


class Prepend(_Addition, frozen=True, kw_only=True):
    """See that lines are in a file; those that aren't are put at its beginning.

    With ``header`` they must stand at the very beginning.

    Example:
        - file.prepend: {name: /etc/motd, text: [Trust no one unless you have eaten much salt with him]}
    """

    header: bool | None = None

    def _has(self, text: str, chunk: str) -> bool:
        """Tell whether the chunk is there; with ``header``, whether the text begins with all of them."""
        if not self.header:
            return _Addition._has(self, text, chunk)
        return text.startswith(self._head())

    def _head(self) -> str:
        lines = self.text if isinstance(self.text, list) else [str(self.text)]
        return "".join(map(_line, lines))

    def _with(self, old: str, chunks: list[str]) -> str:
        return "".join(_line(chunk) for chunk in chunks) + old


def _line(chunk: str) -> str:
    return chunk if chunk.endswith("\n") else f"{chunk}\n"


class Replace(State, frozen=True, kw_only=True):
    r"""Replace what matches a regular expression in a file.

    ``repl`` may refer to groups (``\1``), unless ``backslash_literal``. ``flags`` are names (``MULTILINE``)
    or their number; ``count`` 0 replaces every match. Where nothing matches, ``append_if_not_found`` adds
    ``not_found_content`` (else ``repl``) to the end, ``prepend_if_not_found`` to the beginning. ``backup`` is
    what a copy's name ends with; false keeps none.

    Example:
        - file.replace: {name: /etc/ssh/sshd_config, pattern: '^#?Port .*', repl: 'Port 2222'}
    """

    # The engine's second look would fail what matches its own replacement; a warning says so instead.
    LOOKS_AGAIN = False

    pattern: str
    repl: str | bool | int | float
    count: int = 0
    flags: int | str | list[str] = 8
    bufsize: int | str = 1
    append_if_not_found: bool = False
    prepend_if_not_found: bool = False
    not_found_content: str | None = None
    backup: str | bool = ".bak"
    show_changes: bool = True
    ignore_if_missing: bool = False
    backslash_literal: bool = False
    encoding: str | None = None

    def check(self, host: Host) -> Changes:
        """Return a diff. Raises NotFound unless ``ignore_if_missing``, BadArgument for a bad pattern."""
        path = place.followed(host, place.absolute(self.name))
        there = host.stat(path)
        if there is None:
            if self.ignore_if_missing:
                return Changes()
            raise NotFound(f"{self.name}: no such file", hint="write - ignore_if_missing: true")
        old = host.read(path)
        new = self._encoded(self._replaced(self._decoded(old)))
        if new == old:
            return Changes()
        shown = place.difference(old, new, self.name) if self.show_changes else "<show_changes=False>"
        return Changes({"diff": shown}, mend=new, warnings=self._warnings(new))

    def apply(self, host: Host, changes: Changes) -> Done:
        """Keep a copy, where one is asked for, and write the text that ``check`` made."""
        path = place.followed(host, place.absolute(self.name))
        there = host.stat(path)
        if there is not None and self.backup:
            ending = self.backup if isinstance(self.backup, str) else ".bak"
            owner = place.Wanted(there.uid, there.gid).owner(host, there)
            host.write(f"{path}{ending}", host.read(path), there.mode, owner)
        host.write(path, changes.mend)
        return Done(changes=dict(changes), comment=self.says(changes, Moment.DONE))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "No changes needed to be made",
            Moment.WOULD: "Changes would have been made",
            Moment.DONE: "Changes were made",
        }[moment]

    def _warnings(self, new: bytes) -> tuple[str, ...]:
        if self._encoded(self._replaced(self._decoded(new))) == new:
            return ()
        return ("the pattern matches what it was replaced by: this state changes something each time",)

    def _replaced(self, text: str) -> str:
        expression = self.expression()
        repl = str(self.repl)
        literal = repl.replace("\\", r"\\") if self.backslash_literal else repl
        try:
            new, found = expression.subn(literal, text, count=self.count)
        except (re.error, IndexError) as error:
            raise BadArgument(f"repl = {self.repl!r}: {error}", hint="backslash_literal: true") from None
        content = repl if self.not_found_content is None else self.not_found_content
        if found or re.search(rf"^{re.escape(content)}$", text, expression.flags | re.MULTILINE):
            return new
        if self.prepend_if_not_found:
            return f"{_line(content)}{text}"
        if self.append_if_not_found:
            return f"{_line(text) if text else ''}{_line(content)}"
        return text

    def expression(self) -> re.Pattern[str]:
        """Return the pattern with its flags. Raises BadArgument."""
        names = self.flags if isinstance(self.flags, list) else [self.flags]
        flags = 0
        for name in names:
            found = name if isinstance(name, int) else getattr(re.RegexFlag, name.upper(), None)
            if found is None:
                raise BadArgument(f"flags: no flag {name!r}", hint="write - flags: [MULTILINE, IGNORECASE]")
            flags |= int(found)
        try:
            return re.compile(str(self.pattern), flags)
        except re.error as error:
            raise BadArgument(f"pattern = {self.pattern!r}: {error}") from None

    def _decoded(self, data: bytes) -> str:
        return data.decode(self.encoding or "utf-8", errors="surrogateescape")

    def _encoded(self, text: str) -> bytes:
        return text.encode(self.encoding or "utf-8", errors="surrogateescape")
