"""Functions that speak to other repositories, or are about them."""

from __future__ import annotations

import posixpath
from typing import Any

from saltern.library.git.address import NOWHERE, Address, address, expression, redacted, revision
from saltern.library.git.common import Options, Remotely, directory, do, git, lines, remote_access
from saltern.sdk import BadArgument, Host, takes


def _refspec(text: str) -> str:
    """Return a refspec that is no option. Raises BadArgument."""
    if not text or text.startswith("-") or not text.isprintable():
        raise BadArgument(f"{text!r} is no refspec")
    return text


def _place(remote: str, how: Remotely) -> tuple[str, Address]:
    """Return what git is told to speak to, a name or an address, and the address if it is one."""
    if "/" in remote or ":" in remote:
        found = address(remote, how.https_user, how.https_pass)
        return found.url, found
    return revision(remote, "remote"), NOWHERE


def _of(host: Host, cwd: str, remote: str, how: Remotely) -> tuple[str, Address]:
    """Return the same as ``_place``, of a remote's name too its address when an account is given for it."""
    word, found = _place(remote, how)
    if not found.url and how.https_user:
        url = git(host, cwd, how).run("remote", "get-url", "--", word)
        found = address(url, how.https_user, how.https_pass)
    return word, found


@takes(Remotely)
def clone(host: Host, cwd: str, url: str | None = None, name: str | None = None, **options: Any) -> bool:
    """Clone a repository into the directory ``cwd``; with ``name`` into a directory of that name in it.

    Example:
        saltern run '*' git.clone /srv/app https://git.example.com/app.git
    """
    if not url:
        raise BadArgument("url is missing", hint="git.clone /srv/app https://git.example.com/app.git")
    how = Remotely(**options)
    where = address(url, how.https_user, how.https_pass)
    target = posixpath.join(directory(cwd), name) if name else directory(cwd)
    do(host, None, how, "clone", "--", where.url, target, to=remote_access(host, how, where))
    return True


@takes(Remotely)
def fetch(
    host: Host,
    cwd: str,
    remote: str | None = None,
    force: bool = False,
    refspecs: str | list[str] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Fetch from a remote; return what is new: ``{branches: {…}, tags: {…}}`` with old and new commits.

    Example:
        saltern run '*' git.fetch /srv/app origin
    """
    how = Remotely(**options)
    specs = refspecs.split(",") if isinstance(refspecs, str) else refspecs or []
    word, found = _of(host, cwd, remote or "origin", how)
    ends = [word, *map(_refspec, specs)] if remote or specs else []
    before = _refs(host, cwd, how)
    do(host, cwd, how, "fetch", *(["--force"] * force), "--", *ends, to=remote_access(host, how, found))
    return _differences(before, _refs(host, cwd, how))


def _refs(host: Host, cwd: str, how: Options) -> dict[str, str]:
    told = git(host, cwd, how).run("for-each-ref", "--format=%(objectname) %(refname)")
    return {name: found for found, _, name in (line.partition(" ") for line in lines(told))}


def _differences(before: dict[str, str], after: dict[str, str]) -> dict[str, Any]:
    kinds = {"branches": "refs/remotes/", "tags": "refs/tags/"}
    found: dict[str, Any] = {}
    for kind, prefix in kinds.items():
        names = sorted(name for name in {**before, **after} if name.startswith(prefix))
        changed = {
            name.removeprefix(prefix): {"old": before.get(name), "new": after.get(name)}
            for name in names
            if before.get(name) != after.get(name)
        }
        found |= {kind: changed} if changed else {}
    return found


@takes(Remotely)
def pull(host: Host, cwd: str, **options: Any) -> str:
    """Fetch what the branch that is checked out follows, and merge it; return what git says.

    Example:
        saltern run '*' git.pull /srv/app opts='--ff-only'
    """
    how = Remotely(**options)
    found = _of(host, cwd, "origin", how)[1] if how.https_user else NOWHERE
    return do(host, cwd, how, "pull", to=remote_access(host, how, found))


@takes(Remotely)
def push(host: Host, cwd: str, remote: str, ref: str, **options: Any) -> str:
    """Push a branch, or a refspec, to a remote; return what git says.

    Example:
        saltern run '*' git.push /srv/app origin main
    """
    how = Remotely(**options)
    word, found = _of(host, cwd, remote, how)
    access = remote_access(host, how, found)
    return do(host, cwd, how, "push", "--porcelain", "--", word, _refspec(ref), to=access)


@takes(Remotely)
def ls_remote(
    host: Host, cwd: str | None = None, remote: str = "origin", ref: str | None = None, **options: Any
) -> dict[str, str]:
    """Return the refs of a remote, or of an address, with their commits.

    Example:
        saltern run '*' git.ls_remote remote=https://git.example.com/app.git ref=main
    """
    how = Remotely(**options)
    word, found = _of(host, cwd or "/", remote, how)
    ends = [word, *([_refspec(ref)] if ref else [])]
    told = do(host, cwd, how, "ls-remote", "--", *ends, to=remote_access(host, how, found))
    return {name: commit for commit, _, name in (line.partition("\t") for line in lines(told))}


@takes(Remotely)
def remote_refs(
    host: Host, url: str, heads: bool = False, tags: bool = False, **options: Any
) -> dict[str, str]:
    """Return the refs at an address with their commits, ``heads`` or ``tags`` alone.

    Example:
        saltern run '*' git.remote_refs https://git.example.com/app.git
    """
    how = Remotely(**options)
    where = address(url, how.https_user, how.https_pass)
    flags = ["--heads"] * heads + ["--tags"] * tags
    told = do(host, None, how, "ls-remote", *flags, "--", where.url, to=remote_access(host, how, where))
    return {name: commit for commit, _, name in (line.partition("\t") for line in lines(told))}


@takes(Options)
def remotes(host: Host, cwd: str, redact_auth: bool = True, **options: Any) -> dict[str, dict[str, str]]:
    """Return the remotes, ``{name: {fetch, push}}``; passwords in addresses are left out.

    Example:
        saltern run '*' git.remotes /srv/app
    """
    found: dict[str, dict[str, str]] = {}
    for line in lines(do(host, cwd, Options(**options), "remote", "--verbose")):
        name, _, rest = line.partition("\t")
        url, _, kind = rest.rpartition(" ")
        found.setdefault(name, {})[kind.strip("()")] = redacted(url) if redact_auth else url
    return found


@takes(Options)
def remote_get(
    host: Host, cwd: str, remote: str = "origin", redact_auth: bool = True, **options: Any
) -> dict[str, str]:
    """Return a remote's addresses, ``{fetch, push}``. Raises BadArgument when there is none of that name.

    Example:
        saltern run '*' git.remote_get /srv/app origin
    """
    found = remotes(host, cwd, redact_auth, **options)
    if remote not in found:
        raise BadArgument(f"{cwd} has no remote {remote!r}", hint=f"there are: {', '.join(found) or 'none'}")
    return found[remote]


@takes(Remotely)
def remote_set(
    host: Host, cwd: str, url: str, remote: str = "origin", push_url: str | None = None, **options: Any
) -> dict[str, str]:
    """Have a remote be at an address, made if it isn't there; return it as ``remote_get`` does.

    Passwords are not written down: give them where the remote is spoken to.

    Example:
        saltern run '*' git.remote_set /srv/app https://git.example.com/app.git
    """
    how = Remotely(**options)
    found, name = address(url, how.https_user, how.https_pass), revision(remote, "remote")
    program = git(host, cwd, how)
    there = program.holds("remote", "get-url", name)
    program.run("remote", *(["set-url"] if there else ["add"]), "--", name, found.url)
    if push_url:
        program.run("remote", "set-url", "--push", "--", name, address(push_url).url)
    return remote_get(host, cwd, remote, user=how.user)


@takes(Remotely)
def submodule(host: Host, cwd: str, command: str, **options: Any) -> str:
    """Run git submodule with a command (``update``, ``status``, …) and its ``opts``; hooks don't run.

    Example:
        saltern run '*' git.submodule /srv/app update opts='--init --recursive'
    """
    if command not in ("add", "status", "init", "deinit", "update", "summary", "sync", "absorbgitdirs"):
        raise BadArgument(f"command = {expression(command)!r}: git submodule has none such served here")
    how = Remotely(**options)
    return do(host, cwd, how, f"submodule {command}", to=remote_access(host, how))
