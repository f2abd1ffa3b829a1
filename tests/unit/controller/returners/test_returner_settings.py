"""Settings of returners: what is wrong is named, and what is secret is not."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import pytest

from saltern.controller.returners import RETURNERS, Kind, Secret, build, kind_of
from saltern.foundation.errors import SettingsError

GOOD: dict[str, dict[str, Any]] = {
    "elasticsearch": {"url": "http://es:9200", "username": "u", "password": "hunter2"},
    "file": {"path": "/tmp/returns.jsonl"},
    "kafka": {"servers": ["127.0.0.1:1"], "options": {"sasl.password": "hunter2"}},
    "nats": {"url": "nats://127.0.0.1:1", "username": "u", "password": "hunter2"},
    "redis": {"url": "redis://127.0.0.1:1/0", "password": "hunter2"},
    "sql": {"url": "postgresql://u:hunter2@host/db?password=hunter2"},
    "syslog": {"to": "udp://127.0.0.1:514"},
    "webhook": {"url": "https://h/x?key=hunter2", "headers": {"A": "hunter2"}, "secret": "hunter2"},
}


def test_each_kind_is_tried() -> None:
    assert GOOD.keys() == RETURNERS.keys()


@pytest.mark.parametrize("kind", sorted(RETURNERS))
def test_secrets_are_in_nothing_that_is_printed(kind: str) -> None:
    settings, returner = build("there", {"kind": kind, **GOOD[kind]})
    assert "hunter2" not in returner.address
    assert "hunter2" not in repr(returner)
    if kind not in ("webhook",):  # its URL is no secret by itself, and is shown without the query
        assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("kind", sorted(RETURNERS))
def test_a_typo_names_the_setting_and_what_there_is(kind: str) -> None:
    with pytest.raises(SettingsError) as caught:
        build("there", {"kind": kind, **GOOD[kind], "functoins": ["*"]})
    assert caught.value.where == "controller.yaml: returners.there"
    assert "functoins" in caught.value.message
    assert "functions" in caught.value.hint


@pytest.mark.parametrize("kind", sorted(RETURNERS))
def test_the_reference_names_every_setting_of_every_kind(kind: str) -> None:
    text = (Path(__file__).parents[4] / "docs/reference/returners.md").read_text()
    missing = [name for name in kind_of(kind).settings.__struct_fields__ if f"`{name}`" not in text]
    assert missing == []
    assert f"`{kind}`" in text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no kind of returner ''"),
        ({"kind": "redsi"}, "no kind of returner 'redsi'"),
        ({"kind": "os:system"}, "no kind of returner"),
        ({"kind": "file"}, "path"),
        ({"kind": "file", "path": "relative"}, "absolute"),
        ({"kind": "file", "path": "/x", "batch": 0}, "batch"),
        ({"kind": "file", "path": "/x", "largest": 2**30}, "largest"),
        ({"kind": "file", "path": "/x", "keep": "soon"}, "duration"),
        ({"kind": "file", "path": 5}, "path"),
        ({"kind": "webhook", "url": "ftp://x"}, "http://"),
        ({"kind": "webhook", "url": "http://u:p@x"}, "password"),
        ({"kind": "redis", "url": "redis://u:p@x"}, "password"),
        ({"kind": "redis", "url": "http://x"}, "redis://"),
        ({"kind": "nats", "url": "nats://u:p@x"}, "password"),
        ({"kind": "nats", "url": "http://x"}, "nats://"),
        ({"kind": "syslog", "to": "tcp://x"}, "tcp://host:601"),
        ({"kind": "syslog", "to": "udp://x:99999999"}, "udp://host:514"),
        ({"kind": "syslog", "facility": "kern"}, "facility"),
        ({"kind": "sql", "url": "nonsense hunter2"}, "not a database address"),
        ({"kind": "kafka", "servers": ["x:1"], "options": {"no.such.option": "1"}}, "no.such.option"),
        ({"kind": "webhook", "url": "http://x", "secret": {"file": "/does/not/exist"}}, "cannot be read"),
        ({"kind": "webhook", "url": "http://x", "secret": ["x"]}, "a secret is"),
    ],
)
def test_what_is_wrong_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        build("there", given)
    assert "returners.there" in caught.value.where
    assert "hunter2" not in str(caught.value)


def test_a_secret_from_a_file_and_how_it_prints(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2\nsecond line\n")
    given = {"kind": "webhook", "url": "http://x", "secret": {"file": str(file)}}
    settings, _ = build("there", given)
    assert settings.secret.reveal() == "hunter2"  # type: ignore[attr-defined]
    assert f"{Secret('x')} {Secret('x')!r} {Secret('')!r}" == "'****' '****' ''"


def test_a_kind_of_ones_own_comes_through_the_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "mine"

        def load(self) -> object:
            return found[0]

    found: list[object] = [kind_of("file")]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Point()])
    assert isinstance(kind_of("mine"), Kind)
    found[0] = print
    with pytest.raises(SettingsError, match="not a Kind"):
        kind_of("mine")
