"""The states of git against servers that want passwords, send us elsewhere, or mean ill."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from saltern.library.git.states import Latest
from saltern.sdk import Command, Finished
from saltern.sdk.local import LocalHost
from saltern.testing.git_web import Web, serving
from saltern.testing.real_states import kept, once
from saltern.testing.repository import Repository

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("git") is None, reason="the program git is not on this machine"),
]
SECRET = "hunter2'$(touch x)\"\\ %s@/:"


class Watched(LocalHost):
    """This machine; ``words`` are all that stood in programs' arguments."""

    def __init__(self, home: Path) -> None:
        super().__init__(environment={"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"})
        self.settings_file = home / "gitconfig"
        self.settings_file.write_text("")
        self.set_environment("GIT_CONFIG_GLOBAL", str(self.settings_file))
        self.words: list[str] = []

    def execute(self, command: Command) -> Finished:
        self.words.extend(command.argv)
        return super().execute(command)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # put back after the test
    return Watched(tmp_path)


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "origin")
    made.commit({"a": "one"})
    return made


def state(name: str, tmp_path: Path, **options: Any) -> Latest:
    return Latest(name=name, target=str(tmp_path / "app"), **options)


def everything(path: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(path.rglob("*")) if one.is_file())


@pytest.mark.parametrize("in_the_address", [False, True])
def test_a_password_is_written_nowhere(
    host: Watched, origin: Repository, tmp_path: Path, in_the_address: bool
) -> None:
    from urllib.parse import quote

    with serving(Web(tmp_path, password=SECRET)) as web:
        if in_the_address:
            url = f"{web.url}/origin".replace("://", f"://git:{quote(SECRET, safe='')}@")
            wanted = state(url, tmp_path)
        else:
            wanted = state(f"{web.url}/origin", tmp_path, https_user="git", https_pass=SECRET)
        done = [kept(host, wanted, tmp_path / "app")]
        origin.commit({"a": "two"})
        done.append(kept(host, wanted, tmp_path / "app"))
        assert (tmp_path / "app/a").read_text() == "two"
    assert host.words
    assert not any("hunter2" in word for word in host.words)
    assert b"hunter2" not in everything(tmp_path / "app")
    assert "hunter2" not in repr([(one.changes, one.comment) for one in done])


def test_a_wrong_password_is_not_told(host: Watched, origin: Repository, tmp_path: Path) -> None:
    with serving(Web(tmp_path, password="right")) as web:
        refused = once(
            host, state(f"{web.url}/origin", tmp_path, https_user="git", https_pass="hunter2"), tmp_path
        )
        assert (refused.result, "Authentication failed" in refused.comment) == (False, True)
        assert "hunter2" not in refused.comment
        refused = once(host, state(f"{web.url}/origin", tmp_path), tmp_path)
        assert "https_user" in refused.comment
    assert not (tmp_path / "app").exists()


def test_where_we_are_sent_the_password_does_not_go(
    host: Watched, origin: Repository, tmp_path: Path
) -> None:
    with serving(Web(tmp_path, password="hunter2")) as thief:
        with serving(Web(tmp_path, elsewhere=thief.url)) as web:
            wanted = state(f"{web.url}/origin", tmp_path, https_user="git", https_pass="hunter2")
            assert once(host, wanted, tmp_path).result is False
            assert thief.seen
            assert set(thief.seen) == {""}


@pytest.mark.parametrize(
    "url",
    [
        "ext::touch {}",
        "--upload-pack=touch {}",
        "file://{}/part",
        "{}/part",
        "ssh://-oProxyCommand=touch {}/x",
    ],
)
def test_submodules_that_mean_ill(host: Watched, origin: Repository, tmp_path: Path, url: str) -> None:
    marker = tmp_path / "marker"
    part = Repository(tmp_path / "marker-part")
    part.commit({"p": "x"})
    marker_or_part = str(marker)
    if "part" in url:
        (tmp_path / "marker").mkdir()
        part.path.rename(tmp_path / "marker/part")
    named = url.format(marker_or_part)
    origin.commit({".gitmodules": f'[submodule "part"]\n\tpath = part\n\turl = "{named}"\n'})
    commit = origin.git("rev-parse", "HEAD")
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{commit},part")
    origin.git("commit", "--quiet", "-m", "x")
    with serving(Web(tmp_path)) as web:
        done = once(host, state(f"{web.url}/origin", tmp_path, submodules=True), tmp_path / "app")
    assert done.result is False, done
    assert not marker.is_file()
    assert not (tmp_path / "app/part/p").exists()


def test_hooks_of_a_template_do_not_run(host: Watched, origin: Repository, tmp_path: Path) -> None:
    hook = tmp_path / "template/hooks/post-checkout"
    hook.parent.mkdir(parents=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    host.settings_file.write_text(f"[init]\n\ttemplateDir = {tmp_path}/template\n")
    with serving(Web(tmp_path)) as web:
        assert once(host, state(f"{web.url}/origin", tmp_path), tmp_path / "app").result
    assert (tmp_path / "app/.git/hooks/post-checkout").exists()
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_does_not_work_in_what_belongs_to_another(
    host: Watched, origin: Repository, tmp_path: Path
) -> None:
    wanted = state(origin.url, tmp_path)
    kept(host, wanted, tmp_path / "app")
    (tmp_path / "app/.git/config").write_text(f"[core]\n\tfsmonitor = touch {tmp_path}/ran\n")
    for one in [tmp_path / "app", *(tmp_path / "app").rglob("*")]:
        os.chown(one, 65534, 65534)
    refused = once(host, wanted, tmp_path / "app")
    assert (refused.result, "user:" in refused.comment) == (False, True)
    assert not (tmp_path / "ran").exists()
