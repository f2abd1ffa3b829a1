"""Hashes that a source must have, in all the forms in which people and projects write them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.library.file.cached import Cached
from saltern.library.file.origin import Digest, Fetching, expected, extracted, first, inline
from saltern.sdk import BadArgument, Conflict, NotFound, NotSupported, Unavailable
from saltern.testing.host import FakeHost

DATA = b"content"
SUMS = {name: hashlib.new(name, DATA).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")}
OTHER = "0" * 64
SHA256 = Digest("sha256", SUMS["sha256"])


@pytest.mark.parametrize("kind", SUMS)
def test_inline(kind: str) -> None:
    digest = Digest(kind, SUMS[kind])
    assert inline(SUMS[kind]) == digest
    assert inline(f"{kind}={SUMS[kind].upper()}") == digest
    assert digest.fits(DATA)
    assert not digest.fits(DATA + b".")


@pytest.mark.parametrize("written", ["md5=12", f"md5={SUMS['sha256']}", "nonsense", "sha256=" + "z" * 64])
def test_what_is_no_hash(written: str) -> None:
    with pytest.raises(BadArgument, match="source_hash"):
        inline(written)


@pytest.mark.parametrize(
    "line",
    [
        f"{SUMS['sha256']}  a.tar.gz",
        f"{SUMS['sha256']} *a.tar.gz",
        f"{SUMS['sha256']}  ./dist/a.tar.gz",
        f"SHA256 (a.tar.gz) = {SUMS['sha256']}",
        f" {SUMS['sha256']} 12345 dist/a.tar.gz",
        f"a.tar.gz: {SUMS['sha256']}",
        f"a.tar.gz={SUMS['sha256']}",
        f"a.tar.gz {SUMS['sha256']}",
    ],
)
def test_lines_of_a_file_of_hashes(line: str) -> None:
    others = f"{OTHER}  b.tar.gz\n{OTHER} *aa.tar.gz\n"
    assert extracted(f"{others}{line}\n{others}", ["/srv/a.tar.gz"]) == SHA256
    assert extracted(f"{others}{line}", ["/srv/none"]) is None


def test_the_strongest_of_several_is_taken() -> None:
    text = "\n".join(f"{digits}  a" for digits in SUMS.values())
    assert extracted(text, ["a"]) == Digest("sha512", SUMS["sha512"])


def test_a_lone_hash_is_about_everything() -> None:
    assert extracted(f"{SUMS['sha256']}\n", ["a"]) == SHA256
    assert extracted(f"{SUMS['sha256']}\n{OTHER}\n", ["a"]) is None


@given(st.text(max_size=400))
def test_whatever_stands_in_a_file_of_hashes(text: str) -> None:
    found = extracted(text, ["a"])
    assert found is None or found.digits in text.lower()


def test_a_source_of_the_web() -> None:
    pages = {
        "https://h/a": {"body": DATA},
        "https://h/SUMS": f"{SUMS['sha256']}  a\n{OTHER}  b\n",
        "https://h/gone": {"status": 404},
        "https://h/broken": {"status": 500},
    }
    host = FakeHost(web=pages)
    how = Fetching(name="/srv/x", source_hash="https://h/SUMS")
    assert first(host, "https://h/a", how) == ("https://h/a", DATA)
    assert first(host, ["https://h/gone", {"https://h/a": SUMS["md5"]}], Fetching(name="x", skip_verify=True))
    assert expected(host, "https://h/z", "https://h/SUMS", Fetching(name="x", source_hash_name="a")) == SHA256
    for url, error in {
        "https://h/gone": NotFound,
        "https://h/broken": Unavailable,
        "https://none/": Unavailable,
        "ftp://h/a": NotSupported,
        "relative": BadArgument,
    }.items():
        with pytest.raises(error):
            first(host, url, Fetching(name="x", skip_verify=True))
    with pytest.raises(Conflict, match="not 0000"):
        first(host, {"https://h/a": OTHER}, Fetching(name="x"))
    with pytest.raises(NotFound, match="has no hash of"):
        first(host, "https://h/gone", Fetching(name="zz", source_hash="https://h/SUMS"))


@pytest.mark.parametrize(
    "url", ["http://../x", "http://h/../../x", "http://h/%2e%2e/x", "http://h//etc/passwd"]
)
def test_a_copy_lies_below_its_place(url: str) -> None:
    host = FakeHost(web={url: "x"}, directories=["/var/lib/saltern/agent/data"])
    state = Cached(name=url, skip_verify=True)
    state.apply(host, state.check(host))
    (path,) = host.files
    assert path.startswith("/var/lib/saltern/agent/data/cached/base/")
    assert ".." not in path.split("/")
