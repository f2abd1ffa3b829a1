"""Repositories as apt's files write them, and the keys they are signed with."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.library.pkg.repositories import aptlists, keys
from saltern.library.pkg.repositories.entry import Entry, parse_line, parse_stanza, required
from saltern.sdk import BadArgument, Conflict
from saltern.testing.host import FakeHost

WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-./", min_size=1, max_size=12)
ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from(["deb", "deb-src"]),
    uri=WORD.map(lambda word: f"https://example.com/{word}"),
    suite=WORD,
    components=st.lists(WORD, max_size=3).map(tuple),
    options=st.sampled_from([(), (("arch", "amd64,arm64"),), (("signed-by", "/k.gpg"), ("arch", "amd64"))]),
    disabled=st.booleans(),
)


@given(ENTRIES)
def test_a_line_is_read_as_it_was_written(entry: Entry) -> None:
    assert parse_line(entry.line) == entry


@given(ENTRIES)
def test_a_stanza_is_read_as_it_was_written(entry: Entry) -> None:
    (found,) = parse_stanza(entry.stanza)
    assert found == entry


@given(st.lists(ENTRIES, max_size=4), ENTRIES, st.sampled_from(["x.list", "x.sources"]))
def test_put_in_and_taken_out(others: list[Entry], entry: Entry, path: str) -> None:
    text = ""
    for other in others:
        text = aptlists.with_entry(path, text, other)
    there = aptlists.with_entry(path, text, entry)
    assert entry in aptlists.parse(path, there)
    assert aptlists.with_entry(path, there, entry) == there
    left = aptlists.parse(path, aptlists.without(path, there, entry))
    assert {one.place for one in left} == {one.place for one in others} - {entry.place}


@pytest.mark.parametrize("line", ["", "# deb http://x y z", "deb", "deb http://x", "rpm http://x y z"])
def test_what_is_no_repository(line: str) -> None:
    with pytest.raises(BadArgument):
        required(line)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, str]:
    """Return a real key with and without armor, and its fingerprint."""
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not on this machine")
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)

    def gpg(*words: str) -> bytes:
        argv = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", *words]
        return subprocess.run(argv, check=True, capture_output=True).stdout

    try:
        gpg("--passphrase", "", "--quick-generate-key", "t@example.com", "ed25519", "sign", "never")
        listed = gpg("--with-colons", "--fingerprint").decode()
        fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
        return gpg("--armor", "--export"), gpg("--export"), fingerprint
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


def test_a_key_with_and_without_armor(key: tuple[bytes, bytes, str]) -> None:
    armored, plain, fingerprint = key
    assert keys.binary(armored) == plain
    assert keys.binary(keys.armored(plain)) == plain
    assert keys.fitting("/k.gpg", armored) == plain
    assert keys.fitting("/k.asc", armored) == armored
    assert keys.fingerprints(armored)[0] == fingerprint
    assert keys.binary(keys.together([armored, plain])) == plain + plain


def test_only_the_key_asked_for_is_taken(key: tuple[bytes, bytes, str], tmp_path: Path) -> None:
    armored, _, fingerprint = key
    address = "https://keys.example.com/pks/lookup?op=get&options=mr&search=0x"
    host = FakeHost(web={f"{address}{fingerprint}": armored, f"{address}{'0' * 40}": armored})
    assert keys.from_keyserver(host, fingerprint, "keys.example.com") == armored
    with pytest.raises(Conflict, match="another key"):
        keys.from_keyserver(host, "0" * 40, "keys.example.com")


@given(st.binary(max_size=200))
def test_what_is_no_key_is_refused(data: bytes) -> None:
    with contextlib.suppress(BadArgument):  # and nothing else
        keys.fingerprints(data)
