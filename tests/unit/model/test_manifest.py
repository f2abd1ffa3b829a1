"""Manifests: what goes in comes out, and a small change is a small difference."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.foundation.errors import BadMessage
from saltern.model.manifest import Item, Manifest, build, pieces_of, read_chunk, read_root

items_of = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.builds(
        Item,
        path=st.just(""),
        sha256=st.binary(min_size=32, max_size=32) | st.just(b""),
        size=st.integers(0, 2**50),
        mode=st.integers(0, 0o7777),
        link=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    ),
    max_size=60,
).map(
    lambda found: [
        Item(path, one.sha256, one.size, one.mode, one.link) for path, one in sorted(found.items())
    ]
)


def read(manifest: Manifest) -> list[Item]:
    root = read_root(manifest.blobs[manifest.sha256])
    return [item for part in root.chunks for item in read_chunk(manifest.blobs[part.sha256])]


def tree(count: int) -> list[Item]:
    paths = sorted(f"formula{number % 100}/files/{number}.conf" for number in range(count))
    return [Item(path, hashlib.sha256(path.encode()).digest(), 10) for path in paths]


@given(items_of)
def test_what_goes_in_comes_out(items: list[Item]) -> None:
    manifest = build(items)
    assert read(manifest) == items
    assert all(hashlib.sha256(data).digest() == name for name, data in manifest.blobs.items())
    assert manifest.size == len(manifest.blobs[manifest.sha256])
    assert build(items) == manifest


def test_an_edit_changes_one_chunk_and_the_root() -> None:
    items = tree(10_000)
    before = build(items)
    position = 5_000
    items[position] = Item(items[position].path, bytes(32), 11)
    new = set(build(items).blobs) - set(before.blobs)
    assert len(new) == 2
    assert sum(len(build(items).blobs[name]) for name in new) < 60_000


def test_a_new_path_changes_what_is_around_it() -> None:
    items = tree(10_000)
    before = build(items)
    after = build(sorted([*items, Item("formula50/files/new")], key=lambda item: item.path))
    assert len(set(after.blobs) - set(before.blobs)) <= 3


def test_chunks_are_bounded() -> None:
    manifest = build(tree(20_000))
    assert max(len(data) for data in manifest.blobs.values()) < 512 * 1024


def test_an_empty_tree_has_a_name_too() -> None:
    assert read(build([])) == []


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x90", b"\x92\x02\x90", b"{}", b"\x92\x01\x91\x91\x01"])
def test_what_is_no_root_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        read_root(data)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x91\xc0", b"\x91\x91\x01", b"\x91\x92\xa1a\x01"])
def test_what_is_no_chunk_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        read_chunk(data)


@pytest.mark.parametrize(("size", "count"), [(0, 1), (1, 1), (524_288, 1), (524_289, 2), (10**8, 191)])
def test_pieces(size: int, count: int) -> None:
    assert pieces_of(size) == count
