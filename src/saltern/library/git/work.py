"""Functions that change a repository and what is checked out of it."""

from __future__ import annotations

from typing import Any, Literal

from saltern.library.git.address import expression, revision
from saltern.library.git.common import Options, directory, do
from saltern.sdk import BadArgument, Host, takes


@takes(Options)
def init(
    host: Host,
    cwd: str,
    bare: bool = False,
    template: str | None = None,
    separate_git_dir: str | None = None,
    shared: str | int | None = None,
    **options: Any,
) -> str:
    """Make a repository in a directory and return what git says.

    Example:
        saltern run '*' git.init /srv/app bare=True
    """
    flags = ["--bare"] * bare
    flags += [f"--template={template}"] if template is not None else []
    flags += [f"--separate-git-dir={directory(separate_git_dir)}"] if separate_git_dir else []
    flags += [f"--shared={_shared(shared)}"] if shared is not None else []
    return do(host, None, Options(**options), "init", *flags, "--", directory(cwd))


def _shared(shared: str | int) -> str:
    """Return who may share, as git has it: a word, or octal digits with a zero before them."""
    text = str(shared).lower()
    if text not in ("true", "false", "umask", "group", "all", "world", "everybody") and not text.isdigit():
        raise BadArgument(f"shared = {shared!r}: group, all, umask or octal digits are wanted")
    return text.zfill(4) if text.isdigit() else text


@takes(Options)
def add(host: Host, cwd: str, filename: str, **options: Any) -> str:
    """Stage a file or a directory and return the paths that were.

    Example:
        saltern run '*' git.add /srv/app app.conf
    """
    return do(host, cwd, Options(**options), "add", "--verbose", "--", filename)


@takes(Options)
def rm_(host: Host, cwd: str, filename: str, **options: Any) -> str:
    """Remove a file, here and from what is committed next.

    Example:
        saltern run '*' git.rm /srv/app app.conf
    """
    return do(host, cwd, Options(**options), "rm", "--", filename)


@takes(Options)
def commit(host: Host, cwd: str, message: str, filename: str | None = None, **options: Any) -> str:
    """Commit what is staged, or a file, and return what git says.

    Example:
        saltern run '*' git.commit /srv/app 'the port is 80 now'
    """
    files = ["--", filename] if filename else []
    return do(host, cwd, Options(**options), "commit", f"--message={message}", *files)


@takes(Options)
def checkout(host: Host, cwd: str, rev: str | None = None, force: bool = False, **options: Any) -> str:
    """Check a branch, tag or commit out; ``force`` throws changes away.

    Example:
        saltern run '*' git.checkout /srv/app next
    """
    how = Options(**options)
    if rev is None and not how.opts:
        raise BadArgument("rev is missing", hint="git.checkout /srv/app main")
    words = [expression(rev)] if rev is not None else []
    done = do(host, cwd, how, "checkout", *(["--force"] * force), *words, *(["--"] * bool(words)))
    return done or f"{rev or how.opts} is checked out"


@takes(Options)
def branch(host: Host, cwd: str, name: str | None = None, **options: Any) -> bool:
    """Make a branch, or with ``opts`` (``-d``) do something else with it. Raises CommandFailed.

    Example:
        saltern run '*' git.branch /srv/app next
    """
    do(host, cwd, Options(**options), "branch", *([revision(name, "name")] if name else []))
    return True


@takes(Options)
def tag(
    host: Host, cwd: str, name: str, ref: str = "HEAD", message: str | None = None, **options: Any
) -> str:
    """Give a commit a name, with a message if there is one; return what git says.

    Example:
        saltern run '*' git.tag /srv/app v1 message='the first'
    """
    how = Options(**options)
    words = [f"--message={message}"] if message is not None else []
    ends = [revision(name, "name"), *([] if "-d" in how.opts.split() else [expression(ref)])]
    return do(host, cwd, how, "tag", *words, *ends)


@takes(Options)
def reset(host: Host, cwd: str, **options: Any) -> str:
    """Run git reset with ``opts``.

    Example:
        saltern run '*' git.reset /srv/app opts='--hard HEAD'
    """
    return do(host, cwd, Options(**options), "reset")


@takes(Options)
def discard_local_changes(host: Host, cwd: str, path: str = ".", **options: Any) -> str:
    """Throw changes below a path away that are not staged.

    Example:
        saltern run '*' git.discard_local_changes /srv/app
    """
    return do(host, cwd, Options(**options), "checkout", "--", path)


@takes(Options)
def merge(host: Host, cwd: str, rev: str | None = None, **options: Any) -> str:
    """Merge a revision into what is checked out.

    Example:
        saltern run '*' git.merge /srv/app next
    """
    return do(host, cwd, Options(**options), "merge", "--no-edit", *([expression(rev)] if rev else []))


@takes(Options)
def rebase(host: Host, cwd: str, rev: str = "master", **options: Any) -> str:
    """Put what is checked out onto a revision.

    Example:
        saltern run '*' git.rebase /srv/app main
    """
    return do(host, cwd, Options(**options), "rebase", *map(expression, rev.split()))


@takes(Options)
def stash(host: Host, cwd: str, action: str = "save", **options: Any) -> str:
    """Lay changes aside, or take them up again: git stash with an action.

    Example:
        saltern run '*' git.stash /srv/app pop
    """
    if not action.isalpha():
        raise BadArgument(f"action = {action!r}: save, push, pop, apply, list, drop, clear or show is wanted")
    return do(host, cwd, Options(**options), f"stash {action}")


@takes(Options)
def archive(
    host: Host,
    cwd: str,
    output: str,
    rev: str = "HEAD",
    prefix: str | None = None,
    format: Literal["tar", "zip", "tar.gz", "tgz"] | None = None,
    **options: Any,
) -> bool:
    """Write a revision's files into an archive whose kind its name says, below ``prefix``.

    Without ``prefix`` they lie in a directory that is called as the repository is.

    Example:
        saltern run '*' git.archive /srv/app /tmp/app.tar.gz v1
    """
    inside = f"{directory(cwd).rstrip('/').rpartition('/')[2]}/" if prefix is None else prefix
    words = [f"--output={directory(output)}", *([f"--prefix={inside}"] if inside else [])]
    words += [f"--format={format}"] if format else []
    do(host, cwd, Options(**options), "archive", *words, expression(rev))
    return True


@takes(Options)
def worktree_add(
    host: Host,
    cwd: str,
    worktree_path: str,
    ref: str | None = None,
    branch: str | None = None,
    reset_branch: bool = False,
    force: bool = False,
    detach: bool = False,
    **options: Any,
) -> str:
    """Add a work tree to a repository and return what git says.

    Example:
        saltern run '*' git.worktree_add /srv/app /srv/next ref=origin/next branch=next
    """
    flags = ["--force"] * force + ["--detach"] * detach
    flags += ["-B" if reset_branch else "-b", revision(branch, "branch")] if branch else []
    words = [directory(worktree_path), *([expression(ref)] if ref else [])]
    done = do(host, cwd, Options(**options), "worktree add", *flags, *words)
    return done or f"{worktree_path} is there"


@takes(Options)
def worktree_prune(
    host: Host,
    cwd: str,
    dry_run: bool = False,
    verbose: bool = True,
    expire: str | None = None,
    **options: Any,
) -> str:
    """Forget work trees whose directories are gone.

    Example:
        saltern run '*' git.worktree_prune /srv/app dry_run=True
    """
    flags = ["--dry-run"] * dry_run + ["--verbose"] * verbose
    flags += [f"--expire={expire}"] if expire else []
    return do(host, cwd, Options(**options), "worktree prune", *flags)


def worktree_rm(host: Host, cwd: str, user: str | None = None) -> bool:
    """Remove a work tree's directory. Raises BadArgument for what is none.

    Example:
        saltern run '*' git.worktree_rm /srv/next
    """
    from saltern.library.git.look import is_worktree

    if not is_worktree(host, cwd, user):
        raise BadArgument(f"{cwd} is not a work tree that was added to a repository")
    host.remove_tree(cwd)
    return True
