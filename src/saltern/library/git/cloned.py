"""The states ``git.cloned``, ``git.detached`` and ``git.present``."""

from __future__ import annotations

from typing import Any

from saltern.library.git import repository, work
from saltern.library.git.address import redacted, revision
from saltern.library.git.common import directory
from saltern.library.git.repository import Refs, Remote, Revision, revision_text
from saltern.sdk import Changes, Done, Host, Moment, State


class Cloned(Remote, frozen=True, kw_only=True):
    """Have a repository cloned to ``target``; nothing is fetched later. ``branch`` is then checked out.

    Example:
        - git.cloned: {name: 'https://git.example.com/app.git', target: /srv/app, branch: main}
    """

    branch: str | None = None

    def check(self, host: Host) -> Changes:
        """Return ``{new}``, or the branch that is not checked out. Raises Conflict."""
        url = self.where.url
        if self.branch is not None:
            revision(self.branch, "branch")
        if not repository.is_repository(host, self.target):
            repository.refuse_unless_free(host, self.target, False, "force_clone", "cloning")
            would = f"{url} would be cloned to {self.target}"
            return Changes({"new": f"{url} => {self.target}"}, comment=would)
        here = repository.branch(self.git(host, self.target))
        if self.branch is None or self.branch == here:
            return Changes()
        would = f"Branch would be changed to '{self.branch}'"
        return Changes({"branch": {"old": here or None, "new": self.branch}}, comment=would)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Clone, or check the branch out."""
        url = self.where.url
        if "new" in changes:
            self.clone(host, *([f"--branch={self.branch}"] if self.branch else []))
            return Done(changes=dict(changes), comment=f"{url} cloned to {self.target}")
        self.git(host, self.target).run("checkout", f"{self.branch}", "--")
        return Done(changes=dict(changes), comment=f"Branch changed to '{self.branch}'")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        on = f" and has '{self.branch}' checked out" if self.branch else ""
        return f"Repository already exists at {self.target}{on}"


class Detached(Remote, frozen=True, kw_only=True):
    """Have a repository cloned to ``target``, and a commit of it checked out that no local branch has.

    ``rev`` is a commit, a tag, or a branch of the remote. ``hard_reset`` and ``force_checkout`` throw changes
    away. With ``fetch_remote: false`` only what is here already is looked at.

    Example:
        - git.detached: {name: 'https://git.example.com/app.git', target: /srv/app, rev: v1.4}
    """

    rev: str | int | float
    remote: str = "origin"
    force_clone: bool = False
    force_checkout: bool = False
    fetch_remote: bool = True
    hard_reset: bool = False
    submodules: bool = False

    def check(self, host: Host) -> Changes:
        """Return ``{new, HEAD, remotes/…, local changes, submodules}`` as far as they differ."""
        revision(self.remote, "remote")
        rev, warnings = revision_text(self.rev)
        if not repository.is_repository(host, self.target):
            repository.refuse_unless_free(
                host, self.target, self.force_clone, "force_clone", "cloning the remote repository"
            )
            wanted = self._at_remote(host, rev)
            new = {"new": f"{self.where.url} => {self.target}", "HEAD": {"old": None, "new": wanted.commit}}
            would = f"Repository {self.where.url} would be cloned to {self.target}"
            return Changes(new, mend=wanted, comment=would, warnings=warnings)
        wanted = self._wanted(host, rev)
        found = self._differences(host, wanted)
        said = f"{self.target} would be checked out at {wanted.commit}" if found else ""
        return Changes(found, mend=wanted, comment=said, warnings=warnings)

    def _at_remote(self, host: Host, rev: str) -> Revision:
        return repository.resolved(rev, self.refs(host), self.where.url)

    def _wanted(self, host: Host, rev: str) -> Revision:
        """Return what the revision means: here if it may not be, or need not be, asked for."""
        git = self.git(host, self.target)
        name = revision(rev)
        if self.fetch_remote and not git.holds("cat-file", "-e", f"{name}^{{commit}}"):
            return self._at_remote(host, rev)
        for ref in (f"refs/remotes/{self.remote}/{name}", f"refs/tags/{name}"):
            if self.fetch_remote and git.holds("show-ref", "--verify", "--quiet", ref):
                return self._at_remote(host, rev)  # may have moved there
        commit = git.says("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return Revision("commit", name, commit) if commit else repository.resolved(rev, Refs({}), self.target)

    def _differences(self, host: Host, wanted: Revision) -> dict[str, Any]:
        git = self.git(host, self.target)
        url, head = git.says("config", "--get", f"remote.{self.remote}.url"), repository.head(git)
        found: dict[str, Any] = {}
        if self.fetch_remote and url != self.where.url:
            found[f"remotes/{self.remote}"] = {"old": redacted(url) or None, "new": self.where.url}
        if not wanted.is_at(head) or repository.branch(git):
            found["HEAD"] = {"old": repository.branch(git) or head or None, "new": wanted.commit}
        if self.hard_reset and repository.is_changed(git):
            found["forced update"] = True
        if self.submodules and (behind := self.behind(host)):
            found["submodules"] = behind
        return found

    def apply(self, host: Host, changes: Changes) -> Done:
        """Clone or fetch, and check the commit out. Raises CommandFailed."""
        wanted: Revision = changes.mend
        if "new" in changes:
            repository.make_free(host, self.target)
            self.clone(host, f"--origin={self.remote}", "--no-checkout")
        git = self.git(host, self.target)
        about = changes.get(f"remotes/{self.remote}")
        if about is not None:
            verb = "add" if about["old"] is None else "set-url"
            git.run("remote", verb, "--", self.remote, self.where.url)
        if not repository.has_commit(git, wanted.commit):
            specs = (f"+refs/heads/*:refs/remotes/{self.remote}/*", "+refs/tags/*:refs/tags/*")
            git.run("fetch", "--no-recurse-submodules", "--", self.remote, *specs)
        if self.hard_reset and "new" not in changes:
            git.run("reset", "--hard", "--")
        force = ["--force"] if self.force_checkout or "new" in changes else []
        git.run("checkout", *force, "--detach", wanted.commit, "--")
        if self.submodules:
            self.update_submodules(host)
        shown = {**changes, "HEAD": {**changes.get("HEAD", {}), "new": repository.head(git)}}
        done = shown if "HEAD" in changes else dict(changes)
        return Done(changes=done, comment=f"Commit ID {wanted.commit} was checked out at {self.target}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"Already checked out at {self.rev}"


class Present(State, frozen=True, kw_only=True):
    """Have a repository in the directory ``name``, empty when it is made; ``bare`` as servers have it.

    Example:
        - git.present: {name: /srv/git/app.git, user: git}
    """

    force: bool = False
    bare: bool = True
    template: str | None = None
    separate_git_dir: str | None = None
    shared: str | int | None = None
    user: str | None = None

    def check(self, host: Host) -> Changes:
        """Return ``{new}`` when there is none. Raises Conflict when something else lies there."""
        directory(self.name)
        if repository.is_repository(host, self.name, self.bare):
            return Changes()
        repository.refuse_unless_free(host, self.name, self.force, "force", "initializing a repository")
        would = f"New {'bare ' if self.bare else ''}repository would be initialized at {self.name}"
        return Changes({"new": self.name}, comment=would)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Make it."""
        repository.make_free(host, self.name)
        given = {"bare": self.bare, "template": self.template, "user": self.user}
        options: dict[str, Any] = {**given, "separate_git_dir": self.separate_git_dir, "shared": self.shared}
        return Done(changes=dict(changes), comment=work.init(host, self.name, **options))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"{'Bare repository' if self.bare else 'Repository'} already exists at {self.name}"
