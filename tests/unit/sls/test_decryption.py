"""The renderers gpg and age, with the real programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from saltern.sdk.local import LocalHost
from saltern.sdk.secret import Secret
from saltern.sls.fault import SlsError
from saltern.sls.options import Options
from saltern.sls.renderers import render
from saltern.sls.template import Template
from saltern.sls.world import World
from saltern.testing.encrypted import AGE, GPG, AgeKey, GpgHome
from saltern.testing.sls import MemoryTree

needs_gpg = pytest.mark.skipif(not GPG, reason="gpg is not installed")
needs_age = pytest.mark.skipif(not AGE, reason="age is not installed")


@pytest.fixture(scope="module")
def gpg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GpgHome]:
    home = GpgHome(tmp_path_factory.mktemp("gpg") / "home")
    yield home
    home.close()


@pytest.fixture(scope="module")
def age(tmp_path_factory: pytest.TempPathFactory) -> AgeKey:
    return AgeKey(tmp_path_factory.mktemp("age") / "age.key")


def rendered(text: str, **opts: Any) -> Any:
    world = World(id="me", call=lambda fun: None, host=LocalHost(), opts=opts)
    tree = MemoryTree({"base": {}})
    template = Template(
        text=text, path="a.sls", shown="a.sls", saltenv="base", sls="a", world=world, tree=tree
    )
    return render(template, Options()).data


def in_yaml(message: str) -> str:
    return f"plain: text\ndeep:\n  list:\n    - |\n{indent(message, '      ')}"


@needs_gpg
def test_gpg_in_values(gpg: GpgHome) -> None:
    data = rendered(
        "#!yaml|gpg\n" + in_yaml(gpg.encrypted("pass: {{ word }}\n")), gpg_keydir=str(gpg.directory)
    )
    assert data == {"plain": "text", "deep": {"list": ["pass: {{ word }}"]}}
    assert type(data["deep"]["list"][0]) is Secret
    assert type(data["plain"]) is str
    assert "word" not in repr(data)


@needs_gpg
def test_gpg_around_text(gpg: GpgHome) -> None:
    data = rendered(f"#!gpg|yaml\n{gpg.encrypted('a: {b: 1}')}", gpg_keydir=str(gpg.directory))
    assert data == {"a": {"b": 1}}


@needs_gpg
def test_a_key_that_is_missing_is_named_with_file_and_line(gpg: GpgHome, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o700)
    with pytest.raises(SlsError) as caught:
        rendered("#!yaml|gpg\n" + in_yaml(gpg.encrypted("x")), gpg_keydir=str(empty))
    assert f"a.sls:4: a PGP message can't be decrypted: there is no secret key {gpg.key_id}" in str(
        caught.value
    )
    assert "--import" in str(caught.value)


@needs_gpg
def test_a_message_that_was_tampered_with(gpg: GpgHome) -> None:
    message = gpg.encrypted("x" * 200).splitlines()
    message[4] = message[4][::-1]
    with pytest.raises(SlsError, match=r"a\.sls:2: a PGP message can't be decrypted"):
        rendered("#!gpg|yaml\n" + "\n".join(message), gpg_keydir=str(gpg.directory))


@needs_age
def test_age_in_values(age: AgeKey) -> None:
    data = rendered("#!yaml|age\n" + in_yaml(age.encrypted("hunter2")), age_identity=str(age.file))
    assert data == {"plain": "text", "deep": {"list": ["hunter2"]}}
    assert type(data["deep"]["list"][0]) is Secret


@needs_age
def test_an_identity_that_is_missing_or_another(age: AgeKey, tmp_path: Path) -> None:
    text = "#!yaml|age\n" + in_yaml(age.encrypted("hunter2"))
    other = AgeKey(tmp_path / "other")
    for identity in (tmp_path / "none", other.file):
        with pytest.raises(SlsError, match=r"a\.sls:4: an age message can't be decrypted") as caught:
            rendered(text, age_identity=str(identity))
        assert str(identity) in str(caught.value)
