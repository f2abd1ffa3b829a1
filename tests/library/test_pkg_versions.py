"""Which version is newer: beside dpkg itself, and as rpm's and apk's own tests have it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.library.pkg import versions
from saltern.sdk import BadArgument

UPSTREAM = st.text("0123456789abz.+~", min_size=1, max_size=8).map(lambda text: f"1{text}")
DEBIAN = st.builds(
    lambda epoch, upstream, revision: f"{epoch}{upstream}{revision}",
    st.sampled_from(["", "0:", "1:"]),
    UPSTREAM,
    st.sampled_from(["", "-1", "-0ubuntu1", "-1~bpo12+1"]),
)


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is not on this machine")
@settings(max_examples=60, deadline=None)
@given(DEBIAN, DEBIAN)
def test_as_dpkg_does(one: str, other: str) -> None:
    found = versions.debian(one, other)
    relation = {-1: "lt", 0: "eq", 1: "gt"}[found]
    done = subprocess.run(["dpkg", "--compare-versions", one, relation, other], check=False)
    assert done.returncode == 0, (one, relation, other)


@pytest.mark.parametrize("compare", [versions.debian, versions.rpm, versions.apk])
@settings(max_examples=200, deadline=None)
@given(DEBIAN, DEBIAN, DEBIAN)
def test_an_order(compare: versions.Compare, one: str, two: str, three: str) -> None:
    if compare is versions.rpm:  # to which a version without a release is equal to that with any
        one, two, three = (version.replace("-", ".") for version in (one, two, three))
    assert compare(one, one) == 0
    assert compare(one, two) == -compare(two, one)
    if compare(one, two) <= 0 and compare(two, three) <= 0:
        assert compare(one, three) <= 0


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("1.0", "1.0", 0),
        ("1.0", "2.0", -1),
        ("2.0.1", "2.0", 1),
        ("2.0.1a", "2.0.1", 1),
        ("5.5p1", "5.5p10", -1),
        ("10xyz", "10.1xyz", -1),
        ("xyz10", "xyz10.1", -1),
        ("xyz.4", "8", -1),
        ("1.0010", "1.9", 1),
        ("1.05", "1.5", 0),
        ("1.0~rc1", "1.0", -1),
        ("1.0~rc1", "1.0~rc2", -1),
        ("1.0^", "1.0", 1),
        ("1.0^git1", "1.0.1", -1),
        ("1.0^git1", "1.01", -1),
        ("1.0~rc1^git1", "1.0~rc1", 1),
        ("1:1.0", "2.0", 1),
        ("1.0-1", "1.0-2", -1),
        ("1.0", "1.0-2", 0),
    ],
)
def test_as_rpm_does(one: str, other: str, found: int) -> None:
    assert versions.rpm(one, other) == found
    assert versions.rpm(other, one) == -found


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("2.34", "0.1.0_alpha", 1),
        ("0.1.0_alpha", "0.1.0", -1),
        ("1.0_p10-r0", "1.0_p9-r0", 1),
        ("1.2.3-r1", "1.2.3-r10", -1),
        ("0.1.0_rc2", "0.1.0", -1),
        ("0.1.0_p1", "0.1.0", 1),
        ("4.0-r1", "4", 1),
        ("3.0c", "3.0b", 1),
        ("1.2", "1.10", -1),
    ],
)
def test_as_apk_does(one: str, other: str, found: int) -> None:
    assert versions.apk(one, other) == found
    assert versions.apk(other, one) == -found


@pytest.mark.parametrize(
    ("version", "wanted", "good"),
    [
        ("1.22.1-9", "1.22*", True),
        ("1.22.1-9", ">=1.22,<1.23", True),
        ("1.22.1-9", ">=1.22,<1.22.1", False),
        ("1:1.22", ">2", True),
        ("1.22.1-9", "!=1.22.1-9", False),
        ("1.22.1-9", " == 1.22.1-9 ", True),
    ],
)
def test_satisfies(version: str, wanted: str, good: bool) -> None:
    assert versions.satisfies(version, wanted, versions.debian) is good


def test_an_epoch_that_is_not_said_may_be_ignored() -> None:
    assert not versions.satisfies("1:9.18", "9.18", versions.debian)
    assert versions.satisfies("1:9.18", "9.18", versions.debian, ignore_epoch=True)
    assert not versions.satisfies("1:9.18", "2:9.18", versions.debian, ignore_epoch=True)


@pytest.mark.parametrize("wanted", ["", ">=", "1 2", ">= 1 2"])
def test_what_is_no_version(wanted: str) -> None:
    with pytest.raises(BadArgument):
        versions.satisfies("1", wanted, versions.debian)
