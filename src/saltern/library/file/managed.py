"""``file.managed``: a file with the content, owner and mode that it should have."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from saltern.library._command import private_copy
from saltern.library.file import attributes, origin, place
from saltern.sdk import (
    BadArgument,
    Changes,
    Command,
    Conflict,
    Done,
    Host,
    Moment,
    Stat,
    State,
)

Text = str | int | float | bool | list[Any] | dict[str, Any] | None


class Managed(State, frozen=True, kw_only=True):
    """Keep a file as it should be.

    The content is that of ``source`` (``salt://``, ``http://``, ``https://``, ``file://`` or a path; of a
    list the first there is), or ``contents`` (text, or a list of lines), or what pillar or grains hold.
    What comes from the network has a ``source_hash``: a hash, or the address of a file of hashes, in which
    ``source_hash_name`` names it. ``template: jinja`` renders the content with ``defaults`` and ``context``.
    Without any content only owner and mode are kept, and an empty file is made when there is none.
    ``mode: keep`` takes the source's mode. ``backup: minion`` keeps what was there (``file.list_backups``).
    ``check_cmd`` is run on the new content before it is put in place, with the path of a copy as its last
    argument. ``ignore_ordering``, ``ignore_whitespace`` and ``ignore_comment_characters`` say what does not
    count as a difference. A content is replaced in one step, and no link below a directory that another user
    may write is followed.

    Example:
        - file.managed: {name: /etc/motd, contents: 'Welcome.', mode: '0644'}
    """

    source: origin.Written | list[origin.Written] | None = None
    source_hash: str = ""
    source_hash_name: str | None = None
    keep_source: bool = True
    skip_verify: bool = False
    verify_ssl: bool | str = True
    use_etag: bool = False
    user: place.Account = None
    group: place.Account = None
    mode: place.Mode = None
    attrs: str | None = None
    selinux: dict[str, str] | None = None
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
    ignore_ordering: bool = False
    ignore_whitespace: bool = False
    ignore_comment_characters: str | list[str] | None = None
    signature: str | None = None
    source_hash_sig: str | None = None
    signed_by_any: str | list[str] | None = None
    signed_by_all: str | list[str] | None = None
    keyring: str | None = None
    gnupghome: str | None = None

    def check(self, host: Host) -> Changes:
        """Return a diff and what else differs. Raises NotFound, BadArgument, Conflict."""
        path, there = place.found(host, place.absolute(self.name), self.follow_symlinks)
        if there is not None and there.kind == "directory":
            raise Conflict(f"Specified target {path} is a directory", hint="file.directory keeps directories")
        self._refuse_what_is_wrong()
        content = self._content(host, path, there)
        if there is None:
            return self._new(content)
        found: dict[str, Any] = {}
        mend = None
        if there.kind == "link":
            found["diff"], mend = "Replace symbolic link with file", content or b""
        elif content is not None and self.replace and not self._is_there(host, path, there, content):
            old = host.read(path) if there.kind == "file" else b""
            found["diff"], mend = self._shown_difference(old, content), content
        found |= self._wanted(host).differs(there, self.user, self.group)
        return Changes(found | attributes.differ(host, path, self.attrs, self.selinux), mend=mend)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Write the content found by ``check``, or set owner and mode."""
        path, there = place.found(host, place.absolute(self.name), self.follow_symlinks)
        complaint = self._complaint(host, changes.mend)
        if complaint:
            return Done(ok=False, comment=f"check_cmd execution failed: {complaint}")
        if changes.mend is not None:
            self._write(host, path, there, changes.mend)
        elif there is not None:
            self._wanted(host).give(host, path, there)
        attributes.give(host, path, self.attrs, self.selinux)
        shown, comment = dict(changes), self.says(changes, Moment.DONE)
        if shown.pop("newfile", None) is not None:
            shown |= {"diff": "New file"} if self._has_content else {"new": f"file {self.name} created"}
            comment = comment if self._has_content else "Empty file"
        return Done(changes=shown, comment=comment)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        if moment is Moment.CORRECT and not self.create and not changes:
            return f"File {self.name} is in the correct state, or absent and not set for creation"
        return {
            Moment.CORRECT: f"File {self.name} is in the correct state",
            Moment.WOULD: f"The file {self.name} is set to be changed",
            Moment.DONE: f"File {self.name} updated",
        }[moment]

    def _write(self, host: Host, path: str, there: Stat | None, content: bytes) -> None:
        wanted = self._wanted(host)
        place.make_parent(host, path, self.makedirs, self.dir_mode, wanted)
        place.back_up(host, path, self.backup)
        if there is not None and there.kind == "link":
            host.remove(path)
            there = None
        host.write(path, content, wanted.mode, wanted.owner(host, there))

    def _refuse_what_is_wrong(self) -> None:
        """Raise BadArgument, also before there is a file to set a mode of; NotSupported for signatures."""
        if self.mode != "keep":
            place.octal(self.mode)
        elif self.source is None:
            raise BadArgument("mode: keep needs a source, whose mode it is", hint="write the mode")
        place.octal(self.dir_mode)
        named = ("signature", "source_hash_sig", "signed_by_any", "signed_by_all")
        origin.signature_is_not_served({name: getattr(self, name) for name in named})

    def _wanted(self, host: Host) -> place.Wanted:
        if self.mode != "keep":
            return place.wanted(host, self.user, self.group, self.mode)
        modes = (origin.keep_mode(host, url) for url, _ in origin.pairs(self.source or [], ""))
        mode = next((one for one in modes if one is not None), None)
        return place.wanted(host, self.user, self.group, None if mode is None else place.shown(mode))

    @property
    def _has_content(self) -> bool:
        """Whether anything says what the content should be."""
        named = (self.source, self.contents, self.contents_pillar, self.contents_grains)
        return any(one not in (None, []) for one in named)

    def _new(self, content: bytes | None) -> Changes:
        """Return that a file would be made, with its difference from nothing when that is asked for."""
        if not self.create:
            return Changes()
        if self.new_file_diff and content:
            return Changes({"diff": self._shown_difference(b"", content)}, mend=content)
        return Changes({"newfile": self.name}, mend=content or b"")

    def _shown_difference(self, old: bytes, new: bytes) -> str:
        return place.difference(old, new, self.name) if self.show_changes else "<show_changes=False>"

    def _is_there(self, host: Host, path: str, there: Stat, content: bytes) -> bool:
        """Tell whether the file's content is ``content``, reading no more of it than that takes."""
        if self.ignore_ordering or self.ignore_whitespace or self.ignore_comment_characters:
            return there.kind == "file" and self._essence(host.read(path)) == self._essence(content)
        return there.kind == "file" and there.size == len(content) and host.read(path) == content

    def _essence(self, data: bytes) -> list[str]:
        """Return the lines that count, without what shall not count in them."""
        lines = place.decoded(data).splitlines()
        if self.ignore_comment_characters:
            signs = self.ignore_comment_characters
            pattern = "|".join(map(re.escape, [signs] if isinstance(signs, str) else signs))
            lines = [re.split(pattern, line, maxsplit=1)[0] for line in lines]
            lines = [line for line in lines if line.strip()]
        if self.ignore_whitespace:
            lines = ["".join(line.split()) for line in lines]
            lines = [line for line in lines if line]
        return sorted(lines) if self.ignore_ordering else lines

    # --- the content ------------------------------------------------------------------------------------

    def _content(self, host: Host, path: str, there: Stat | None) -> bytes | None:
        """Return the content it should have; None when that is left alone."""
        given = self._given(host, path, there)
        if given is None:
            return None
        data, where = given
        if self.template:
            gathered = {"accumulator": place.accumulated(host, self.name)}
            data = place.rendered(host, data, self.template, where, gathered, self.defaults, self.context)
        if not data and not self.allow_empty:
            raise BadArgument("the content is empty, and allow_empty is false")
        if self.encoding and self.encoding.lower().replace("-", "") != "utf8":
            return data.decode().encode(self.encoding, self.encoding_errors)
        return data

    def _given(self, host: Host, path: str, there: Stat | None) -> tuple[bytes, str] | None:
        """Return the raw content and where it comes from. Raises BadArgument when two places are named."""
        named = ("source", "contents", "contents_pillar", "contents_grains")
        places = [name for name in named if getattr(self, name) not in (None, [])]
        if len(places) > 1:
            raise BadArgument(f"{' and '.join(places)} are given; the content can come from one place only")
        if not places:
            return None
        if self.source:
            return self._from_source(host, path, there)
        return self._text(self._written(host)).encode(), f"the contents of {self.name}"

    def _from_source(self, host: Host, path: str, there: Stat | None) -> tuple[bytes, str]:
        how = origin.Fetching(
            name=self.name,
            source_hash=self.source_hash,
            source_hash_name=self.source_hash_name,
            skip_verify=self.skip_verify,
            verify_ssl=self.verify_ssl,
        )
        return self._without_asking(host, path, there, how) or self._asked(host, how)

    def _asked(self, host: Host, how: origin.Fetching) -> tuple[bytes, str]:
        url, data = origin.first(host, self.source or [], how)
        return data, url

    def _without_asking(
        self, host: Host, path: str, there: Stat | None, how: origin.Fetching
    ) -> tuple[bytes, str] | None:
        """Return what is there already when it has the hash that the one remote source must have."""
        urls = list(origin.pairs(self.source or [], self.source_hash))
        if self.template or len(urls) != 1 or not origin.is_remote(urls[0][0]):
            return None
        if there is None or there.kind != "file":
            return None
        digest, data = origin.expected(host, *urls[0], how), host.read(path)
        return (data, urls[0][0]) if digest is not None and digest.fits(data) else None

    def _written(self, host: Host) -> Text:
        for keys, data in ((self.contents_pillar, host.supply.pillar), (self.contents_grains, None)):
            if keys is not None:
                every = [keys] if isinstance(keys, str) else keys
                held = host.grains if data is None else data
                return [place.looked_up(held, key, self.contents_delimiter, self.name) for key in every]
        return self.contents

    def _text(self, written: Text) -> str:
        if isinstance(written, dict):
            return json.dumps(written, indent=2, sort_keys=True) + "\n"
        lines = written if isinstance(written, list) else [written]
        if any(isinstance(line, dict) for line in lines):
            raise BadArgument("contents must be text or a list of texts", hint="file.serialize writes data")
        flat = [one for line in lines for one in (line if isinstance(line, list) else [line])]
        text = "\n".join(str(line) for line in flat if line is not None)
        return text if not self.contents_newline or not text or text.endswith("\n") else f"{text}\n"

    def _complaint(self, host: Host, content: bytes | None) -> str:
        """Have ``check_cmd`` look at the new content; return what it says when it does not like it."""
        commands = [self.check_cmd] if isinstance(self.check_cmd, str) else self.check_cmd or []
        for command in commands if content is not None else ():
            with private_copy(host, content or b"", None) as copy:
                done = host.execute(Command(argv=("/bin/sh", "-c", f"{command} {shlex.quote(copy)}")))
            if done.retcode:
                return (done.stdout + done.stderr).decode(errors="replace").strip() or command
        return ""
