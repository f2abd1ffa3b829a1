"""A bare mirror of one remote, from which files are read without a checkout."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from saltern.controller.files.backend import Entry
from saltern.controller.files.backends.git.program import Objects, environment, remote_environment, run
from saltern.controller.files.backends.git.refs import Refs
from saltern.controller.files.backends.git.settings import Remote
from saltern.controller.files.backends.links import Link, Listing, follow
from saltern.foundation.atomic import private_directory
from saltern.foundation.errors import Unavailable
from saltern.sls.tree import is_inside

#: Seconds that reading the mirror itself may take.
_LOCAL = 60.0
_SPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_FETCH = (
    *("fetch", "--quiet", "--prune", "--force", "--no-tags", "--refmap="),
    *("--no-recurse-submodules", "--no-write-fetch-head"),
)
_FORMAT = "%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)"
#: Bytes that a link's text may have.
_LONGEST_LINK = 4096


class Mirror:
    """One remote's mirror. Its directory is named by the URL's hash, so that no name leads out of it."""

    def __init__(self, remote: Remote, above: Path) -> None:
        """Take the remote, and the directory in which the mirrors are."""
        self._remote = remote
        self._directory = above / hashlib.sha256(remote.url.encode()).hexdigest()[:32]
        self._objects = Objects(self._directory)

    def fetch(self) -> None:
        """Bring the mirror to what the remote has. Raises Unavailable, SettingsError."""
        secret = self._remote.secret()
        deadline = time.monotonic() + self._remote.timeout
        what = f"{self._remote.url} can't be fetched"
        private_directory(self._directory.parent)
        with _lock(self._directory.with_suffix(".lock"), deadline, what) as lock:
            self._tidy()
            speak = remote_environment(self._remote)

            def ask(*argv: str) -> str:
                left = max(deadline - time.monotonic(), 0.1)
                said = run(argv, speak, timeout=left, what=what, secret=secret, keep=lock)
                return said.decode(errors="surrogateescape")

            url = self._remote.url
            there = ask("ls-remote", "--symref", "--", url, "HEAD", "refs/heads/*", "refs/tags/*")
            if _refs_told(there) != self._refs_held() or not self._fetched.exists():
                self._unfinished.touch()
                ask(f"--git-dir={self._directory}", *_FETCH, "--", url, *_SPECS)
                self._unfinished.unlink()
            self._set_default(there)
            self._fetched.touch()

    def _tidy(self) -> None:
        """Make the mirror; take away what a fetch that was killed has left in it. The lock is held."""
        if not self._fetched.exists():
            self._git("init", "--bare", "--quiet", "--template=", "--", str(self._directory))
        if self._unfinished.exists():
            for path in [*self._directory.rglob("*.lock"), *self._directory.glob("objects/pack/tmp_*")]:
                path.unlink()
            for path in self._directory.glob("objects/tmp_objdir-*"):
                shutil.rmtree(path)

    def refs(self) -> Refs | None:
        """Return what has been fetched; None when nothing was."""
        if not self._fetched.exists():
            return None
        branches: dict[str, str] = {}
        tags: dict[str, str] = {}
        for line in self._read("for-each-ref", f"--format={_FORMAT}", "refs/heads", "refs/tags").splitlines():
            name, kind, found, peeled, behind = line.split("\0")
            commit = found if kind == "commit" else behind if peeled == "commit" else ""
            holder, prefix = (
                (branches, "refs/heads/") if name.startswith("refs/heads/") else (tags, "refs/tags/")
            )
            if commit and name.isprintable():  # what is no UTF-8, nobody could ask for
                holder[name.removeprefix(prefix)] = commit
        head = (self._directory / "HEAD").read_text().strip().removeprefix("ref: refs/heads/")
        return Refs(branches, tags, head if head in branches else "")

    def contained(self, commit: str) -> str:
        """Return the full id of a commit (7 hexadecimal digits or more) that a ref contains, or nothing."""
        try:
            full = self._read("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").strip()
            held = self._read("for-each-ref", "--count=1", f"--contains={full}", "refs/heads", "refs/tags")
        except Unavailable:  # there is none, or several begin so
            return ""
        return full if held else ""

    def listing(self, commit: str, root: str) -> Listing:
        """Return the paths of a directory of a commit; tokens are blobs' ids. Raises Unavailable."""
        try:
            listed = self._git_here("ls-tree", "-r", "-z", "-l", "--full-tree", f"{commit}:{root}")
        except Unavailable as error:
            if root:
                raise Unavailable(f"{self.shown(commit, root)} is not a directory there") from error
            raise
        files: dict[str, Entry] = {}
        links: dict[str, Link] = {}
        for line in listed.split(b"\0")[:-1]:
            about, _, name = line.partition(b"\t")
            mode, _, blob, size = about.decode().split()
            path = self._path(name, commit)
            if mode == "120000":
                links[path] = self._link(blob, int(size), path)
            elif mode.startswith("100"):  # else a submodule, which is not followed
                files[path] = Entry(int(size), int(mode[-3:], 8), None, blob)
        return follow(files, (), links)

    def open(self, entry: Entry) -> BinaryIO:
        """Return a blob's content, to be closed. Raises Unavailable."""
        import io

        if entry.size > Objects.HELD:
            return self._objects.stream(entry.token)
        return io.BytesIO(self._objects.read(entry.token))

    def shown(self, commit: str, path: str) -> str:
        """Return a path as people know it."""
        return f"{self._remote.called}@{commit[:10]}:{path}"

    def close(self) -> None:
        """Stop the program that reads blobs."""
        self._objects.close()

    def _link(self, blob: str, size: int, path: str) -> Link:
        if size > _LONGEST_LINK:
            raise Unavailable(f"{self._remote.url}: the link {path} is {size} bytes long")
        text = self._objects.read(blob).decode(errors="replace")
        return Link(text, None if text.startswith("/") else text)

    def _path(self, name: bytes, commit: str) -> str:
        try:
            path = name.decode()
        except UnicodeDecodeError:
            raise Unavailable(f"{self.shown(commit, repr(name))} has a name that is not UTF-8") from None
        if not is_inside(path):
            raise Unavailable(f"{self.shown(commit, repr(path))} is not a path within its tree")
        return path

    @property
    def _unfinished(self) -> Path:
        """A file that is there while a fetch is under way."""
        return self._directory / "saltern-unfinished"

    @property
    def _fetched(self) -> Path:
        """A file that is there when a fetch has come to its end."""
        return self._directory / "saltern-fetched"

    def _refs_held(self) -> dict[str, str]:
        lines = self._read("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags")
        return {name: found for found, _, name in (line.partition(" ") for line in lines.splitlines())}

    def _set_default(self, told: str) -> None:
        """Take over the remote's default branch, as ``ls-remote --symref`` tells it."""
        for line in told.splitlines():
            target, _, name = line.partition("\t")
            if name == "HEAD" and target.startswith("ref: refs/heads/"):
                self._read("symbolic-ref", "HEAD", target.removeprefix("ref: "))

    def _read(self, *argv: str) -> str:
        return self._git_here(*argv).decode(errors="surrogateescape")

    def _git_here(self, *argv: str) -> bytes:
        return self._git(f"--git-dir={self._directory}", *argv)

    def _git(self, *argv: str) -> bytes:
        what = f"the mirror of {self._remote.url} can't be used"
        return run(argv, environment(), timeout=_LOCAL, what=what)


def _refs_told(told: str) -> dict[str, str]:
    """Return what ``ls-remote`` says of refs, without HEAD and what tags stand for."""
    pairs = (line.partition("\t") for line in told.splitlines() if not line.startswith("ref: "))
    return {name: found for found, _, name in pairs if name != "HEAD" and not name.endswith("^{}")}


@contextmanager
def _lock(path: Path, deadline: float, what: str) -> Iterator[int]:
    """Keep other processes and threads from fetching into the same mirror.

    Gives the lock's descriptor: a git that has it too holds the lock when this process is killed.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Unavailable(f"{what}: another process is still fetching it") from None
                time.sleep(0.05)
        yield handle
    finally:
        os.close(handle)
