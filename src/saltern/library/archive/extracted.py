"""The state ``archive.extracted``."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Sequence
from typing import Any

import msgspec

from saltern.library.archive import source, unpack
from saltern.library.archive.entries import Entry, TopLevel, chosen, shown, top_level
from saltern.library.archive.formats import Archive, kind_of, opened
from saltern.library.archive.options import Rules, rules
from saltern.library.archive.source import Source
from saltern.library.file import place
from saltern.library.file.origin import Fetching, Written
from saltern.sdk import BadArgument, Changes, Conflict, Done, Host, Moment, State
from saltern.sdk.http import shown as shown_url


class Extracted(State, frozen=True, kw_only=True):
    """Have what an archive holds in the directory ``name``: tar with any compression, or zip.

    It is unpacked when a path of it is missing. ``overwrite`` has contents too be the archive's,
    ``source_hash_update`` unpacks anew when the hash has changed. ``options`` are those of tar or unzip that
    are known here (``--strip-components=1 --exclude=…``). What leads out of the directory is refused;
    devices and set-user-id bits are taken with ``options: -p``. Own to Saltern: ``max_size`` in bytes.
    ``list_options``, ``use_cmd_unzip`` and ``use_etag`` are taken and change nothing.

    Example:
        - archive.extracted:
            name: /opt/app
            source: https://example.org/app-1.4.tar.gz
            source_hash: https://example.org/SHA256SUMS
            user: app
    """

    source: Written | list[Written]
    source_hash: str = ""
    source_hash_name: str | None = None
    source_hash_update: bool = False
    skip_files_list_verify: bool = False
    skip_verify: bool = False
    verify_ssl: bool | str = True
    password: str | int | None = None
    options: str | None = None
    list_options: str | None = None
    force: bool = False
    overwrite: bool = False
    clean: bool = False
    clean_parent: bool = False
    user: place.Account = None
    group: place.Account = None
    if_missing: str | None = None
    trim_output: bool | int = False
    use_cmd_unzip: bool | None = None
    extract_perms: bool = True
    enforce_toplevel: bool = True
    enforce_ownership_on: str | None = None
    archive_format: str | None = None
    keep: bool = True
    keep_source: bool = True
    use_etag: bool = False
    max_size: int | None = None

    # --- looking ----------------------------------------------------------------------------------------

    def check(self, host: Host) -> Changes:
        """Return what would be unpacked: ``extracted_files``, ``directories_created``, ``updated ownership``.

        Raises NotFound, BadArgument, Conflict.
        """
        self._refuse_nonsense(host)
        if self.if_missing is not None and host.exists(place.absolute(self.if_missing)):
            return Changes()
        found = source.found(host, self.source, self._how)
        if self.source_hash and self.skip_files_list_verify and self._record(host) == found.mark != "":
            return Changes()
        if not found.path and self._is_recorded_whole(host, found):
            return Changes()
        if not found.path:
            return Changes(
                unknown="what the archive holds is known when it has been fetched",
                comment=f"{shown_url(found.url)} would be fetched to see what of it is missing",
            )
        return self._compared(host, found)

    def _refuse_nonsense(self, host: Host) -> None:
        target = place.absolute(self.name)
        there = host.stat(target)
        if there is not None and there.kind != "directory":
            raise Conflict(f"{target} exists and is not a directory")
        if self.clean and self.clean_parent:
            raise BadArgument("Only one of 'clean' and 'clean_parent' can be set to True")
        if target == "/" and (self.clean or self.clean_parent):
            raise BadArgument("/ is not cleaned", hint="name a directory below")

    def _compared(self, host: Host, found: Source) -> Changes:
        """Return what of an archive that is here is not in the directory."""
        with self._open(host, found) as archive:
            entries = self._entries(archive)
            look = unpack.looked_at(host, entries, self._target, self._owner(host))
            self._refuse_strange(look.strange)
            wrong = self._wrong(host, archive, entries, found.path) if self.overwrite else []
        renewed = self.source_hash_update and found.mark != self._record(host)
        paths = [entry.path for entry in entries if entry.kind != "directory"]
        changes: dict[str, Any] = {}
        if look.missing or look.strange or wrong or renewed:
            changes["extracted_files"] = unpack.limited(
                paths or [one.path for one in entries], self.trim_output
            )
        if not host.exists(self._target):
            changes["directories_created"] = [self._target]
        if "extracted_files" in changes and (gone := self._cleaned(host, top_level(entries))):
            changes["removed"] = gone
        if self._owned_otherwise(host, look.owned_otherwise):
            changes["updated ownership"] = True
        return Changes(changes, mend=[shown(entry.path) for entry in entries])

    def _open(self, host: Host, found: Source) -> Any:
        password = None if self.password is None else str(self.password)
        kind = kind_of(found.url, self.archive_format)
        return opened(host, found.path, kind, password, self.max_size)

    def _entries(self, archive: Archive) -> list[Entry]:
        """Return what is to be unpacked. Raises Conflict for more than one thing at the top."""
        if self.enforce_toplevel:
            _refuse_many(top_level(archive.entries), self.name)
        return chosen(archive.entries, self._rules(archive))

    def _rules(self, archive: Archive) -> Rules:
        return rules(self.options, archive.kind)

    def _refuse_strange(self, strange: Sequence[str]) -> None:
        if strange and not self.force:
            names = ", ".join(shown(path) for path in strange[:20])
            raise Conflict(
                f"The below paths (relative to {self.name}) exist, but are the incorrect type "
                f"(file instead of directory or vice-versa): {names}",
                hint="- force: true removes them",
            )

    def _wrong(self, host: Host, archive: Archive, entries: Sequence[Entry], path: str) -> list[str]:
        return unpack.differing(host, archive, entries, self._target, path)

    def _cleaned(self, host: Host, top: TopLevel) -> list[str]:
        """Return the paths that would be removed before unpacking."""
        if self.clean_parent:
            names = host.list_directory(self._target) if host.exists(self._target) else []
        else:
            names = [*top.directories, *top.files, *top.links] if self.clean else []
        paths = [posixpath.join(self._target, name) for name in names]
        return [shown(path) for path in paths if host.stat(path, follow=False) is not None]

    def _owned_otherwise(self, host: Host, paths: Sequence[str]) -> bool:
        if self.enforce_ownership_on is None:
            return bool(paths)
        there = host.stat(place.absolute(self.enforce_ownership_on), follow=False)
        return there is not None and bool(self._owner(host).differs(there, self.user, self.group))

    # --- mending ----------------------------------------------------------------------------------------

    def apply(self, host: Host, changes: Changes) -> Done:
        """Fetch it if it must be, and unpack what has to be. Raises what the host raises."""
        found = source.found(host, self.source, self._how)
        if not found.path:
            found = source.brought(host, self.source, self._how)
            changes = self._compared(host, found)
        if "extracted_files" in changes:
            self._unpack(host, found, "removed" in changes)
        elif "updated ownership" in changes:
            self._own(host, found)
        self._keep_record(host, found, changes.mend)
        if not self.keep or not self.keep_source:
            self._forget(host, found)
        said = f"{shown_url(found.url)} extracted to {self._target}" if changes else ""
        return Done(changes=dict(changes), comment=said or self.says(changes, Moment.CORRECT))

    def _unpack(self, host: Host, found: Source, cleans: bool) -> None:
        with self._open(host, found) as archive:
            entries = self._entries(archive)
            if cleans:
                self._clean(host, top_level(entries))
            self._make_target(host)
            for path in unpack.looked_at(host, entries, self._target, self._owner(host)).strange:
                _remove(host, posixpath.join(self._target, path))
            how = self._unpacking(host, found, self._rules(archive))
            how.all(archive, entries)

    def _unpacking(self, host: Host, found: Source, rules: Rules) -> unpack.Unpacking:
        return unpack.Unpacking(
            host=host,
            target=self._target,
            rules=rules,
            owner=self._owner(host),
            permissions=self.extract_perms,
            path=shown_url(found.url),
        )

    def _clean(self, host: Host, top: TopLevel) -> None:
        for path in self._cleaned(host, top):
            _remove(host, path)

    def _make_target(self, host: Host) -> None:
        if not host.exists(self._target):
            host.make_directory(self._target)
            owner = self._owner(host)
            if owner.uid is not None or owner.gid is not None:
                host.set_owner(self._target, owner.uid, owner.gid)

    def _own(self, host: Host, found: Source) -> None:
        """Give what is there to whom it is to belong."""
        owner = self._owner(host)
        if self.enforce_ownership_on is not None:
            host.set_owner(place.absolute(self.enforce_ownership_on), owner.uid, owner.gid)
            return
        with self._open(host, found) as archive:
            look = unpack.looked_at(host, self._entries(archive), self._target, owner)
            self._unpacking(host, found, self._rules(archive)).own(look.owned_otherwise)

    # --- what is remembered ------------------------------------------------------------------------------

    def _record_path(self, host: Host) -> str:
        name = hashlib.sha256(f"{self._target}\n{self.options}".encode()).hexdigest()
        return posixpath.join(source.directory(host), f"{name}.json")

    def _recorded(self, host: Host) -> dict[str, Any]:
        text = host.text(self._record_path(host), "")
        return msgspec.json.decode(text, type=dict[str, Any]) if text else {}

    def _record(self, host: Host) -> str:
        """Return the hash of what was last unpacked here."""
        return str(self._recorded(host).get("hash", ""))

    def _is_recorded_whole(self, host: Host, found: Source) -> bool:
        """Tell whether all is there of an archive that was unpacked and is kept no longer."""
        known = self._recorded(host)
        if not known or known.get("url") != found.url or known.get("hash") != found.mark or self.overwrite:
            return False
        return all(
            host.stat(posixpath.join(self._target, path), follow=False) is not None for path in known["paths"]
        )

    def _keep_record(self, host: Host, found: Source, paths: list[str]) -> None:
        """Note what was unpacked, for when the archive itself is no longer here."""
        kept = {"url": found.url, "hash": found.mark, "paths": paths}
        host.make_directory(source.directory(host), 0o700)
        host.write(self._record_path(host), msgspec.json.encode(kept), 0o600)

    def _forget(self, host: Host, found: Source) -> None:
        """Remove the copy that was fetched; what lies in the file roots' cache is that one's affair."""
        if found.copy:
            host.remove(found.copy)

    @property
    def _target(self) -> str:
        return place.absolute(self.name)

    def _owner(self, host: Host) -> place.Wanted:
        return place.wanted(host, self.user, self.group, None)

    @property
    def _how(self) -> Fetching:
        return Fetching(
            name=self.name,
            source_hash=self.source_hash,
            source_hash_name=self.source_hash_name,
            skip_verify=self.skip_verify,
            verify_ssl=self.verify_ssl,
        )

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        if moment is Moment.WOULD:
            return f"The archive would be extracted to {self.name}"
        if self.if_missing is not None:
            return f"Path {self.if_missing} exists, or all files in archive are already present"
        return "All files in archive are already present"


def _remove(host: Host, path: str) -> None:
    there = host.stat(path, follow=False)
    if there is not None and there.kind == "directory":
        host.remove_tree(path)
    else:
        host.remove(path)


def _refuse_many(top: TopLevel, name: str) -> None:
    if len(top.directories) == 1 and not top.files and not top.links:
        return
    raise Conflict(
        "Archive does not have a single top-level directory. To allow this archive to be extracted, set "
        f"'enforce_toplevel' to False. To keep its files together, name a directory of their own: {name}/…"
    )
