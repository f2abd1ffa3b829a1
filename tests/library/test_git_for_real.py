"""The states and functions of git against real repositories, looked at, run, and run again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from saltern.engine.call import call
from saltern.library.git.states import Cloned, ConfigSet, ConfigUnset, Detached, Latest, Present
from saltern.sdk.local import LocalHost
from saltern.testing.real_states import kept, once
from saltern.testing.repository import Repository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="the program git is not on this machine")


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "origin")
    made.commit({"a": "one"})
    return made


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalHost:
    who = {"GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.com"}
    who |= {"GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@example.com"}
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return LocalHost(environment={"PATH": os.environ["PATH"], **who, **nobody})


def latest(origin: Repository, target: Path, **options: Any) -> Latest:
    return Latest(name=origin.url, target=str(target), **options)


def content(target: Path, name: str = "a") -> str:
    return (target / name).read_text()


def test_cloned_and_brought_forward(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "there/app"
    first = origin.git("rev-parse", "HEAD")
    done = kept(host, latest(origin, target), tmp_path)
    assert done.changes == {"new": f"{origin.url} => {target}", "revision": {"old": None, "new": first}}
    second = origin.commit({"a": "two"})
    done = kept(host, latest(origin, target), tmp_path)
    assert done.changes == {"revision": {"old": first, "new": second}}
    assert done.comment == f"Repository {target} was fast-forwarded from {first[:7]} to {second[:7]}"
    assert content(target) == "two"


def test_a_tag_a_commit_and_back(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "app"
    first = origin.git("rev-parse", "HEAD")
    origin.git("tag", "-a", "-m", "x", "v1")
    second = origin.commit({"a": "two"})
    kept(host, latest(origin, target, rev="v1"), tmp_path)
    assert content(target) == "one"
    kept(host, latest(origin, target, rev=second[:12]), tmp_path)
    assert content(target) == "two"
    refused = once(host, latest(origin, target, rev="v1"), tmp_path)
    assert refused.result is False
    assert "this is not a fast-forward" in refused.comment
    done = kept(host, latest(origin, target, rev="v1", force_reset=True), tmp_path)
    assert done.changes["revision"] == {"old": second, "new": first}
    assert content(target) == "one"


def test_a_branch_under_another_name(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "app"
    origin.branch("next", {"a": "next"})
    kept(host, latest(origin, target), tmp_path)
    done = kept(host, latest(origin, target, rev="next", branch="local"), tmp_path)
    assert done.changes["local_branch"] == {"old": "main", "new": "local"}
    assert content(target) == "next"
    assert host.run("git", "-C", str(target), "rev-parse", "--abbrev-ref", "@{upstream}") == "origin/next\n"
    kept(host, latest(origin, target, branch="main", rev="main"), tmp_path)
    assert content(target) == "one"
    fresh = tmp_path / "fresh"
    kept(host, latest(origin, fresh, rev="next", branch="mine"), tmp_path)
    assert (content(fresh), host.run("git", "-C", str(fresh), "branch", "--show-current")) == (
        "next",
        "mine\n",
    )


def test_changes_of_ones_own_are_kept_unless_told(
    host: LocalHost, origin: Repository, tmp_path: Path
) -> None:
    target = tmp_path / "app"
    kept(host, latest(origin, target), tmp_path)
    (target / "a").write_text("mine")
    kept(host, latest(origin, target, force_reset="remote-changes"), tmp_path)
    assert content(target) == "mine"
    origin.commit({"a": "two"})
    refused = once(host, latest(origin, target), tmp_path)
    assert refused.result is False
    assert "there are uncommitted changes" in refused.comment
    assert content(target) == "mine"
    done = kept(host, latest(origin, target, force_reset="remote-changes"), tmp_path)
    assert done.changes["forced update"] is True
    assert content(target) == "two"
    (target / "a").write_text("mine")
    kept(host, latest(origin, target, force_reset=True), tmp_path)
    assert content(target) == "two"


def test_history_that_was_rewritten(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "app"
    origin.commit({"a": "two"})
    kept(host, latest(origin, target), tmp_path)
    origin.git("reset", "--hard", "HEAD~1")
    origin.commit({"a": "other"})
    refused = once(host, latest(origin, target), tmp_path)
    assert refused.result is False
    assert "not a fast-forward" in refused.comment
    assert content(target) == "two"
    kept(host, latest(origin, target, force_reset=True), tmp_path)
    assert content(target) == "other"


def test_tags_come_and_go(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "app"
    aside = origin.branch("aside", {"a": "aside"})
    origin.git("tag", "v0", aside)
    origin.git("branch", "-D", "aside")
    kept(host, latest(origin, target), tmp_path)
    origin.git("tag", "v1")
    origin.git("tag", "-d", "v0")
    done = kept(host, latest(origin, target), tmp_path)
    assert done.changes == {"new_tags": ["v1"], "deleted_tags": ["v0"]}
    origin.git("tag", "v2")
    assert not kept(host, latest(origin, target, fetch_tags=False), tmp_path).changes


def test_what_lies_there_already(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "app"
    target.mkdir()
    kept(host, latest(origin, target), tmp_path)
    full = tmp_path / "full"
    (full / "below").mkdir(parents=True)
    (full / "below/x").write_text("")
    refused = once(host, latest(origin, full), tmp_path)
    assert refused.result is False
    assert "'force_clone'" in refused.comment
    kept(host, latest(origin, full, force_clone=True), tmp_path)
    assert sorted(os.listdir(full)) == [".git", "a"]


def test_another_address(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "app"
    kept(host, latest(origin, target), tmp_path)
    host.run("git", "-C", str(target), "remote", "set-url", "origin", "https://me:hunter2@example.com/x")
    done = kept(host, latest(origin, target), tmp_path)
    assert done.changes == {"remotes/origin": {"old": "https://example.com/x", "new": origin.url}}
    done = kept(host, latest(origin, target, remote="upstream"), tmp_path)
    assert done.changes["remotes/upstream"] == {"old": None, "new": origin.url}


def test_shallow(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "app"
    origin.commit({"a": "two"})
    origin.git("tag", "v1")
    origin.branch("next", {"b": "x"})
    kept(host, latest(origin, target, depth=1), tmp_path)
    assert host.run("git", "-C", str(target), "rev-list", "--count", "HEAD") == "1\n"
    origin.commit({"a": "three"})
    kept(host, latest(origin, target, depth=1), tmp_path)
    assert content(target) == "three"
    kept(host, latest(origin, tmp_path / "tag", depth=1, rev="v1"), tmp_path)
    assert content(tmp_path / "tag") == "two"


def test_bare_and_mirror(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    for name, options in {"bare": {"bare": True}, "mirror": {"mirror": True}}.items():
        target = tmp_path / name
        kept(host, latest(origin, target, **options), tmp_path)
        assert not (target / "a").exists()
    origin.branch("next")
    second = origin.commit({"a": "two"})
    for name, options in {"bare": {"bare": True}, "mirror": {"mirror": True}}.items():
        target = tmp_path / name
        assert set(kept(host, latest(origin, target, **options), tmp_path).changes) == {
            "refs/heads/main",
            "refs/heads/next",
        }
        assert host.run("git", "-C", str(target), "rev-parse", "main").strip() == second
    origin.git("branch", "-D", "next")
    done = kept(host, latest(origin, tmp_path / "mirror", mirror=True), tmp_path)
    assert done.changes["refs/heads/next"]["new"] is None


def test_submodules(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    part, target = Repository(tmp_path / "part"), tmp_path / "app"
    part.commit({"p": "one"})
    origin.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", part.url, "part")
    origin.commit()
    kept(host, latest(origin, target), tmp_path)
    assert not (target / "part/p").exists()
    done = kept(host, latest(origin, target, submodules=True), tmp_path)
    assert done.changes == {"submodules": ["part"]}
    assert content(target, "part/p") == "one"
    part.commit({"p": "two"})
    origin.git("-C", "part", "pull", "--quiet")
    origin.commit()
    kept(host, latest(origin, target, submodules=True), tmp_path)
    assert content(target, "part/p") == "two"


def test_fetched_only(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "app"
    kept(host, latest(origin, target), tmp_path)
    second = origin.commit({"a": "two"})
    done = kept(host, latest(origin, target, update_head=False), tmp_path)
    assert done.changes == {"fetched": second}
    assert content(target) == "one"


def test_what_the_remote_does_not_have(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "app"
    for rev in ("nothing", "0123456789abcdef"):
        refused = once(host, latest(origin, target, rev=rev), tmp_path)
        assert refused.result is False
        assert rev in refused.comment
    gone = once(host, Latest(name=f"file://{tmp_path}/gone", target=str(target)), tmp_path)
    assert gone.result is False
    assert "git ls-remote:" in gone.comment


def test_cloned(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "app"
    origin.branch("next", {"a": "next"})
    state = Cloned(name=origin.url, target=str(target))
    assert kept(host, state, tmp_path).changes == {"new": f"{origin.url} => {target}"}
    origin.commit({"a": "two"})
    assert not kept(host, state, tmp_path).changes
    done = kept(host, Cloned(name=origin.url, target=str(target), branch="next"), tmp_path)
    assert done.changes == {"branch": {"old": "main", "new": "next"}}
    assert content(target) == "next"


def test_detached(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    target = tmp_path / "app"
    first = origin.git("rev-parse", "HEAD")
    origin.git("tag", "v1")

    def state(**options: Any) -> Detached:
        return Detached(**{"name": origin.url, "target": str(target), "rev": "v1", **options})

    done = kept(host, state(), tmp_path)
    assert done.changes["HEAD"] == {"old": None, "new": first}
    second = origin.commit({"a": "two"})
    done = kept(host, state(rev=second), tmp_path)
    assert done.changes == {"HEAD": {"old": first, "new": second}}
    kept(host, state(rev="main"), tmp_path)
    third = origin.commit({"a": "three"})
    assert kept(host, state(rev="main"), tmp_path).changes["HEAD"]["new"] == third
    (target / "a").write_text("mine")
    kept(host, state(rev="main", hard_reset=True), tmp_path)
    assert content(target) == "three"
    kept(host, state(rev=first[:10], fetch_remote=False), tmp_path)
    assert content(target) == "one"


def test_present_and_settings(host: LocalHost, tmp_path: Path) -> None:
    bare, tree_ = tmp_path / "bare.git", tmp_path / "tree"
    assert kept(host, Present(name=str(bare), shared="group"), tmp_path).changes == {"new": str(bare)}
    kept(host, Present(name=str(tree_), bare=False, template=""), tmp_path)
    repo = str(tree_)
    done = kept(host, ConfigSet(name="user.email", value="a@example.com", repo=repo), tmp_path)
    assert done.changes == {"user.email": {"old": None, "new": ["a@example.com"]}}
    done = kept(host, ConfigSet(name="user.email", multivar=["b", "c"], repo=repo), tmp_path)
    assert done.changes == {"user.email": {"old": ["a@example.com"], "new": ["b", "c"]}}
    assert not once(host, ConfigUnset(name="user.email", repo=repo), tmp_path).result
    done = kept(host, ConfigUnset(name="user.email", value_regex="b", repo=repo), tmp_path)
    assert done.changes == {"user.email": {"old": ["b"], "new": ["c"]}}
    done = kept(host, ConfigUnset(name="user\\..*", all=True, repo=repo), tmp_path)
    assert done.changes == {"user.email": {"old": ["c"], "new": None}}


def result(host: LocalHost, fun: str, *args: Any, **kwargs: Any) -> Any:
    outcome = call(host, fun, args, kwargs)
    assert outcome.error is None, outcome.error
    return json.loads(outcome.data)


def test_the_functions_on_a_day_at_work(host: LocalHost, origin: Repository, tmp_path: Path) -> None:
    cwd, bare = str(tmp_path / "work"), str(tmp_path / "bare.git")
    result(host, "git.init", bare, bare=True, opts="--initial-branch=main")
    assert result(host, "git.clone", cwd, origin.url) is True
    assert result(host, "git.remote_set", cwd, bare, remote="mine")["fetch"] == bare
    assert set(result(host, "git.remotes", cwd)) == {"origin", "mine"}
    (tmp_path / "work/b c").write_text("x")
    (tmp_path / "work/a").write_text("changed")
    assert result(host, "git.status", cwd) == {"modified": ["a"], "untracked": ["b c"]}
    assert "+changed" in result(host, "git.diff", cwd)
    assert "b c" in result(host, "git.add", cwd, "b c")
    assert "more" in result(host, "git.commit", cwd, "more")
    assert "a" in result(host, "git.discard_local_changes", cwd) or content(tmp_path / "work") == "one"
    head = result(host, "git.revision", cwd)
    assert result(host, "git.revision", cwd, short=True) == head[:7]
    result(host, "git.tag", cwd, "v1", message="one")
    assert result(host, "git.describe", cwd) == "v1"
    result(host, "git.push", cwd, "mine", "main")
    assert result(host, "git.ls_remote", cwd, "mine") == {"HEAD": head, "refs/heads/main": head}
    assert result(host, "git.remote_refs", bare, heads=True) == {"refs/heads/main": head}
    result(host, "git.branch", cwd, "next")
    assert result(host, "git.list_branches", cwd) == ["main", "next"]
    assert result(host, "git.list_tags", cwd) == ["v1"]
    result(host, "git.worktree_add", cwd, str(tmp_path / "more"), "next")
    assert result(host, "git.is_worktree", str(tmp_path / "more")) is True
    assert result(host, "git.is_worktree", cwd) is False
    assert result(host, "git.list_worktrees", cwd)[str(tmp_path / "more")]["branch"] == "next"
    assert result(host, "git.worktree_rm", str(tmp_path / "more")) is True
    assert str(tmp_path / "more") in result(host, "git.list_worktrees", cwd, stale=True)
    result(host, "git.worktree_prune", cwd)
    second = origin.commit({"o": "new"})
    found = result(host, "git.fetch", cwd, "origin")
    assert found["branches"]["origin/main"]["new"] == second
    assert result(host, "git.merge_base", cwd, ["HEAD", "origin/main"], is_ancestor=True) is False
    result(host, "git.merge", cwd, "origin/main")
    assert result(host, "git.current_branch", cwd) == "main"
    result(host, "git.checkout", cwd, "next")
    assert result(host, "git.symbolic_ref", cwd, "HEAD") == "refs/heads/next"
    result(host, "git.rebase", cwd, "main")
    result(host, "git.archive", cwd, str(tmp_path / "x.tar"), prefix="p/")
    assert "p/a" in host.run("tar", "-tf", str(tmp_path / "x.tar"))
    result(host, "git.rm", cwd, "b c")
    assert result(host, "git.status", cwd) == {"deleted": ["b c"]}
    assert "Saved" in result(host, "git.stash", cwd)
    result(host, "git.stash", cwd, "pop")
    result(host, "git.reset", cwd, opts="--hard HEAD")
    assert "up to date" in result(host, "git.pull", cwd, opts="--ff-only origin main")
    assert result(host, "git.config_set", "user.name", "me", cwd=cwd) == ["me"]
    assert result(host, "git.config_get", "user.name", cwd) == "me"
    assert result(host, "git.config_get_regexp", "user", cwd=cwd) == {"user.name": ["me"]}
    assert result(host, "git.config_unset", "user.name", cwd=cwd) is True
    assert result(host, "git.config_get", "user.name", cwd) is None
    assert result(host, "git.rev_parse", cwd, opts="--show-toplevel") == cwd
    assert result(host, "git.submodule", cwd, "status") == ""
    assert isinstance(result(host, "git.merge_tree", cwd, "HEAD", "main"), str)
    assert result(host, "git.version", versioninfo=True)[0] >= 2
