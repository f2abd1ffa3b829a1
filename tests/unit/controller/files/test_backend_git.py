"""Repositories as a backend, with the real git."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern.controller.files.backend import Backend, Place, build
from saltern.controller.files.backends.git.settings import read as read_settings
from saltern.controller.files.tree import BackendTree
from saltern.foundation.errors import NotAllowed, NotFound, SettingsError, Unavailable
from saltern.testing.repository import Repository

MakeGit = Callable[..., Backend]


def read(backend: Backend, path: str, saltenv: str = "base") -> bytes:
    with backend.open(saltenv, path) as file:
        return file.read()


def fetched(backend: Backend) -> Backend:
    backend.refresh()
    return backend


def test_branches_and_tags_are_environments(repository: Repository, git: MakeGit) -> None:
    main = repository.git("rev-parse", "HEAD")
    dev = repository.branch("dev", {"a": "dev"})
    deep = repository.branch("feature/x", {"b": "x"})
    repository.git("tag", "v1")
    repository.git("tag", "-a", "v2", "-m", "two", "dev")
    backend = fetched(git(repository.url))
    assert backend.environments() == {"base": main, "dev": dev, "feature/x": deep, "v1": main, "v2": dev}
    assert read(backend, "a") == b"one"
    assert read(backend, "a", "dev") == read(backend, "a", "v2") == b"dev"
    assert set(backend.entries("feature/x")) == {"a", "b"}
    assert backend.revision("main") is None
    assert backend.shown("dev", "a") == f"origin@{dev[:10]}:a"


def test_an_entry_tells_size_mode_and_blob(repository: Repository, git: MakeGit) -> None:
    (repository.path / "run").write_text("#!/bin/sh\n")
    (repository.path / "run").chmod(0o755)
    repository.commit()
    entries = fetched(git(repository.url)).entries("base")
    assert (entries["run"].size, entries["run"].mode, entries["a"].mode) == (10, 0o755, 0o644)
    assert entries["a"].token == repository.git("rev-parse", "HEAD:a")


def test_what_is_committed_is_seen_after_the_next_refresh(repository: Repository, git: MakeGit) -> None:
    backend = fetched(git(repository.url))
    before = backend.entries("base")
    commit = repository.commit({"a": "two", "b": "new"})
    assert backend.entries("base") == before
    assert read(backend, "a") == b"one"
    backend.refresh()
    assert backend.revision("base") == commit
    assert read(backend, "a") == b"one"  # until it is listed anew
    assert set(backend.entries("base")) == {"a", "b"}
    assert read(backend, "a") == b"two"


def test_what_is_gone_there_is_gone_here(repository: Repository, git: MakeGit) -> None:
    repository.branch("dev")
    backend = fetched(git(repository.url))
    repository.git("branch", "-D", "dev")
    repository.branch("dev/x")
    backend.refresh()
    assert list(backend.environments()) == ["base", "dev/x"]


def test_history_that_was_rewritten_is_taken_over(repository: Repository, git: MakeGit) -> None:
    backend = fetched(git(repository.url))
    repository.git("commit", "--amend", "--quiet", "--message=other")
    backend.refresh()
    assert backend.revision("base") == repository.git("rev-parse", "HEAD")


def test_a_restart_serves_what_was_fetched_while_the_remote_is_gone(
    repository: Repository, git: MakeGit
) -> None:
    fetched(git(repository.url))
    repository.path.rename(repository.path.with_name("moved"))
    backend = git(repository.url)
    with pytest.raises(
        Unavailable, match=r"origin can't be fetched: .*does not appear to be a git repository"
    ):
        backend.refresh()
    assert read(backend, "a") == b"one"


def test_what_was_never_fetched_is_an_error_not_an_empty_tree(tmp_path: Path, git: MakeGit) -> None:
    backend = git(f"file://{tmp_path}/nothing")
    with pytest.raises(Unavailable, match="nothing has not been fetched yet: it has not been tried"):
        backend.environments()
    with pytest.raises(Unavailable, match="nothing can't be fetched"):
        backend.refresh()
    with pytest.raises(Unavailable, match=r"not been fetched yet: .*nothing can't be fetched"):
        BackendTree([backend]).files("base")


def test_one_remote_that_fails_keeps_no_other_from_being_fetched(
    repository: Repository, tmp_path: Path, git: MakeGit
) -> None:
    other = Repository(tmp_path / "other")
    other.commit({"b": "b"})
    fetched(git(repository.url, other.url))
    commit = repository.commit({"a": "two"})
    other.path.rename(tmp_path / "moved")
    backend = git(other.url, repository.url)
    with pytest.raises(Unavailable, match="other can't be fetched"):
        backend.refresh()
    assert backend.revision("base") == f"other {_head(tmp_path / 'moved')}, origin {commit}"
    assert (read(backend, "a"), read(backend, "b")) == (b"two", b"b")


def _head(path: Path) -> str:
    return subprocess.check_output(["git", "-C", path, "rev-parse", "HEAD"], text=True).strip()


def test_the_first_remote_that_has_a_path_gives_it(
    repository: Repository, tmp_path: Path, git: MakeGit
) -> None:
    other = Repository(tmp_path / "other")
    other.commit({"a": "not this", "sub/b": "b"})
    backend = fetched(git(repository.url, {"url": other.url, "mountpoint": "salt://deep/er"}))
    assert set(backend.entries("base")) == {"a", "deep/er/a", "deep/er/sub/b"}
    assert read(backend, "deep/er/sub/b") == b"b"
    assert backend.shown("base", "deep/er/sub/b").endswith(":sub/b")


def test_a_root_is_all_that_is_seen(repository: Repository, git: MakeGit) -> None:
    repository.commit({"states/web/init.sls": "{}", "secret": "s"})
    backend = fetched(git(repository.url, root="/states/"))
    assert set(backend.entries("base")) == {"web/init.sls"}
    assert backend.shown("base", "web/init.sls").endswith(":states/web/init.sls")
    with pytest.raises(NotFound):
        read(backend, "../secret")


def test_a_root_that_is_not_there_is_an_error(repository: Repository, git: MakeGit) -> None:
    with pytest.raises(Unavailable, match=r"origin@.*:staets is not a directory there"):
        fetched(git(repository.url, root="staets")).entries("base")


CASES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {"base": "main", "dev": "dev", "v1": "v1", "old": "old"}),
    ({"base": "dev"}, {"base": "dev", "main": "main", "v1": "v1", "old": "old"}),
    ({"ref_types": ["branch"]}, {"base": "main", "dev": "dev", "old": "old"}),
    ({"ref_types": ["tag"]}, {"v1": "v1"}),
    ({"saltenv_whitelist": ["base", "d*"]}, {"base": "main", "dev": "dev"}),
    ({"saltenv_blacklist": ["v*", "old"]}, {"base": "main", "dev": "dev"}),
    ({"saltenv": {"prod": {"ref": "v1"}}, "saltenv_whitelist": ["prod"]}, {"prod": "v1"}),
    ({"saltenv": {"prod": {"ref": "v1"}}, "disable_saltenv_mapping": True}, {"prod": "v1"}),
    ({"saltenv": {"dev": {}}, "disable_saltenv_mapping": True}, {"dev": "dev"}),
    ({"saltenv": {"base": {"ref": "dev"}}, "saltenv_whitelist": ["base"]}, {"base": "dev"}),
    ({"all_saltenvs": "old"}, {"base": "old", "dev": "old", "v1": "old", "old": "old"}),
]


@pytest.mark.parametrize(("options", "expected"), CASES)
def test_options_say_what_an_environment_is(
    repository: Repository, git: MakeGit, options: dict[str, Any], expected: dict[str, str]
) -> None:
    repository.branch("dev", {"a": "dev"})
    repository.branch("old", {"a": "old"})
    repository.commit({"a": "v1"})
    repository.git("tag", "v1")
    repository.commit({"a": "main"})
    backend = fetched(git(repository.url, **options))
    assert {name: read(backend, "a", name).decode() for name in backend.environments()} == expected


def test_a_commit_is_an_environment_when_a_branch_contains_it(repository: Repository, git: MakeGit) -> None:
    old = repository.git("rev-parse", "HEAD")
    repository.commit({"a": "two"})
    thrown_away = repository.branch("secret", {"a": "s"})
    backend = fetched(git(repository.url))
    assert read(backend, "a", old) == read(backend, "a", old[:8]) == b"one"
    assert backend.revision(old[:8]) == old
    repository.git("branch", "-D", "secret")
    backend.refresh()
    assert backend.revision(thrown_away) is None
    assert fetched(git(repository.url, ref_types=["branch"])).revision(old) is None


def test_a_fallback_serves_what_has_no_branch(repository: Repository, git: MakeGit) -> None:
    repository.branch("dev", {"a": "dev"})
    backend = fetched(git(repository.url, fallback="dev"))
    assert read(backend, "a", "whatever") == b"dev"
    assert read(backend, "a") == b"one"


def test_names_without_end_take_no_memory_without_end(repository: Repository, git: MakeGit) -> None:
    backend = fetched(git(repository.url, fallback="main"))
    for number in range(50):
        assert backend.entries(f"x{number}")
    assert len(backend._listed) <= 16  # type: ignore[attr-defined]
    assert read(backend, "a", "x0") == b"one"


@pytest.mark.parametrize(
    "options", [{"base": "prodd"}, {"saltenv": {"dev": {"ref": "prodd"}}}, {"fallback": "prodd"}]
)
def test_a_ref_in_the_options_that_is_not_there_is_an_error(
    repository: Repository, git: MakeGit, options: dict[str, Any]
) -> None:
    backend = fetched(git(repository.url, **options))
    with pytest.raises(Unavailable, match="origin has no branch, tag or commit 'prodd'"):
        backend.revision("base")
        backend.revision("dev")


def test_one_environment_may_have_its_own_root_and_mountpoint(repository: Repository, git: MakeGit) -> None:
    repository.branch("dev", {"sub/b": "b"})
    own = {"dev": {"root": "sub", "mountpoint": "x"}}
    backend = fetched(git(repository.url, saltenv=own))
    assert (set(backend.entries("base")), set(backend.entries("dev"))) == ({"a"}, {"x/b"})


def test_links_are_followed_within_the_repository_only(repository: Repository, git: MakeGit) -> None:
    repository.commit({"d/b": "b"})
    for name, target in {"in": "d/b", "dir": "d", "out": "../../x", "abs": "/etc/passwd", "no": "y"}.items():
        (repository.path / name).symlink_to(target)
    repository.commit()
    backend = fetched(git(repository.url))
    entries = backend.entries("base")
    assert {name: one.link for name, one in entries.items() if one.link and not one.token} == {
        "dir/": "d",
        "out": "../../x",
        "abs": "/etc/passwd",
        "no": "y",
    }
    assert read(backend, "in") == read(backend, "dir/b") == b"b"
    for path in ("out", "abs", "no", "dir/"):
        with pytest.raises(NotAllowed, match=f":{path} is a directory, or a link out of the repository"):
            read(backend, path)


def test_a_submodule_is_not_followed(repository: Repository, git: MakeGit) -> None:
    commit = repository.git("rev-parse", "HEAD")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},sub")
    repository.git("commit", "--quiet", "--message=x")
    assert set(fetched(git(repository.url)).entries("base")) == {"a"}


def test_a_tree_with_a_path_out_of_it_is_refused(repository: Repository, git: MakeGit) -> None:
    blob = repository.git("rev-parse", "HEAD:a")
    inner = repository.git("mktree", stdin=f"100644 blob {blob}\tpasswd\n".encode())
    tree = bytes.fromhex(inner)
    raw = b"40000 ..\0" + tree
    outer = repository.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    commit = repository.git("commit-tree", outer, "-m", "x")
    repository.git("update-ref", "refs/heads/evil", commit)
    backend = fetched(git(repository.url))
    with pytest.raises(Unavailable, match=r"'\.\./passwd' is not a path within its tree"):
        backend.entries("evil")
    assert read(backend, "a") == b"one"


def test_large_and_empty_and_binary_files_are_read_whole(repository: Repository, git: MakeGit) -> None:
    contents: dict[str, str | bytes] = {
        "large": os.urandom(6_000_000),
        "empty": b"",
        "binary": bytes(range(256)) * 9 + b"\n",
        "späce name\n": "x",
    }
    repository.commit(contents)
    backend = fetched(git(repository.url))
    for path, content in contents.items():
        assert read(backend, path) == (content.encode() if isinstance(content, str) else content)
    with backend.open("base", "large") as file:
        assert file.read(10) == contents["large"][:10]


def test_a_repository_without_commits_has_no_environments(tmp_path: Path, git: MakeGit) -> None:
    backend = fetched(git(Repository(tmp_path / "empty").url))
    assert backend.environments() == {}
    assert backend.entries("base") == {}


@pytest.mark.parametrize(
    "name", ["../x", "refs/heads/main", "--help", "HEAD", "main~0", "", "a\0b", "é" * 999]
)
def test_a_name_that_is_no_environment_is_nothing(repository: Repository, git: MakeGit, name: str) -> None:
    backend = fetched(git(repository.url))
    assert backend.revision(name) is None
    assert backend.entries(name) == {}


def test_hooks_of_the_machine_and_settings_of_the_user_do_not_count(
    repository: Repository, git: MakeGit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    hook = tmp_path / "hooks/reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    settings.write_text(f"[core]\nhooksPath = {hook.parent}\n[url '/nowhere']\ninsteadOf = file://\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    fetched(git(repository.url))
    assert not (tmp_path / "ran").exists()


def test_the_mirror_is_private_and_named_by_a_hash(
    repository: Repository, git: MakeGit, tmp_path: Path
) -> None:
    fetched(git(repository.url))
    (mirror,) = (tmp_path / "state/git").glob("*/")
    assert stat.S_IMODE((tmp_path / "state/git").stat().st_mode) == 0o700
    assert set(mirror.name) <= set("0123456789abcdef")


def test_two_that_fetch_at_once_wait_for_each_other(repository: Repository, git: MakeGit) -> None:
    backends = [git(repository.url) for _ in range(4)]
    problems: list[BaseException] = []

    def refresh(backend: Backend) -> None:
        try:
            backend.refresh()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=refresh, args=(each,)) for each in backends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert all(read(each, "a") == b"one" for each in backends)


def test_what_a_killed_fetch_has_left_is_taken_away(
    repository: Repository, git: MakeGit, tmp_path: Path
) -> None:
    backend = fetched(git(repository.url))
    (mirror,) = (tmp_path / "state/git").glob("*/")
    left = ["packed-refs.lock", "refs/heads/main.lock", "objects/pack/tmp_pack_x", "saltern-unfinished"]
    for name in left:
        (mirror / name).touch()
    (mirror / "objects/tmp_objdir-incoming-x").mkdir()
    commit = repository.commit({"a": "two"})
    backend.refresh()
    assert backend.revision("base") == commit
    assert not any((mirror / name).exists() for name in [*left, "objects/tmp_objdir-incoming-x"])


def test_a_first_fetch_that_was_killed_is_begun_again(
    repository: Repository, git: MakeGit, tmp_path: Path
) -> None:
    fetched(git(repository.url))
    (mirror,) = (tmp_path / "state/git").glob("*/")
    for name in ("HEAD", "config", "saltern-fetched"):
        (mirror / name).unlink()
    assert read(fetched(git(repository.url)), "a") == b"one"


def test_a_git_that_outlives_its_controller_keeps_the_lock(
    repository: Repository, git: MakeGit, tmp_path: Path
) -> None:
    fetched(git(repository.url))
    (lock,) = (tmp_path / "state/git").glob("*.lock")
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with subprocess.Popen(["sleep", "60"], pass_fds=[handle.fileno()]) as orphan:
            handle.close()
            with pytest.raises(Unavailable, match="another process is still fetching it"):
                git({"url": repository.url, "timeout": 0.2}).refresh()
            orphan.kill()
    git(repository.url).refresh()


def test_the_reader_is_started_again_when_it_was_killed(repository: Repository, git: MakeGit) -> None:
    backend = fetched(git(repository.url))
    read(backend, "a")
    objects = backend._repositories[0].mirror._objects  # type: ignore[attr-defined]
    objects._process.kill()
    objects._process.wait()
    assert read(backend, "a") == b"one"


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/x",
        "ext::x",
        "-oProxyCommand=x",
        "--upload-pack=touch /tmp/x",
        "ssh://-oProxyCommand=x/y",
        "ssh://host/-oProxyCommand=x",
        "-x:y",
        "host:-x",
        "git@-x:y",
        "fd::17",
        "https://a b/c",
        "https://host/a\nb",
        "ftp://host/x",
        "relative/path",
        "",
    ],
)
def test_a_url_that_is_an_option_or_a_command_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match=r"not the URL of a repository|git is spoken by"):
        build([{"git": {"remotes": [url]}}], Place(tmp_path))


@pytest.mark.parametrize(
    "url",
    [
        "git@host:path.git",
        "ssh://git@host:22/x",
        "ssh://git@[::1]:22/x",
        "https://host/x",
        "git://h/x",
        "/srv/x",
    ],
)
def test_every_usual_form_of_url_is_taken(tmp_path: Path, url: str) -> None:
    assert build([{"git": {"remotes": [url]}}], Place(tmp_path))[0].kind == "git"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs remotes"),
        (
            {"remotes": ["https://u:hunter2@host/x"]},
            "there is a user or password in the URL of https://host/x",
        ),
        ({"remotes": [{"url": "http://h/x", "password": "hunter2"}]}, "sent in clear"),
        ({"remotes": ["https://h/x"], "password": "a\nhost=evil"}, "line break"),
        ({"remotes": ["/x"], "root": "../y"}, "not a directory within a tree"),
        ({"remotes": ["/x"], "saltenv": {"dev": {"mountpoint": "a/../b"}}}, "not a directory within a tree"),
        ({"remotes": ["/x"], "update_interval": 0}, "update_interval"),
        ({"remotes": ["/x"], "passwort": "y"}, "passwort"),
    ],
)
def test_wrong_options_are_errors(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        build([{"git": options}], Place(tmp_path))
    assert "hunter2" not in str(caught.value)


def test_remotes_as_salt_has_them() -> None:
    """A list of options below the URL is the same as a mapping with the URL in it."""
    lists = yaml.safe_load("""
        - https://example.com/a.git
        - https://example.com/b.git:
          - root: states
          - mountpoint: salt://b
          - base: trunk
          - saltenv:
            - dev:
              - ref: develop
              - root: other
        - https://example.com/c.git: {name: third}
    """)
    plain = [
        {"url": "https://example.com/a.git"},
        {
            "url": "https://example.com/b.git",
            "root": "states",
            "mountpoint": "salt://b",
            "base": "trunk",
            "saltenv": {"dev": {"ref": "develop", "root": "other"}},
        },
        {"url": "https://example.com/c.git", "name": "third"},
    ]
    common = {"privkey": "/etc/key"}
    assert read_settings({"remotes": lists, **common}) == read_settings({"remotes": plain, **common})


@pytest.mark.parametrize(
    ("remote", "message"),
    [
        ({"https://h/x": "root"}, "not a list of options"),
        ({"https://h/x": [{"root": "a"}, {"root": "b"}]}, "each given once"),
        ({"https://h/x": [{"saltenv": [{"dev": ["ref"]}]}]}, "saltenv: dev: not a list"),
        ({"https://h/x": [{"passwort": "y"}]}, "passwort"),
        ({"root": [{"name": "y"}]}, "not the URL"),
    ],
)
def test_remotes_that_are_nearly_as_salt_has_them(remote: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings({"remotes": [remote]})
