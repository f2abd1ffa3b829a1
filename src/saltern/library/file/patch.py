"""``file.patch``: a file, or those below a directory, with a patch applied."""

from __future__ import annotations

import shlex
from typing import Any

from saltern.library.file import origin, place
from saltern.sdk import Changes, Command, Conflict, Host, Moment, NotFound, NotSupported, State


class Patch(State, frozen=True, kw_only=True):
    """Keep a patch applied to a file, or to the files of a directory.

    ``strip`` is how many parts are taken from the paths in the patch. A patch that has been applied is told
    from one that does not fit, which is a failure; then nothing is changed. It needs the program ``patch``.

    Example:
        - file.patch: {name: /opt/app/app.py, source: 'salt://app/fix.patch'}
    """

    source: str | None = None
    source_hash: str | None = None
    source_hash_name: str | None = None
    skip_verify: bool = False
    template: str | None = None
    context: dict[str, Any] | None = None
    defaults: dict[str, Any] | None = None
    options: str = ""
    reject_file: str | None = None
    strip: int | None = None
    saltenv: str | None = None

    def check(self, host: Host) -> Changes:
        """Return what would be patched. Raises NotFound, Conflict for a patch that does not fit."""
        path = place.followed(host, place.absolute(self.name))
        there = host.stat(path)
        if host.which("patch") is None:
            raise NotSupported("the program 'patch' is not on this host", hint="pkg.installed: [name: patch]")
        if there is None:
            raise NotFound(f"{self.name} does not exist")
        patch = self._patch(host)
        if self._runs(host, path, patch, "--reverse", "--force", "--dry-run"):
            return Changes()
        if there.kind == "directory":
            self._refuse_unless(self._runs(host, path, patch, "--forward", "--dry-run"))
            return Changes({"patched": self.name}, mend=patch)
        old, new = host.read(path), self._patched(host, path, patch)
        return Changes({"diff": place.difference(old, new, self.name)}, mend=new)

    def apply(self, host: Host, changes: Changes) -> None:
        """Write the patched file, or have the files of a directory patched."""
        path = place.followed(host, place.absolute(self.name))
        if "diff" in changes:
            host.write(path, changes.mend)
        else:
            self._refuse_unless(self._runs(host, path, changes.mend, "--forward"))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Patch was already applied",
            Moment.WOULD: "The patch would be applied",
            Moment.DONE: "Patch successfully applied",
        }[moment]

    def _patch(self, host: Host) -> bytes:
        how = origin.Fetching(
            name=self.name,
            source_hash=self.source_hash or "",
            source_hash_name=self.source_hash_name,
            skip_verify=self.skip_verify,
        )
        url, data = origin.first(host, self.source or self.name, how)
        if self.template:
            data = place.rendered(host, data, self.template, url, self.defaults, self.context)
        return data

    def _command(self, host: Host, path: str, patch: bytes, *options: str) -> Command:
        """Return the command that reads the patch from its input; nothing is rejected into a file."""
        words = ["patch", "--batch", "--reject-file=-", "--no-backup-if-mismatch", *options]
        words += shlex.split(self.options)
        words += [f"--strip={self.strip}"] if self.strip is not None else []
        there = host.stat(path)
        if there is not None and there.kind == "directory":
            return Command(argv=(*words, f"--directory={path}"), stdin=patch)
        return Command(argv=(*words, "--", path), stdin=patch)

    def _runs(self, host: Host, path: str, patch: bytes, *options: str) -> bool:
        return host.execute(self._command(host, path, patch, *options)).retcode == 0

    def _patched(self, host: Host, path: str, patch: bytes) -> bytes:
        done = host.execute(self._command(host, path, patch, "--forward", "--silent", "--output=-"))
        self._refuse_unless(done.retcode == 0, (done.stderr or done.stdout).decode(errors="replace").strip())
        return done.stdout

    def _refuse_unless(self, fits: bool, said: str = "") -> None:
        if not fits:
            raise Conflict(f"Patch would not apply cleanly to {self.name}" + (f": {said}" if said else ""))
