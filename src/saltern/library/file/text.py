"""What states that change a part of a text have in common, and those that work on its lines."""

from __future__ import annotations

import re
from typing import Any, Literal

from saltern.library.file import place
from saltern.library.file.origin import fetched
from saltern.sdk import BadArgument, Changes, Conflict, Host, Moment, NotFound, State


class TextEdit(State, frozen=True, kw_only=True):
    """A file whose text is to be otherwise in a part; what is not text in it is kept byte for byte."""

    backup: str | bool = ".bak"
    show_changes: bool = True

    def check(self, host: Host) -> Changes:
        """Return a diff. Raises NotFound, BadArgument, and Conflict for a text that does not fit."""
        path = place.followed(host, place.absolute(self.name))
        there = host.stat(path)
        old = self._without_file() if there is None else place.decoded(host.read(path))
        if old is None:
            return Changes()
        new = self._edited(host, old)
        if new == old and there is not None:
            return Changes()
        before, after = place.encoded(old), place.encoded(new)
        shown = place.difference(before, after, self.name) if self.show_changes else "<show_changes=False>"
        return Changes({"diff": shown}, mend=after)

    def apply(self, host: Host, changes: Changes) -> None:
        """Keep a copy where one is asked for, and write the text that ``check`` made."""
        path = place.followed(host, place.absolute(self.name))
        there = host.stat(path)
        if there is not None:
            place.keep_copy(host, path, there, self.backup)
        host.write(path, changes.mend)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "No changes needed to be made",
            Moment.WOULD: "Changes would be made",
            Moment.DONE: "Changes were made",
        }[moment]

    def _edited(self, host: Host, text: str) -> str:
        """Return the text as it should be."""
        raise NotImplementedError

    def _without_file(self) -> str | None:
        """Return the text to start from when there is no file; None leaves it so. Raises NotFound."""
        raise NotFound(f"{self.name}: file not found", hint="file.managed makes files")


class Comment(TextEdit, frozen=True, kw_only=True):
    """Comment out the lines that begin with what a regular expression matches.

    ``char`` is what a comment begins with. Where nothing matches, and nothing that does is commented out
    already, it fails, unless ``ignore_missing``.

    Example:
        - file.comment: {name: /etc/fstab, regex: ^bind 127.0.0.1}
    """

    regex: str
    char: str = "#"
    ignore_missing: bool = False

    def _edited(self, host: Host, text: str) -> str:
        bare = place.expression(self.regex.removeprefix("^"))
        live, dead = _line_of(bare), _line_of(re.escape(self.char) + r"[ \t]*" + bare)
        if not live.search(text) and not dead.search(text) and not self.ignore_missing:
            raise NotFound(f"{self.regex}: Pattern not found")
        return live.sub(lambda found: self._commented(found[0]), text)

    def _commented(self, line: str) -> str:
        return line if line.startswith(self.char) else f"{self.char}{line}"


class Uncomment(TextEdit, frozen=True, kw_only=True):
    """Take the comment's sign from lines that a regular expression matches behind it.

    Example:
        - file.uncomment: {name: /etc/adduser.conf, regex: EXTRA_GROUPS}
    """

    regex: str
    char: str = "#"

    def _edited(self, host: Host, text: str) -> str:
        bare, sign = place.expression(self.regex.removeprefix("^")), re.escape(self.char)
        dead = re.compile(rf"^([ \t]*){sign}[ \t]?([ \t]*{bare}.*)$", re.MULTILINE)
        if not dead.search(text) and not re.search(rf"^[ \t]*{bare}", text, re.MULTILINE):
            raise NotFound(f"{self.regex}: Pattern not found")
        return dead.sub(r"\1\2", text)


def _line_of(pattern: str) -> re.Pattern[str]:
    """Return what matches whole lines that begin with ``pattern``."""
    return re.compile(rf"^{pattern}.*$" if not pattern.endswith("$") else f"^{pattern}", re.MULTILINE)


class Line(TextEdit, frozen=True, kw_only=True):
    """Keep, add, replace or delete one line of a file.

    ``mode`` is ``ensure`` (the line is there once, ``after`` or ``before`` the line that these match, or
    between both), ``insert`` (likewise, or at ``location`` start or end), ``replace`` (each line that
    ``match`` matches becomes ``content``) or ``delete``. ``match``, ``after`` and ``before`` are regular
    expressions or a part of the line; the latter two must match one line only. ``indent`` gives the line the
    white space of its neighbour.

    Example:
        - file.line: {name: /etc/hosts, mode: ensure, content: 10.0.0.1 db, after: localhost}
    """

    backup: str | bool = False
    content: str | int | float | None = None
    match: str | None = None
    mode: Literal["ensure", "insert", "replace", "delete"] | None = None
    location: Literal["start", "end"] | None = None
    before: str | None = None
    after: str | None = None
    quiet: bool = False
    indent: bool = True
    create: bool = False
    user: place.Account = None
    group: place.Account = None
    file_mode: place.Mode = None

    def apply(self, host: Host, changes: Changes) -> None:
        """Write the text, in a file of the owner and mode asked for when there was none."""
        path = place.followed(host, place.absolute(self.name))
        if host.stat(path) is not None:
            return super().apply(host, changes)
        wanted = place.wanted(host, self.user, self.group, self.file_mode)
        return host.write(path, changes.mend, wanted.mode, wanted.owner(host, None))

    def _without_file(self) -> str | None:
        return "" if self.create else super()._without_file()

    def _edited(self, host: Host, text: str) -> str:
        if self.content is None and self.mode != "delete":
            raise BadArgument("content is missing", hint="only mode: delete can do without it")
        if self.mode is None:
            raise BadArgument("mode is missing", hint="write - mode: ensure, insert, replace or delete")
        lines = text.splitlines()
        edited = getattr(self, f"_{self.mode}")(lines)
        if edited == lines:
            return text
        return "".join(f"{line}\n" for line in edited)

    def _delete(self, lines: list[str]) -> list[str]:
        return [line for line in lines if not self._matches(line)]

    def _replace(self, lines: list[str]) -> list[str]:
        return [self._like(line) if self._matches(line) else line for line in lines]

    def _insert(self, lines: list[str]) -> list[str]:
        if self.after is not None or self.before is not None:
            return self._placed(lines, between=self._inserted)
        if self.location is None:
            raise BadArgument("mode: insert needs a place", hint="write - location: end, or - after: …")
        place = 0 if self.location == "start" else -1
        if lines and lines[place].strip() == self._text.strip():
            return lines
        new = self._like(lines[place]) if lines else self._text
        return [new, *lines] if self.location == "start" else [*lines, new]

    def _ensure(self, lines: list[str]) -> list[str]:
        if self.after is None and self.before is None:
            raise BadArgument("mode: ensure needs a place", hint="write - after: … or - before: …, or both")
        return self._placed(lines, between=self._replaced)

    def _placed(self, lines: list[str], between: Any) -> list[str]:
        """Return the lines with the content next to its neighbours."""
        if self.after is not None and self.before is not None:
            first, last = self._only(lines, self.after), self._only(lines, self.before)
            if last <= first:
                raise Conflict(f"{self.before!r} does not come after {self.after!r}")
            inside = lines[first + 1 : last]
            return [*lines[: first + 1], *between(inside, lines[first]), *lines[last:]]
        step = 1 if self.after is not None else 0
        found = self._only(lines, self.after if self.after is not None else self.before or "")
        neighbour = found + 1 if step else found - 1
        if 0 <= neighbour < len(lines) and lines[neighbour].strip() == self._text.strip():
            return lines
        return [*lines[: found + step], self._like(lines[found]), *lines[found + step :]]

    def _inserted(self, inside: list[str], above: str) -> list[str]:
        there = any(line.strip() == self._text.strip() for line in inside)
        return inside if there else [*inside, self._like(above)]

    def _replaced(self, inside: list[str], above: str) -> list[str]:
        if len(inside) > 1:
            raise Conflict(f"there are {len(inside)} lines between {self.after!r} and {self.before!r}")
        same = inside and inside[0].strip() == self._text.strip()
        return inside if same else [self._like(inside[0] if inside else above)]

    @property
    def _text(self) -> str:
        return str(self.content).rstrip("\n")

    def _like(self, neighbour: str) -> str:
        """Return the content, indented as its neighbour is."""
        if not self.indent:
            return self._text
        space = neighbour[: len(neighbour) - len(neighbour.lstrip())]
        return space + self._text.strip()

    def _matches(self, line: str) -> bool:
        probe = self._text if self.match is None else self.match
        return _is_in(probe, line) if probe else False

    def _only(self, lines: list[str], probe: str) -> int:
        """Return the number of the one line that ``probe`` matches."""
        found = [number for number, line in enumerate(lines) if _is_in(probe, line)]
        if len(found) != 1:
            how = f"{len(found)} lines match" if found else "no line matches"
            raise Conflict(f"{how} {probe!r} in {self.name}", hint="it must match exactly one line")
        return found[0]


def _is_in(probe: str, line: str) -> bool:
    if probe in line:
        return True
    try:
        return re.search(probe, line) is not None
    except re.error:
        return False


class Keyvalue(TextEdit, frozen=True, kw_only=True):
    """Keep settings in a file of lines such as ``key=value``.

    One ``key`` and ``value``, or several in ``key_values``. ``separator`` is written between them. ``count``
    is how many lines of a key are set, -1 all. ``uncomment`` names signs that are taken from lines that are
    commented out. A key that isn't there is added where ``append_if_not_found`` or ``prepend_if_not_found``.
    ``prune`` removes what is no setting of ``key_values``.

    Example:
        - file.keyvalue: {name: /etc/ssh/sshd_config, key_values: {PermitRootLogin: 'no'}, separator: ' '}
    """

    backup: str | bool = False
    key: str | None = None
    value: Any = None
    key_values: dict[str, Any] | None = None
    separator: str = "="
    append_if_not_found: bool = False
    prepend_if_not_found: bool = False
    search_only: bool = False
    ignore_if_missing: bool = False
    count: int = 1
    uncomment: str | None = None
    key_ignore_case: bool = False
    value_ignore_case: bool = False
    create_if_missing: bool = False
    prune: bool = False

    def _without_file(self) -> str | None:
        if self.create_if_missing:
            return ""
        return None if self.ignore_if_missing else super()._without_file()

    def _edited(self, host: Host, text: str) -> str:
        lines = text.splitlines()
        wanted = self._wanted()
        for key, value in wanted.items():
            lines = self._set(lines, key, value)
        if self.prune:
            lines = [line for line in lines if any(self._is_of(line, key) for key in wanted)]
        return text if lines == text.splitlines() else "".join(f"{line}\n" for line in lines)

    def _wanted(self) -> dict[str, str]:
        if self.key_values is not None and self.key is None:
            pairs = self.key_values
        elif self.key is not None and self.value is not None and self.key_values is None:
            pairs = {self.key: self.value}
        else:
            raise BadArgument("give key and value, or key_values", hint="write - key: a, and - value: b")
        if not pairs:
            raise BadArgument("key_values is empty")
        return {str(key): str(value) for key, value in pairs.items()}

    def _set(self, lines: list[str], key: str, value: str) -> list[str]:
        edited, found = [], 0
        for line in lines:
            if self._is_of(line, key) and found != self.count:
                found += 1
                edited.append(line if self._holds(line, value) else f"{key}{self.separator}{value}")
            else:
                edited.append(line)
        new = f"{key}{self.separator}{value}"
        if not found and self.prepend_if_not_found:
            return [new, *edited]
        return (
            [*edited, new] if not found and (self.append_if_not_found or self.create_if_missing) else edited
        )

    def _is_of(self, line: str, key: str) -> bool:
        """Tell whether a line sets ``key``."""
        signs = rf"[{re.escape(self.uncomment)}\s]*" if self.uncomment else r"\s*"
        between = re.escape(self.separator.strip()) + r"\s*" if self.separator.strip() else r"\s"
        flags = re.IGNORECASE if self.key_ignore_case else 0
        return re.match(rf"{signs}{re.escape(key)}\s*{between}", line, flags) is not None

    def _holds(self, line: str, value: str) -> bool:
        """Tell whether a line that sets a key gives it ``value``, and is not commented out."""
        if self.uncomment and line.lstrip()[:1] in self.uncomment:
            return False
        _, _, now = line.strip().partition(self.separator.strip() or " ")
        fold = str.casefold if self.value_ignore_case else str
        return fold(now.strip()) == fold(value)


class Blockreplace(TextEdit, frozen=True, kw_only=True):
    """Keep what stands between two marked lines of a file.

    The content is ``content``, that of ``source`` or ``sources``, and what ``file.accumulated`` has gathered.
    Where the marks are not found the block is added to the end with ``append_if_not_found``, to the beginning
    with ``prepend_if_not_found``, or next to the line that ``insert_before_match`` or ``insert_after_match``
    (regular expressions) match; else it fails.

    Example:
        - file.blockreplace: {name: /etc/hosts, content: 10.0.0.1 db, append_if_not_found: true}
    """

    marker_start: str = "#-- start managed zone --"
    marker_end: str = "#-- end managed zone --"
    content: str = ""
    source: str | None = None
    source_hash: str | None = None
    sources: list[str] | None = None
    source_hashes: list[str] | None = None
    template: str | None = "jinja"
    defaults: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    append_if_not_found: bool = False
    prepend_if_not_found: bool = False
    append_newline: bool | None = None
    insert_before_match: str | None = None
    insert_after_match: str | None = None

    def _edited(self, host: Host, text: str) -> str:
        lines = text.splitlines()
        first = next((n for n, line in enumerate(lines) if self.marker_start in line), None)
        rest = range(0 if first is None else first + 1, len(lines))
        last = next((n for n in rest if self.marker_end in lines[n]), None)
        if (first is None) != (last is None):
            missing = self.marker_end if last is None else self.marker_start
            raise Conflict(
                f"Unterminated marked block: {self.name} has only one of its marks, {missing!r} is not there",
                hint="correct the file by hand: where the block begins or ends is not known",
            )
        block = self._block(host)
        if first is not None and last is not None:
            edited = [*lines[: first + 1], *block, *lines[last:]]
        else:
            edited = self._added(lines, [self.marker_start, *block, self.marker_end])
        return text if edited == lines else "".join(f"{line}\n" for line in edited)

    def _block(self, host: Host) -> list[str]:
        """Return the lines that are to stand between the marks."""
        urls = [*([self.source] if self.source else ()), *(self.sources or ())]
        parts = [self.content, *(self._read(host, url) for url in urls)]
        parts += [one for texts in place.accumulated(host, self.name).values() for one in texts]
        text = "\n".join(part.rstrip("\n") for part in parts if part)
        return text.splitlines() or [""]

    def _read(self, host: Host, url: str) -> str:
        data = fetched(host, url)
        if data is None:
            raise NotFound(f"{url}: no such file (environment {host.supply.saltenv!r})")
        if self.template:
            data = place.rendered(host, data, self.template, url, self.defaults, self.context)
        return place.decoded(data)

    def _added(self, lines: list[str], block: list[str]) -> list[str]:
        for pattern, step in ((self.insert_before_match, 0), (self.insert_after_match, 1)):
            if pattern is not None:
                found = re.compile(place.expression(pattern))
                number = next((n for n, line in enumerate(lines) if found.search(line)), None)
                if number is not None:
                    return [*lines[: number + step], *block, *lines[number + step :]]
        if self.prepend_if_not_found:
            return [*block, *lines]
        if self.append_if_not_found or self._has_place:
            return [*lines, *block]
        raise Conflict(
            f"Cannot edit marked block: {self.name} has no marks", hint="write - append_if_not_found: true"
        )

    @property
    def _has_place(self) -> bool:
        return self.insert_before_match is not None or self.insert_after_match is not None


class Accumulated(State, frozen=True, kw_only=True):
    """Gather texts for a state about the file ``filename`` that comes later.

    ``file.blockreplace`` adds them to its block, a template of ``file.managed`` finds them in
    ``accumulator[name]``. That state must require this one.

    Example:
        - file.accumulated: {name: hosts, filename: /etc/hosts, text: 10.0.0.1 db, require_in: [{file: x}]}
    """

    filename: str
    text: str | list[str]

    def check(self, host: Host) -> Changes:
        """Add the texts to what has been gathered in this run; nothing of the machine is touched."""
        texts = place.accumulated(host, self.filename).setdefault(self.name, [])
        wanted = self.text if isinstance(self.text, list) else [self.text]
        texts += [one for one in wanted if one not in texts]
        return Changes()

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"Accumulator {self.name} for file {self.filename} was charged by text"


class Decode(State, frozen=True, kw_only=True):
    """Keep a file whose content is given in code: ``encoded_data``, or what the pillar holds at a path.

    ``encoding_type`` is ``base64``; ``checksum`` names the hash by which contents are told apart.

    Example:
        - file.decode: {name: /srv/logo, encoding_type: base64, encoded_data: aGVsbG8=}
    """

    encoded_data: str | None = None
    contents_pillar: str | None = None
    encoding_type: Literal["base64"] = "base64"
    checksum: str = "md5"

    def check(self, host: Host) -> Changes:
        """Return the hashes when the content differs. Raises BadArgument, NotFound."""
        path = place.followed(host, place.absolute(self.name))
        there, data = host.stat(path), self._data(host)
        old = None if there is None else host.read(path)
        if old == data:
            return Changes()
        digests = [None if one is None else place.digest(self.checksum, one) for one in (old, data)]
        return Changes({"old": digests[0], "new": digests[1]}, mend=data)

    def apply(self, host: Host, changes: Changes) -> None:
        """Write the content."""
        host.write(place.followed(host, place.absolute(self.name)), changes.mend)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Path exists and has the correct content",
            Moment.WOULD: "File is set to be updated",
            Moment.DONE: "File updated",
        }[moment]

    def _data(self, host: Host) -> bytes:
        import binascii

        if (self.encoded_data is None) == (self.contents_pillar is None):
            raise BadArgument("give either encoded_data or contents_pillar")
        written = self.encoded_data
        if self.contents_pillar is not None:
            written = place.looked_up(host.supply.pillar, self.contents_pillar, ":", self.name)
        try:
            return binascii.a2b_base64(str(written))
        except binascii.Error as error:
            raise BadArgument(f"encoded_data is no base64: {error}") from None
