"""Functions that look into a repository."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from saltern.library.git.address import expression
from saltern.library.git.address import revision as checked
from saltern.library.git.common import Options, directory, do, git, lines, several
from saltern.library.git.program import Git
from saltern.sdk import Host, takes


def version(host: Host, versioninfo: bool = False) -> str | list[int]:
    """Return git's version, as numbers with ``versioninfo``.

    Example:
        saltern run '*' git.version
    """
    found = Git(host).run("version").removeprefix("git version ").partition(" ")[0]
    return [int(one) for one in re.findall(r"\d+", found)] if versioninfo else found


@takes(Options)
def current_branch(host: Host, cwd: str, **options: Any) -> str:
    """Return the branch that is checked out; empty when none is.

    Example:
        saltern run '*' git.current_branch /srv/app
    """
    return git(host, cwd, Options(**options)).says("symbolic-ref", "--quiet", "--short", "HEAD")


@takes(Options)
def revision(host: Host, cwd: str, rev: str = "HEAD", short: bool = False, **options: Any) -> str:
    """Return the id of a commit that a revision means; its first digits with ``short``.

    Example:
        saltern run '*' git.revision /srv/app HEAD
    """
    how = Options(**options)
    wanted = f"{expression(rev)}^{{commit}}"
    return do(host, cwd, how, "rev-parse", *(["--short"] if short else []), "--verify", wanted)


@takes(Options)
def rev_parse(host: Host, cwd: str, rev: str = "", **options: Any) -> str:
    """Return what git rev-parse says.

    Example:
        saltern run '*' git.rev_parse /srv/app opts='--show-toplevel'
    """
    return do(host, cwd, Options(**options), "rev-parse", *([expression(rev)] if rev else []))


@takes(Options)
def describe(host: Host, cwd: str, rev: str = "HEAD", **options: Any) -> str:
    """Return a name for a commit by the nearest tag; the first digits of its id where there is none.

    Example:
        saltern run '*' git.describe /srv/app
    """
    return do(host, cwd, Options(**options), "describe", "--always", expression(rev))


@takes(Options)
def status(host: Host, cwd: str, **options: Any) -> dict[str, list[str]]:
    """Return the files that differ from what is committed: ``{modified, deleted, new, untracked}``.

    Example:
        saltern run '*' git.status /srv/app
    """
    how = Options(**options)
    found: dict[str, list[str]] = {}
    told = iter(do(host, cwd, how, "status", "--porcelain", "-z").split("\0"))
    for entry in told:
        if entry:
            found.setdefault(_KINDS.get(entry[:2].strip()[:1], "modified"), []).append(entry[3:])
            if entry[0] in "RC":
                next(told, "")  # its former name
    return found


_KINDS = {"M": "modified", "D": "deleted", "A": "new", "?": "untracked", "R": "new", "C": "new"}


@takes(Options)
def diff(
    host: Host,
    cwd: str,
    item1: str | None = None,
    item2: str | None = None,
    cached: bool = False,
    paths: str | list[str] | None = None,
    **options: Any,
) -> str:
    """Return the difference between commits, or to what lies in the directory; of ``paths`` alone if given.

    Example:
        saltern run '*' git.diff /srv/app HEAD~1 HEAD
    """
    items = [expression(one) for one in (item1, item2) if one is not None]
    words = [*(["--cached"] if cached else []), *items, "--", *several(paths)]
    return do(host, cwd, Options(**options), "diff", "--no-ext-diff", "--no-textconv", *words)


@takes(Options)
def list_branches(host: Host, cwd: str, remote: bool = False, **options: Any) -> list[str]:
    """Return the branches; with ``remote`` those known of remotes.

    Example:
        saltern run '*' git.list_branches /srv/app
    """
    where = "refs/remotes" if remote else "refs/heads"
    return lines(do(host, cwd, Options(**options), "for-each-ref", "--format=%(refname:short)", where))


@takes(Options)
def list_tags(host: Host, cwd: str, **options: Any) -> list[str]:
    """Return the tags.

    Example:
        saltern run '*' git.list_tags /srv/app
    """
    return lines(
        do(host, cwd, Options(**options), "for-each-ref", "--format=%(refname:strip=2)", "refs/tags")
    )


def is_worktree(host: Host, cwd: str, user: str | None = None) -> bool:
    """Tell whether a directory is a work tree that was added to a repository.

    Example:
        saltern run '*' git.is_worktree /srv/app
    """
    there = host.stat(posixpath.join(directory(cwd), ".git"))
    if there is None or there.kind != "file":
        return False
    return "/worktrees/" in Git(host, cwd, user).says("rev-parse", "--absolute-git-dir")


@takes(Options)
def list_worktrees(host: Host, cwd: str, stale: bool = False, **options: Any) -> dict[str, Any]:
    """Return the work trees by their paths, ``{HEAD, branch, detached}``; ``stale``: those that are gone.

    Example:
        saltern run '*' git.list_worktrees /srv/app
    """
    found: dict[str, Any] = {}
    for block in do(host, cwd, Options(**options), "worktree list", "--porcelain").split("\n\n"):
        told = dict(line.partition(" ")[::2] for line in block.splitlines())
        if "worktree" in told and (not stale or "prunable" in told):
            branch = told.get("branch", "").removeprefix("refs/heads/") or None
            about = {"HEAD": told.get("HEAD", ""), "branch": branch, "detached": "detached" in told}
            found[told["worktree"]] = about
    return found


@takes(Options)
def merge_base(
    host: Host,
    cwd: str,
    refs: str | list[str] | None = None,
    octopus: bool = False,
    is_ancestor: bool = False,
    independent: bool = False,
    fork_point: str | None = None,
    **options: Any,
) -> str | bool:
    """Return the commit that others descend from; with ``is_ancestor`` whether the first is one.

    Example:
        saltern run '*' git.merge_base /srv/app refs=main,next
    """
    how = Options(**options)
    names = [expression(one) for one in several(refs)]
    if is_ancestor:
        return git(host, cwd, how).holds("merge-base", "--is-ancestor", *names)
    flags = ["--octopus"] * octopus + ["--independent"] * independent
    flags += ["--fork-point", expression(fork_point)] if fork_point else []
    return do(host, cwd, how, "merge-base", *flags, *names)


@takes(Options)
def merge_tree(host: Host, cwd: str, ref1: str, ref2: str, base: str | None = None, **options: Any) -> str:
    """Return what a merge of two commits would change, nothing being merged.

    Example:
        saltern run '*' git.merge_tree /srv/app HEAD next
    """
    how = Options(**options)
    names = [expression(ref1), expression(ref2)]
    above = expression(base) if base else str(merge_base(host, cwd, names, user=how.user))
    return do(host, cwd, how, "merge-tree", above, *names)


@takes(Options)
def symbolic_ref(host: Host, cwd: str, ref: str, value: str = "", **options: Any) -> str:
    """Return what a symbolic ref points to; with ``value`` have it point there.

    Example:
        saltern run '*' git.symbolic_ref /srv/app HEAD
    """
    words = [checked(ref, "ref"), *([checked(value, "value")] if value else [])]
    return do(host, cwd, Options(**options), "symbolic-ref", *words)
