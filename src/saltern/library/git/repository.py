"""What the states of ``git`` share: a repository on this host, and what a remote has."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from saltern.library.git.address import Address, address, revision
from saltern.library.git.common import directory
from saltern.library.git.program import Access, Git, access
from saltern.sdk import BadArgument, Conflict, Host, NotFound, State

_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)


class Refs(msgspec.Struct, frozen=True):
    """What a remote has: commits by the full names of refs, and its default branch."""

    commits: dict[str, str]
    default: str = ""

    @property
    def tags(self) -> set[str]:
        """The names of its tags."""
        prefix = "refs/tags/"
        return {
            name.removeprefix(prefix)
            for name in self.commits
            if name.startswith(prefix) and not name.endswith("^{}")
        }


class Revision(msgspec.Struct, frozen=True):
    """A revision as a remote has it. ``commit`` may be the first digits, of one that no ref has."""

    kind: Literal["branch", "tag", "commit"]
    name: str
    commit: str

    def is_at(self, commit: str) -> bool:
        """Tell whether a commit is this one."""
        return bool(commit) and commit.startswith(self.commit)


class Remote(State, frozen=True, kw_only=True):
    """What the states have in common whose ``name`` is the address of a repository."""

    target: str
    user: str | None = None
    identity: str | list[str] | None = None
    https_user: str | None = None
    https_pass: str | None = None

    @property
    def where(self) -> Address:
        """The address, without its password."""
        return address(self.name, self.https_user, self.https_pass)

    def access(self, host: Host) -> Access:
        """Return how one comes to the remote."""
        return access(host, self.where, self.identity)

    def git(self, host: Host, cwd: str | None) -> Git:
        """Return git in a directory with access to the remote."""
        return Git(host, cwd, self.user, self.access(host))

    def refs(self, host: Host) -> Refs:
        """Return what the remote has. Raises CommandFailed."""
        told = self.git(host, None).run("ls-remote", "--symref", "--", self.where.url)
        commits, default = {}, ""
        for line in told.splitlines():
            found, _, name = line.partition("\t")
            if found.startswith("ref: "):
                default = found.removeprefix("ref: refs/heads/") if name == "HEAD" else default
            else:
                commits[name] = found
        return Refs(commits, default)

    def clone(self, host: Host, *options: str) -> None:
        """Clone the remote to the target; no hook of a template runs."""
        git = self.git(host, None)
        quiet = {"core.hooksPath": "/dev/null"}
        git.run("clone", *options, "--", self.where.url, self.target, settings=quiet)

    def update_submodules(self, host: Host, *options: str) -> None:
        """Bring submodules to what the commit says; hooks don't run. Local ones only for a local remote."""
        settings = {"core.hooksPath": "/dev/null"}
        if self.where.is_local:
            settings["protocol.file.allow"] = "always"
        words = ("submodule", "update", "--init", "--recursive", "--force", *options)
        self.git(host, self.target).run(*words, settings=settings)

    def behind(self, host: Host) -> list[str]:
        """Return the submodules that are not at what the commit says."""
        told = self.git(host, self.target).run("submodule", "status", "--recursive")
        return [line[1:].split()[1] for line in told.splitlines() if line[:1] in "-+U"]


def resolved(rev: str, refs: Refs, url: str) -> Revision:
    """Return what a revision means at a remote: its default branch for HEAD, else a branch, a tag, a commit.

    Raises NotFound.
    """
    if rev == "HEAD":
        if "HEAD" not in refs.commits:
            raise NotFound(f"{url} has no commits, or no default branch", hint="- rev: a branch or a tag")
        return Revision("branch" if refs.default else "commit", refs.default or rev, refs.commits["HEAD"])
    name = revision(rev)
    branch = refs.commits.get(f"refs/heads/{name}")
    if branch:
        return Revision("branch", name, branch)
    tag = refs.commits.get(f"refs/tags/{name}^{{}}") or refs.commits.get(f"refs/tags/{name}")
    if tag:
        return Revision("tag", name, tag)
    if _COMMIT.fullmatch(name):
        return Revision("commit", name, name.lower())
    raise NotFound(f"No revision matching '{rev}' exists in the remote repository {url}")


def revision_text(rev: str | int | float) -> tuple[str, tuple[str, ...]]:
    """Return a revision as text, with a warning when YAML may have taken digits from it."""
    if isinstance(rev, float):
        return str(rev), (f"rev: {rev} was read as a number; write it in quotes, or 1.10 becomes 1.1",)
    return str(rev), ()


def is_repository(host: Host, target: str, bare: bool = False) -> bool:
    """Tell whether a repository lies in a directory itself, not in one above it."""
    path = directory(target).rstrip("/")
    if bare:
        return host.exists(f"{path}/HEAD") and host.exists(f"{path}/objects")
    return host.exists(f"{path}/.git")


def is_free(host: Host, target: str) -> bool:
    """Tell whether nothing, or an empty directory, lies at a path."""
    there = host.stat(target)
    return there is None or (there.kind == "directory" and not host.list_directory(target))


def refuse_unless_free(host: Host, target: str, forced: bool, option: str, what: str) -> None:
    """Raise Conflict when something lies where a repository is to be, unless it may be removed."""
    if target.rstrip("/").count("/") == 0 or target == "/":
        raise BadArgument(f"target = {target!r} is no place for a repository")
    if not forced and not is_free(host, target):
        raise Conflict(
            f"Target '{target}' exists, is non-empty and is not a git repository. Set the "
            f"'{option}' option to True to remove this directory's contents and proceed with {what}"
        )


def make_free(host: Host, target: str) -> None:
    """Remove what lies in a directory, or the file that lies there."""
    there = host.stat(target)
    if there is None:
        return
    if there.kind != "directory":
        host.remove(target)
        return
    for name in host.list_directory(target):
        path = f"{target}/{name}"
        below = host.stat(path, follow=False)
        if below is not None and below.kind == "directory":
            host.remove_tree(path)
        else:
            host.remove(path)


def head(git: Git) -> str:
    """Return the commit that is checked out; nothing before the first one."""
    return git.says("rev-parse", "--verify", "--quiet", "HEAD^{commit}")


def branch(git: Git) -> str:
    """Return the branch that is checked out; nothing when none is."""
    return git.says("symbolic-ref", "--quiet", "--short", "HEAD")


def is_changed(git: Git) -> bool:
    """Tell whether files that git knows differ from what is committed; submodules are left out."""
    words = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")
    return bool(git.run(*words))


def has_commit(git: Git, commit: str) -> bool:
    """Tell whether a commit lies in the repository."""
    return git.holds("cat-file", "-e", f"{commit}^{{commit}}")


def short(commit: str) -> str:
    """Return the first digits of a commit's id."""
    return commit[:7]
