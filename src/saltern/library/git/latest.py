"""The state ``git.latest``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from saltern.library.git import repository
from saltern.library.git.address import redacted, revision
from saltern.library.git.program import Git
from saltern.library.git.repository import Refs, Remote, Revision, revision_text, short
from saltern.sdk import BadArgument, Changes, Conflict, Done, Host, Moment, NotFound


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done. ``old`` is the commit checked out, of the branch that is wanted if it is there."""

    wanted: Revision
    refs: Refs
    clone: bool = False
    changes: dict[str, Any] = {}
    old: str = ""
    forced: bool = False


class Latest(Remote, frozen=True, kw_only=True):
    """Have a repository cloned to ``target``, and be at ``rev`` as the remote has it now.

    Without ``branch`` the local branch that is checked out is moved there. What is no fast-forward, and
    changes that are not committed, are only thrown away with ``force_reset`` (``remote-changes``: only when
    there is something new). A password is neither shown nor written down; ssh servers must be known.

    Example:
        - git.latest: {name: 'https://git.example.com/app.git', target: /srv/app, rev: v1.4, user: app}
    """

    rev: str | int | float = "HEAD"
    branch: str | None = None
    update_head: bool = True
    force_checkout: bool = False
    force_clone: bool = False
    force_fetch: bool = False
    force_reset: bool | Literal["remote-changes", "remote_changes"] = False
    submodules: bool = False
    bare: bool = False
    mirror: bool = False
    remote: str = "origin"
    fetch_tags: bool = True
    sync_tags: bool = True
    depth: int | None = None
    refspec_branch: str = "*"
    refspec_tag: str = "*"

    # --- looking ----------------------------------------------------------------------------------------

    def check(self, host: Host) -> Changes:
        """Return what would change: ``new``, ``revision``, ``local_branch``, ``remotes/…``, tags, submodules.

        Raises NotFound, Conflict, CommandFailed.
        """
        rev, warnings = revision_text(self.rev)
        self._refuse_nonsense(rev)
        refs = self.refs(host)
        wanted = repository.resolved(rev, refs, self.where.url)
        if not repository.is_repository(host, self.target, self._is_bare):
            return self._cloning(host, Plan(wanted=wanted, refs=refs, clone=True), warnings)
        plan = self._found(host, wanted, refs)
        words = [self._words(plan)] if plan.changes else []
        return Changes(plan.changes, mend=plan, comment=" ".join(words), warnings=warnings)

    def _refuse_nonsense(self, rev: str) -> None:
        revision(rev)
        revision(self.remote, "remote")
        if self.branch is not None:
            revision(self.branch, "branch")
        for spec in (self.refspec_branch, self.refspec_tag):
            revision(spec.replace("*", "x"), "refspec")
        if self.depth is not None and self.depth < 1:
            raise BadArgument(f"depth = {self.depth}: a number of commits is wanted")

    def _cloning(self, host: Host, plan: Plan, warnings: tuple[str, ...]) -> Changes:
        repository.refuse_unless_free(
            host, self.target, self.force_clone, "force_clone", "cloning the remote repository"
        )
        would = f"Repository {self.where.url} would be cloned to {self.target}"
        return Changes(self._cloned(plan), mend=plan, comment=would, warnings=warnings)

    def _cloned(self, plan: Plan) -> dict[str, Any]:
        new = {"old": None, "new": plan.wanted.commit}
        return {"new": f"{self.where.url} => {self.target}", "revision": new}

    def _found(self, host: Host, wanted: Revision, refs: Refs) -> Plan:
        """Return what differs in the repository that is there. Raises Conflict for what may not be done."""
        git = self.git(host, self.target)
        changes = self._address(git) | self._tags(git, refs)
        if self._is_bare:
            return Plan(wanted=wanted, refs=refs, changes=changes | self._bare_refs(git, refs))
        if not self.update_head:
            return Plan(wanted=wanted, refs=refs, changes=changes | self._fetched(git, wanted))
        old, forced = self._base(git), False
        here = repository.branch(git)
        moves = not wanted.is_at(old)
        switches = self.branch is not None and self.branch != here
        if moves or switches or self.force_reset is True:
            forced = self._must_force(git, wanted, old, moves, switches)
        changes |= {"revision": {"old": old or None, "new": wanted.commit}} if moves else {}
        changes |= {"local_branch": {"old": here or None, "new": self.branch}} if switches else {}
        changes |= {"forced update": True} if forced else {}
        changes |= self._upstream(git, wanted)
        if self.submodules and (behind := self.behind(host)):
            changes["submodules"] = behind
        return Plan(wanted=wanted, refs=refs, changes=changes, old=old, forced=forced)

    def _must_force(self, git: Git, wanted: Revision, old: str, moves: bool, switches: bool) -> bool:
        """Tell whether something is thrown away. Raises Conflict unless it may be."""
        forward = not moves or not old or self._is_forward(git, old, wanted)
        changed = repository.is_changed(git)
        if forward and not changed:
            return False
        may = bool(self.force_reset) or (changed and forward and switches and self.force_checkout)
        if not may:
            what = "there are uncommitted changes" if changed else "this is not a fast-forward"
            raise Conflict(
                f"Repository would be updated from {short(old)} to {short(wanted.commit)}, but {what}. Set "
                "'force_reset' to True (or 'remote-changes') to force this update"
                + (" and discard these changes" if changed else "")
            )
        return True

    def _is_forward(self, git: Git, old: str, wanted: Revision) -> bool:
        """Tell whether a commit descends from another; of one that is not here that is believed for now."""
        if not repository.has_commit(git, wanted.commit):
            return True
        return git.holds("merge-base", "--is-ancestor", old, wanted.commit)

    def _base(self, git: Git) -> str:
        """Return the commit that would be moved from."""
        if self.branch is not None and self.branch != repository.branch(git):
            found = git.says("rev-parse", "--verify", "--quiet", f"refs/heads/{self.branch}")
            if found:
                return found
        return repository.head(git)

    def _address(self, git: Git) -> dict[str, Any]:
        url = git.says("config", "--get", f"remote.{self.remote}.url")
        if url == self.where.url:
            return {}
        return {f"remotes/{self.remote}": {"old": redacted(url) or None, "new": self.where.url}}

    def _tags(self, git: Git, refs: Refs) -> dict[str, Any]:
        """Return tags that are new, and those that are gone, as far as all are wanted."""
        if not self.fetch_tags or self.refspec_tag != "*" or self.mirror or self.depth:
            return {}
        local = set(git.run("for-each-ref", "--format=%(refname:strip=2)", "refs/tags").splitlines())
        new, gone = sorted(refs.tags - local), sorted(local - refs.tags) if self.sync_tags else []
        return ({"new_tags": new} if new else {}) | ({"deleted_tags": gone} if gone else {})

    def _upstream(self, git: Git, wanted: Revision) -> dict[str, Any]:
        """Return what the local branch should follow, and does not."""
        local = self.branch or repository.branch(git)
        if wanted.kind != "branch" or not local or self.refspec_branch != "*":
            return {}
        now = git.says("rev-parse", "--abbrev-ref", "--symbolic-full-name", f"{local}@{{upstream}}")
        want = f"{self.remote}/{wanted.name}"
        return {} if now == want else {"upstream": {"old": now or None, "new": want}}

    def _fetched(self, git: Git, wanted: Revision) -> dict[str, Any]:
        """Return what would be fetched, nothing being checked out."""
        if repository.has_commit(git, wanted.commit):
            return {}
        return {"fetched": wanted.commit}

    def _bare_refs(self, git: Git, refs: Refs) -> dict[str, Any]:
        told = git.run("for-each-ref", "--format=%(objectname) %(refname)")
        here = {name: found for found, _, name in (line.partition(" ") for line in told.splitlines())}
        there = {name: found for name, found in refs.commits.items() if self._is_mirrored(name)}
        names = sorted(there) if not self.mirror else sorted({*there, *filter(self._is_mirrored, here)})
        return {
            name: {"old": here.get(name), "new": there.get(name)}
            for name in names
            if here.get(name) != there.get(name)
        }

    def _is_mirrored(self, name: str) -> bool:
        if self.mirror:
            return name.startswith("refs/") and not name.endswith("^{}")
        return name.startswith("refs/heads/")

    @property
    def _is_bare(self) -> bool:
        return self.bare or self.mirror

    # --- mending ----------------------------------------------------------------------------------------

    def apply(self, host: Host, changes: Changes) -> Done:
        """Clone, or fetch and move. Raises Conflict, NotFound, CommandFailed."""
        plan: Plan = changes.mend
        if plan.clone:
            return self._make(host, plan)
        git = self.git(host, self.target)
        self._correct_address(git, changes)
        self._fetch(git, plan)
        for tag in changes.get("deleted_tags", ()):
            git.run("update-ref", "-d", f"refs/tags/{tag}")
        if not self._is_bare and self.update_head:
            self._move(git, plan)
            self._follow(git, plan.wanted)
            if self.submodules:
                self.update_submodules(host, *self._deep)
        found = dict(changes)
        if "revision" in found:
            found["revision"] = {**found["revision"], "new": repository.head(git)}
        return Done(changes=found, comment=self._words(plan, done=True))

    def _make(self, host: Host, plan: Plan) -> Done:
        repository.make_free(host, self.target)
        wanted = plan.wanted
        flags = ["--mirror"] * self.mirror or ["--bare"] * self.bare
        flags += [] if self._is_bare else [f"--origin={self.remote}"]
        named = wanted.kind == "branch" or (self.depth is not None and wanted.kind == "tag")
        flags += [f"--branch={wanted.name}"] if named and not self.mirror else []
        flags += [f"--depth={self.depth}"] if self.depth and wanted.kind != "commit" else []
        flags += [] if self.fetch_tags or self.mirror else ["--no-tags"]
        self.clone(host, *flags)
        git = self.git(host, self.target)
        if self._tags(git, plan.refs):  # of commits that no branch has
            self._fetch(git, plan)
        if not self._is_bare:
            self._first_move(git, wanted)
            if self.submodules:
                self.update_submodules(host, *self._deep)
        made = {**self._cloned(plan), "revision": {"old": None, "new": repository.head(git)}}
        return Done(changes=made, comment=f"{self.where.url} cloned to {self.target}")

    def _first_move(self, git: Git, wanted: Revision) -> None:
        """Bring a fresh clone to the revision, on the branch that is wanted."""
        self._bring(git, wanted)
        if self.branch is not None and self.branch != repository.branch(git):
            start = f"{self.remote}/{wanted.name}" if wanted.kind == "branch" else wanted.commit
            git.run("checkout", "--force", "-B", self.branch, start, "--")
        elif not wanted.is_at(repository.head(git)):
            git.run("reset", "--hard", wanted.commit, "--")
        self._follow(git, wanted)

    def _correct_address(self, git: Git, changes: Mapping[str, Any]) -> None:
        about = changes.get(f"remotes/{self.remote}")
        if about is not None:
            verb = "add" if about["old"] is None else "set-url"
            git.run("remote", verb, "--", self.remote, self.where.url)

    def _fetch(self, git: Git, plan: Plan) -> None:
        """Fetch branches and tags; a commit that none of them has by its own name."""
        flags = ["--force"] * self.force_fetch + ["--prune"] * self.mirror
        flags += ["--no-tags", "--no-recurse-submodules"]
        place = self.where.url if self._is_bare else self.remote
        git.run("fetch", *flags, "--", place, *self._refspecs(plan.wanted))
        self._bring(git, plan.wanted)

    def _refspecs(self, wanted: Revision) -> list[str]:
        """Return what is fetched: all that is wanted, of a shallow clone what is checked out alone."""
        if self.mirror:
            return ["+refs/*:refs/*"]
        branches, tags = self.refspec_branch, self.refspec_tag
        if self.depth and wanted.kind == "branch":
            branches = wanted.name
        into = f"refs/heads/{branches}" if self.bare else f"refs/remotes/{self.remote}/{branches}"
        specs = [f"+refs/heads/{branches}:{into}"]
        if self.depth:
            return [f"+refs/tags/{wanted.name}:refs/tags/{wanted.name}"] if wanted.kind == "tag" else specs
        return specs + ([f"+refs/tags/{tags}:refs/tags/{tags}"] if self.fetch_tags else [])

    def _bring(self, git: Git, wanted: Revision) -> None:
        """See that the commit is here. Raises NotFound."""
        if repository.has_commit(git, wanted.commit):
            return
        if len(wanted.commit) < 40 or not git.holds("fetch", "--no-tags", "--", self.remote, wanted.commit):
            raise NotFound(f"{self.where.url} has no commit {wanted.commit}", hint="is rev spelt right?")

    def _move(self, git: Git, plan: Plan) -> None:
        """Bring what is checked out to the commit; what was fetched may prove to be no fast-forward."""
        wanted = plan.wanted
        if self.branch is not None and self.branch != repository.branch(git):
            self._switch(git, wanted)
        now = repository.head(git)
        if wanted.is_at(now) and not plan.forced:
            return
        if now and not plan.forced:
            forced = self._must_force(git, wanted, now, moves=True, switches=False)
        else:
            forced = True
        if forced:
            git.run("reset", "--hard", wanted.commit, "--")
        else:
            git.run("merge", "--ff-only", wanted.commit)

    def _switch(self, git: Git, wanted: Revision) -> None:
        force = ["--force"] if self.force_checkout or self.force_reset else []
        if git.holds("show-ref", "--verify", "--quiet", f"refs/heads/{self.branch}"):
            git.run("checkout", *force, f"{self.branch}", "--")
        else:
            git.run("checkout", *force, "-b", f"{self.branch}", wanted.commit, "--")

    def _follow(self, git: Git, wanted: Revision) -> None:
        if "upstream" in (about := self._upstream(git, wanted)):
            git.run("branch", f"--set-upstream-to={about['upstream']['new']}")

    @property
    def _deep(self) -> list[str]:
        return [f"--depth={self.depth}"] if self.depth else []

    # --- words ------------------------------------------------------------------------------------------

    def _words(self, plan: Plan, *, done: bool = False) -> str:
        """Return what is said of a repository that was there."""
        verb = "was" if done else "would be"
        if "revision" in plan.changes:
            how = "hard-reset" if plan.forced else "fast-forwarded" if done else "updated"
            old = short(plan.old) or "nothing"
            return f"Repository {self.target} {verb} {how} from {old} to {short(plan.wanted.commit)}"
        if "local_branch" in plan.changes:
            return f"Local branch '{self.branch}' {verb} checked out in {self.target}"
        if plan.forced:
            return f"Uncommitted changes in {self.target} {'were' if done else 'would be'} discarded"
        return f"Repository {self.target} {verb} updated"

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"Repository {self.target} is up-to-date"
