"""What a sweep compares, without a host."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern.testing.lab import why_not
from saltern.testing.lab_host import described
from saltern.testing.lab_sweep import Case, Then, differences, read_case


def test_what_differs_by_path() -> None:
    assert differences({"a": "1", "b": "1"}, {"b": "2", "c": "1"}) == {
        "a": ("1", ""),
        "b": ("1", "2"),
        "c": ("", "1"),
    }


def test_a_description_tells_every_change(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("a")
    os.utime(path, (1, 1))
    first = described(path)
    path.write_text("b")
    os.utime(path, (1, 1))
    assert described(path) != first  # the content alone
    path.write_text("a")
    assert described(path) != first  # the time alone
    os.utime(path, (1, 1))
    assert described(path) == first
    path.chmod(0o600)
    assert described(path) != first
    assert described(tmp_path / "none") == ""
    assert described(path / "below a file") == ""


def test_a_case_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "good").write_text("{sls: {a: {file.absent: [{name: /x}]}}, then: {always: [a]}}")
    assert read_case(tmp_path / "good") == Case(
        sls={"a": {"file.absent": [{"name": "/x"}]}}, then=Then(always=("a",))
    )
    (tmp_path / "bad").write_text("{sls: {}, then: {alwais: [a]}}")
    with pytest.raises(ValueError, match="alwais"):
        read_case(tmp_path / "bad")


def test_who_is_not_root_hears_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert why_not() == "lab hosts need root"
