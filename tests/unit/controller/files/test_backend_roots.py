"""Directories as a backend: many roots, links, what is no file, what changes meanwhile."""

from __future__ import annotations

import os
import socket
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from saltern.controller.files.backend import BACKENDS, Backend, Backends, Place, build
from saltern.controller.files.backends.roots import Roots
from saltern.controller.files.ignore import Ignoring
from saltern.controller.files.tree import BackendTree
from saltern.foundation.errors import Conflict, NotAllowed, NotFound, SettingsError, Unavailable
from saltern.sls.tree import Tree


def lay(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def read(backend: Backend, path: str, saltenv: str = "base") -> bytes:
    with backend.open(saltenv, path) as file:
        return file.read()


def roots(*paths: Path) -> Roots:
    return Roots({"base": [str(path) for path in paths]})


def test_the_first_root_that_has_a_path_gives_it(tmp_path: Path) -> None:
    first, second = lay(tmp_path / "1", a="one"), lay(tmp_path / "2", a="two", b__c="three")
    backend = roots(first, second)
    assert {path: entry.size for path, entry in backend.entries("base").items()} == {"a": 3, "b/c": 5}
    assert read(backend, "a") == b"one"
    assert read(backend, "b/c") == b"three"
    assert backend.shown("base", "b/c") == str(second / "b/c")


def test_modes_and_empty_directories_are_told(tmp_path: Path) -> None:
    lay(tmp_path, run="").joinpath("run").chmod(0o750)
    (tmp_path / "deep/empty").mkdir(parents=True)
    entries = roots(tmp_path).entries("base")
    assert entries["run"].mode == 0o750
    assert set(entries) == {"run", "deep/empty/"}
    assert entries["deep/empty/"].token == ""


def test_a_token_stays_until_the_content_changes(tmp_path: Path) -> None:
    here = Path(__file__)
    backend = roots(here.parent)
    before = backend.entries("base")[here.name].token
    assert backend.entries("base")[here.name].token == before
    lay(tmp_path, a="x")
    os.utime(tmp_path / "a", ns=(1_000_000_000, 1_000_000_000))
    before = roots(tmp_path).entries("base")["a"].token
    (tmp_path / "a").write_text("y")
    assert roots(tmp_path).entries("base")["a"].token.partition("~")[0] != before.partition("~")[0]


def test_a_file_changed_a_moment_ago_has_a_token_that_never_comes_again(tmp_path: Path) -> None:
    lay(tmp_path, a="x")
    backend = roots(tmp_path)
    assert backend.entries("base")["a"].token != backend.entries("base")["a"].token


def test_links_within_stay_links_and_lead_to_content(tmp_path: Path) -> None:
    lay(tmp_path, real__a="x", real__sub__b="yy")
    (tmp_path / "file").symlink_to("real/a")
    (tmp_path / "absolute").symlink_to(tmp_path / "real/a")
    (tmp_path / "directory").symlink_to("real")
    backend = roots(tmp_path)
    entries = backend.entries("base")
    assert entries["file"].link == "real/a"
    assert entries["directory/"].link == "real"
    assert {"directory/a", "directory/sub/b"} <= set(entries)
    assert read(backend, "file") == read(backend, "absolute") == read(backend, "directory/a") == b"x"
    assert read(backend, "directory/sub/b") == b"yy"


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside/secret", "nowhere", "link"])
def test_a_link_out_or_to_nothing_has_no_content(tmp_path: Path, target: str) -> None:
    lay(tmp_path / "outside", secret="s")
    lay(tmp_path / "root", a="x")
    (tmp_path / "root/link").symlink_to(target)
    backend = roots(tmp_path / "root")
    assert (backend.entries("base")["link"].link, backend.entries("base")["link"].token) == (target, "")
    with pytest.raises(NotAllowed, match=r"link is a link to .*, which is not a file beneath"):
        read(backend, "link")
    with pytest.raises(NotAllowed, match="not in its tree"):
        BackendTree([backend]).read("base", "link")


def test_a_link_to_a_directory_outside_shows_nothing_of_it(tmp_path: Path) -> None:
    lay(tmp_path / "outside", secret="s")
    lay(tmp_path / "root", a="x")
    (tmp_path / "root/out").symlink_to(tmp_path / "outside")
    assert set(roots(tmp_path / "root").entries("base")) == {"a", "out"}


def test_a_file_exchanged_for_a_link_out_after_the_listing_is_not_read(tmp_path: Path) -> None:
    lay(tmp_path / "outside", a="s")
    root = lay(tmp_path / "root", d__a="x")
    backend = roots(root)
    backend.entries("base")
    (root / "d").rename(root / "e")
    (root / "d").symlink_to(tmp_path / "outside")
    with pytest.raises(Conflict, match="d/a has become something else"):
        read(backend, "d/a")


def test_pipes_sockets_and_devices_are_neither_listed_nor_opened(tmp_path: Path) -> None:
    root = lay(tmp_path, a="x")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(root / "socket"))
    (root / "null").symlink_to("/dev/null")
    (root / "proc").symlink_to("/proc/self/mem")
    backend = roots(root)
    assert {path for path, entry in backend.entries("base").items() if entry.token} == {"a"}
    (root / "a").unlink()
    os.mkfifo(root / "a")
    with pytest.raises(Conflict, match="something else than a file"):
        read(backend, "a")


def test_directories_that_link_in_a_circle_end(tmp_path: Path) -> None:
    lay(tmp_path, d__a="x")
    (tmp_path / "d/up").symlink_to("..")
    (tmp_path / "d/self").symlink_to(".")
    assert set(roots(tmp_path).entries("base")) == {"d/a", "d/up/", "d/self/"}


def test_links_that_multiply_are_bounded(tmp_path: Path) -> None:
    for number in range(12):
        lay(tmp_path / f"{number}", a="x")
        for other in range(12):
            (tmp_path / f"{number}/to{other}").symlink_to(f"../{other}")
    with pytest.raises(Unavailable, match="links to directories make more than 100000 paths"):
        roots(tmp_path).entries("base")


def test_a_root_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=f"the file root {tmp_path}/gone is not there") as caught:
        roots(lay(tmp_path / "1", a="x"), tmp_path / "gone").entries("base")
    assert "make the directory" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    root = lay(tmp_path, a="x")
    (root / "a").chmod(0)
    with pytest.raises(Unavailable, match="a can't be read: Permission denied"):
        read(roots(root), "a")


def test_a_root_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    lay(tmp_path, a="x")
    with pytest.raises(Unavailable, match="a can't be read: Not a directory"):
        roots(tmp_path / "a").entries("base")


def test_a_name_that_is_not_utf8_is_an_error_that_names_it(tmp_path: Path) -> None:
    lay(tmp_path, a="x")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).write_text("")
    with pytest.raises(Unavailable, match="a name that is not UTF-8"):
        roots(tmp_path).entries("base")


def test_a_file_changed_after_it_was_listed_is_a_conflict(tmp_path: Path) -> None:
    backend = roots(lay(tmp_path, a="x"))
    backend.entries("base")
    (tmp_path / "a").write_text("other")
    with pytest.raises(Conflict, match="a was changed while it was read"):
        read(backend, "a")


def test_a_file_changed_while_it_is_read_is_a_conflict_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1_000_000)
    os.utime(tmp_path / "a", ns=(1_000_000_000, 1_000_000_000))
    backend = roots(tmp_path)
    with backend.open("base", "a") as file:
        file.read(10)
        with (tmp_path / "a").open("r+b") as other:
            other.seek(900_000)
            other.write(b"y")
        with pytest.raises(Conflict):
            file.read()


def test_a_path_nobody_has_is_not_found(tmp_path: Path) -> None:
    backend = roots(lay(tmp_path / "root", a="x"))
    lay(tmp_path, secret="s")
    for path in ("b", "../secret", f"{tmp_path}/secret", "", "a/", "a\0"):
        with pytest.raises(NotFound):
            read(backend, path)


def test_one_root_serves_any_environment_that_has_a_directory(tmp_path: Path) -> None:
    lay(tmp_path, envs__dev__states__a="x", envs__empty__b="", envs__base__states__a="not this", base__a="y")
    backend = Roots({"base": [f"{tmp_path}/base"], "__env__": [f"{tmp_path}/envs/__env__/states"]})
    assert list(backend.environments()) == ["base", "dev"]
    assert (read(backend, "a", "dev"), read(backend, "a")) == (b"x", b"y")
    for name in ("empty", "prod", "__env__", "../envs/dev", "dev/.", "..", ""):
        assert backend.revision(name) is None
        assert backend.entries(name) == {}


def test_the_name_may_be_a_part_of_a_directory(tmp_path: Path) -> None:
    lay(tmp_path, **{"states-dev__a": "x", "other__a": "y"})
    backend = Roots({"__env__": [f"{tmp_path}/states-__env__"]})
    assert list(backend.environments()) == ["dev"]


def test_settings_make_it(tmp_path: Path) -> None:
    (backend,) = build([{"roots": {"base": str(tmp_path)}}], Place(tmp_path))
    assert (backend.kind, backend.interval, backend.environments()) == ("roots", 0.0, {"base": ""})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rots": {}}, r"backends\[0\]: there is no file backend 'rots'"),
        ({"roots": {}}, r"backends\[0\]\.roots: needs directories"),
        ({"roots": {"base": ["srv/salt"]}}, "'srv/salt' is not an absolute path"),
        ({"roots": {"base": [3]}}, "Expected `str`, got `int`"),
        ({"roots": {}, "git": {}}, "a backend is one name with its options"),
    ],
)
def test_wrong_settings_are_errors_that_name_the_backend(
    tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        build([settings], Place(tmp_path))


def test_every_built_in_kind_can_be_made_of() -> None:
    for name in BACKENDS.names():
        assert callable(BACKENDS.get(name))


def made_elsewhere(options: dict[str, list[str]], place: Place) -> Backend:
    return Roots({"other": options["directories"]})


def test_a_distribution_adds_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "its_module", SimpleNamespace(make=made_elsewhere))
    point = metadata.EntryPoint("elsewhere", "its_module:make", "saltern.files")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == "saltern.files" else [])
    lay(tmp_path, a="x")
    settings = [{"elsewhere": {"directories": [str(tmp_path)]}}]
    (backend,) = build(settings, Place(tmp_path), backends=Backends())
    assert read(backend, "a", "other") == b"x"
    assert "elsewhere" in Backends().names()


def test_what_the_settings_ignore_is_not_served(tmp_path: Path) -> None:
    lay(tmp_path, **{"a": "x", "a.swp": "", ".git__config": "", "d__b.swp": ""})
    backend = Ignoring(roots(tmp_path), ["*.swp"], [r"(^|/)\.git(/|$)"])
    assert set(backend.entries("base")) == {"a"}
    with pytest.raises(NotFound, match="the settings ignore it"):
        read(backend, ".git/config")
    with pytest.raises(SettingsError, match="not a regular expression"):
        Ignoring(roots(tmp_path), [], ["("])


def test_a_tree_of_backends_tells_directories_and_links(tmp_path: Path) -> None:
    lay(tmp_path, a__b__c="x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("a")
    tree: Tree = BackendTree([roots(tmp_path)])
    assert tree.directories("base") == ["a", "a/b", "empty", "link", "link/b"]
    assert tree.links("base") == {"link": "a"}
    assert tree.files("base") == ["a/b/c", "link/b/c"]
    with pytest.raises(Unavailable, match="not copied"):
        tree.cached("base", "a/b/c")


def test_backends_are_one_tree(tmp_path: Path) -> None:
    first = roots(lay(tmp_path / "1", a="one"))
    second = Roots({"base": [str(lay(tmp_path / "2", a="two", b="three"))], "dev": [f"{tmp_path}/2"]})
    tree = BackendTree([first, second])
    assert tree.environments() == ["base", "dev"]
    assert tree.files("base") == ["a", "b"]
    one, two = tree.read("base", "a"), tree.read("dev", "a")
    assert one is not None
    assert two is not None
    assert (one.data, one.shown, two.data) == (b"one", str(tmp_path / "1/a"), b"two")
    assert tree.read("base", "c") is None
    assert tree.has_environment("dev")
    assert not tree.has_environment("prod")
    with pytest.raises(NotAllowed, match="leaves the tree"):
        tree.read("base", "../1/a")
