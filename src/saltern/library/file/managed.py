"""``file.managed``: a file with the content, owner and mode that it should have."""

from __future__ import annotations

import hashlib
import shlex
from typing import Any

from saltern.library._command import private_copy
from saltern.library.file import place
from saltern.sdk import (
    BadArgument,
    Changes,
    Command,
    CommandFailed,
    Conflict,
    Host,
    Moment,
    NotFound,
    Stat,
    State,
)
from saltern.sdk.traverse import traverse

Source = str | dict[str, str | None]
Text = str | int | float | bool | list[Any] | dict[str, Any] | None


class Managed(State, frozen=True, kw_only=True):
    """Keep a file as it should be.

    The content is that of ``source`` (a ``salt://`` address or a path; of a list the first there is), or
    ``contents`` (text, or a list of lines), or what pillar or grains hold at a path. ``template: jinja``
    renders it with ``defaults`` and ``context``. Without any of them only owner and mode are kept, and an
    empty file is made when there is none. ``check_cmd`` is run on the new content before it is put in
    place, with the path of a copy as its last argument. A content is replaced in one step.

    Example:
        - file.managed: {name: /etc/motd, contents: 'Welcome.', mode: '0644'}
    """

    source: Source | list[Source] | None = None
    source_hash: str = ""
    source_hash_name: str | None = None
    keep_source: bool = True
    skip_verify: bool = False
    user: place.Account = None
    group: place.Account = None
    mode: place.Mode = None
    template: str | None = None
    context: dict[str, Any] | None = None
    defaults: dict[str, Any] | None = None
    makedirs: bool = False
    dir_mode: place.Mode = None
    replace: bool = True
    create: bool = True
    backup: str | bool = ""
    show_changes: bool = True
    new_file_diff: bool = False
    contents: Text = None
    contents_pillar: str | list[str] | None = None
    contents_grains: str | list[str] | None = None
    contents_newline: bool = True
    contents_delimiter: str = ":"
    encoding: str | None = None
    encoding_errors: str = "strict"
    allow_empty: bool = True
    follow_symlinks: bool = True
    check_cmd: str | list[str] | None = None
    tmp_dir: str | None = None
    tmp_ext: str = ""

    def check(self, host: Host) -> Changes:
        """Return a diff and what else differs. Raises NotFound, BadArgument, Conflict."""
        path, there = place.found(host, place.absolute(self.name), self.follow_symlinks)
        if there is not None and there.kind == "directory":
            raise Conflict(f"Specified target {path} is a directory", hint="file.directory keeps directories")
        self._refuse_bad_modes()
        content = self._content(host)
        if there is None:
            return self._new(content)
        found: dict[str, Any] = {}
        mend = None
        if there.kind == "link":
            found["diff"], mend = "Replace symbolic link with file", content or b""
        elif content is not None and self.replace and not self._is_there(host, path, there, content):
            old = host.read(path) if there.kind == "file" else b""
            found["diff"], mend = self._shown_difference(old, content), content
        return Changes(found | self._wanted(host).differs(there, self.user, self.group), mend=mend)

    def apply(self, host: Host, changes: Changes) -> None:
        """Write the content found by ``check``, or set owner and mode."""
        path, there = place.found(host, place.absolute(self.name), self.follow_symlinks)
        wanted = self._wanted(host)
        if changes.mend is None:
            if there is not None:
                wanted.give(host, path, there)
            return
        self._approve(host, changes.mend)
        place.make_parent(host, path, self.makedirs, self.dir_mode, wanted)
        if there is not None and there.kind == "link":
            host.remove(path)
            there = None
        host.write(path, changes.mend, wanted.mode, wanted.owner(host, there))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        if moment is Moment.CORRECT and not self.create and not changes:
            return f"File {self.name} is in the correct state, or absent and not set for creation"
        if moment is Moment.DONE and "new" in changes:
            return "Empty file"
        return {
            Moment.CORRECT: f"File {self.name} is in the correct state",
            Moment.WOULD: f"The file {self.name} is set to be changed",
            Moment.DONE: f"File {self.name} updated",
        }[moment]

    def _refuse_bad_modes(self) -> None:
        """Raise BadArgument, also before there is a file to set a mode of."""
        if self.mode == "keep":
            raise BadArgument("mode: keep is not served: file roots carry no modes", hint="write the mode")
        place.octal(self.mode)
        place.octal(self.dir_mode)

    def _wanted(self, host: Host) -> place.Wanted:
        return place.wanted(host, self.user, self.group, self.mode)

    def _new(self, content: bytes | None) -> Changes:
        if not self.create:
            return Changes()
        if content is None:
            return Changes({"new": f"file {self.name} created"}, mend=b"")
        shown = self._shown_difference(b"", content) if self.new_file_diff and content else "New file"
        return Changes({"diff": shown}, mend=content)

    def _shown_difference(self, old: bytes, new: bytes) -> str:
        return place.difference(old, new, self.name) if self.show_changes else "<show_changes=False>"

    @staticmethod
    def _is_there(host: Host, path: str, there: Stat, content: bytes) -> bool:
        """Tell whether the file's content is ``content``, reading no more of it than that takes."""
        return there.kind == "file" and there.size == len(content) and host.read(path) == content

    # --- the content ------------------------------------------------------------------------------------

    def _content(self, host: Host) -> bytes | None:
        """Return the content it should have; None when that is left alone."""
        given = self._given(host)
        if given is None:
            return None
        data, where = given
        if self.template:
            data = place.rendered(host, data, self.template, where, self.defaults, self.context)
        if not data and not self.allow_empty:
            raise BadArgument("the content is empty, and allow_empty is false")
        if self.encoding and self.encoding.lower().replace("-", "") != "utf8":
            return data.decode().encode(self.encoding, self.encoding_errors)
        return data

    def _given(self, host: Host) -> tuple[bytes, str] | None:
        """Return the raw content and where it comes from. Raises BadArgument when two places are named."""
        named = ("source", "contents", "contents_pillar", "contents_grains")
        places = [name for name in named if getattr(self, name) is not None]
        if len(places) > 1:
            raise BadArgument(f"{' and '.join(places)} are given; the content can come from one place only")
        if not places:
            return None
        if self.source is not None:
            return self._from_source(host, self.source)
        return self._text(self._written(host)).encode(), f"the contents of {self.name}"

    def _written(self, host: Host) -> Text:
        for keys, data in ((self.contents_pillar, host.supply.pillar), (self.contents_grains, None)):
            if keys is not None:
                every = [keys] if isinstance(keys, str) else keys
                return [self._looked_up(host.grains if data is None else data, key) for key in every]
        return self.contents

    def _looked_up(self, data: Any, key: str) -> Any:
        found = traverse(data, key, _ABSENT, self.contents_delimiter)
        if found is _ABSENT:
            raise NotFound(f"there is nothing at {key!r} in pillar or grains to fill {self.name} with")
        return found

    def _text(self, written: Text) -> str:
        lines = written if isinstance(written, list) else [written]
        if any(isinstance(line, dict) for line in lines):
            raise BadArgument("contents must be text or a list of texts", hint="file.serialize writes data")
        flat = [one for line in lines for one in (line if isinstance(line, list) else [line])]
        text = "\n".join(str(line) for line in flat if line is not None)
        return text if not self.contents_newline or not text or text.endswith("\n") else f"{text}\n"

    def _from_source(self, host: Host, source: Source | list[Source]) -> tuple[bytes, str]:
        """Return the first source there is. Raises NotFound that names all, Conflict for a wrong hash."""
        candidates = source if isinstance(source, list) else [source]
        pairs = [
            pair
            for one in candidates
            for pair in (one.items() if isinstance(one, dict) else ((one, self.source_hash),))
        ]
        for url, digest in pairs:
            data = place.fetched(host, url)
            if data is not None:
                self._verify(url, data, digest or "")
                return data, url
        tried = ", ".join(url for url, _ in pairs)
        raise NotFound(f"none of the sources is there: {tried} (environment {host.supply.saltenv!r})")

    def _verify(self, url: str, data: bytes, digest: str) -> None:
        if not digest or self.skip_verify:
            return
        kind, equals, value = digest.partition("=")
        value = value if equals else kind
        name = kind if equals else _KINDS.get(len(value), "")
        if name not in hashlib.algorithms_available:
            raise BadArgument(f"source_hash = {digest!r} is no hash", hint="write sha256=<64 digits>")
        actual = hashlib.new(name, data, usedforsecurity=False).hexdigest()
        if actual != value.lower():
            raise Conflict(f"{url} has the {name} {actual}, not {value}", hint="correct source_hash")

    def _approve(self, host: Host, content: bytes) -> None:
        """Have ``check_cmd`` look at the new content. Raises CommandFailed when it does not like it."""
        commands = [self.check_cmd] if isinstance(self.check_cmd, str) else self.check_cmd or []
        for command in commands:
            with private_copy(host, content, None) as copy:
                done = host.execute(Command(argv=("/bin/sh", "-c", f"{command} {shlex.quote(copy)}")))
            if done.retcode:
                said = (done.stdout + done.stderr).decode(errors="replace").strip()
                raise CommandFailed(f"check_cmd execution failed: {said or command}", retcode=done.retcode)


_ABSENT = object()
_KINDS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
