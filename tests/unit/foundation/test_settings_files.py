"""A settings file is read into a struct, or the error names the line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.foundation.errors import SettingsError
from saltern.foundation.settings import duration, load


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section."""

    listen: str = "0.0.0.0:1"
    replicas: int = 1


class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file."""

    fabric: Inner = msgspec.field(default_factory=Inner)
    level: str = "info"


def written(path: Path, text: str) -> Path:
    file = path / "x.yaml"
    file.write_text(text)
    return file


def test_no_file_is_all_defaults(tmp_path: Path) -> None:
    assert load(tmp_path / "none.yaml", Outer) == Outer()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}\n"])
def test_an_empty_file_is_all_defaults(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, text), Outer) == Outer()


def test_values_are_taken(tmp_path: Path) -> None:
    found = load(written(tmp_path, "level: debug\nfabric:\n  replicas: 3\n"), Outer)
    assert found == Outer(Inner(replicas=3), "debug")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("level: info\nfabrik: {}\n", 2, "did you mean 'fabric'?"),
        ("fabric:\n\n  listne: a\n", 3, "did you mean 'listen'?"),
        ("zzz: 1\n", 1, "known: fabric, level"),
    ],
)
def test_an_unknown_key_is_named_with_its_line_and_what_was_meant(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(written(tmp_path, text), Outer)
    assert caught.value.where == f"{tmp_path}/x.yaml:{line}"
    assert caught.value.hint == says


def test_a_wrong_type_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Expected `int`, got `str`") as caught:
        load(written(tmp_path, "fabric:\n  replicas: many\n"), Outer)
    assert caught.value.where.endswith("x.yaml:2")


@pytest.mark.parametrize("text", ["a: [1\n", "a: b: c\n", "\t- x\n", "a: !!python/object:os.system {}\n"])
def test_what_is_no_safe_yaml_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        load(written(tmp_path, text), Outer)


@pytest.mark.parametrize("text", ["- a\n", "word\n", "7\n"])
def test_a_file_is_a_mapping(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        load(written(tmp_path, text), Outer)


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"level: \xff\n")
    with pytest.raises(SettingsError):
        load(tmp_path / "x.yaml", Outer)
    with pytest.raises(SettingsError):
        load(tmp_path, Outer)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (90, 90.0),
        (0.5, 0.5),
        ("90", 90.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        ("7d", 604800.0),
        (" 2W ", 1209600.0),
    ],
)
def test_durations(text: str | float, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "-5", "5 m", "m5", "1h30", "1,5h", "5y", "٣s", "nan", "inf", "1e3", "9" * 400, "5m\n6m"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a duration"):
        duration(text)


@pytest.mark.parametrize("number", [-1, -0.5, float("nan"), float("inf")])
def test_a_number_that_is_no_length_of_time(number: float) -> None:
    with pytest.raises(SettingsError, match="is not a duration"):
        duration(number)


@given(st.text(alphabet="0123456789.smhdw -+e\n", max_size=12) | st.text())
def test_a_duration_is_a_finite_length_of_time_or_an_error(text: str) -> None:
    try:
        seconds = duration(text)
    except SettingsError:
        return
    assert 0 <= seconds < float("inf")


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from("smhdw")), min_size=1, max_size=5))
def test_a_duration_is_the_sum_of_its_parts(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in parts)
    assert duration(text) == sum(duration(f"{number}{unit}") for number, unit in parts)
