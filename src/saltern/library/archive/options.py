"""The options of tar and unzip that are understood, as rules for unpacking."""

from __future__ import annotations

import shlex

import msgspec

from saltern.sdk import BadArgument, NotSupported


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How to unpack. ``members`` are the paths wanted, all when there are none."""

    strip: int = 0
    exclude: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    permissions: bool = False  # set-user-id bits, devices and pipes too
    absolute: bool = False  # links may lead out of the directory
    owners: bool = True  # those in the archive, as root
    numeric: bool = False
    times: bool = True
    junk_paths: bool = False


_TAR_LETTERS = frozenset("xvzjJaZfpPmo")
_TAR_WORDS: dict[str, dict[str, bool]] = {
    "preserve-permissions": {"permissions": True},
    "same-permissions": {"permissions": True},
    "absolute-names": {"absolute": True},
    "no-same-owner": {"owners": False},
    "same-owner": {"owners": True},
    "numeric-owner": {"numeric": True},
    "touch": {"times": False},
}
#: What is so anyway.
_TAR_PLAIN = frozenset(
    [
        *("gzip", "bzip2", "xz", "lzma", "zstd", "ungzip", "auto-compress", "extract", "get", "verbose"),
        *("overwrite", "no-overwrite-dir", "unlink-first", "no-same-permissions", "delay-directory-restore"),
        *("no-acls", "no-selinux", "no-xattrs", "wildcards", "no-wildcards"),
    ]
)
_TAR_LETTER_RULES = {
    "p": {"permissions": True},
    "P": {"absolute": True},
    "o": {"owners": False},
    "m": {"times": False},
}
_ZIP_LETTERS = frozenset("oqjnuUx")


def rules(options: str | None, kind: str, strip: int | None = None) -> Rules:
    """Return the rules that options of tar or unzip come to. Raises BadArgument, NotSupported."""
    try:
        words = shlex.split(options or "")
    except ValueError as error:
        raise BadArgument(f"options = {options!r} can't be split into words: {error}") from None
    found = _of_zip(words) if kind == "zip" else _of_tar(words)
    return found if strip is None else msgspec.structs.replace(found, strip=strip)


def _of_tar(words: list[str]) -> Rules:
    made: dict[str, object] = {}
    exclude: list[str] = []
    members: list[str] = []
    rest = iter(enumerate(words))
    for position, word in rest:
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and name in ("strip-components", "strip", "exclude", "warning"):
            value = value if equals else next(rest, (0, ""))[1]
            if name == "exclude":
                exclude.append(value.strip("/"))
            elif name != "warning":
                made["strip"] = _number(value)
        elif word.startswith("--"):
            if equals or name not in {*_TAR_WORDS, *_TAR_PLAIN}:
                raise _not_served(word, "tar")
            made |= _TAR_WORDS.get(name, {})
        elif word.startswith("-") or (position == 0 and set(word) <= _TAR_LETTERS):
            for letter in word.removeprefix("-"):
                if letter not in _TAR_LETTERS:
                    raise _not_served(f"-{letter}", "tar")
                made |= _TAR_LETTER_RULES.get(letter, {})
        else:
            members.append(word.strip("/"))
    return msgspec.convert({**made, "exclude": exclude, "members": members}, Rules)


def _of_zip(words: list[str]) -> Rules:
    exclude: list[str] = []
    members: list[str] = []
    excluding = junk = False
    for word in words:
        if word.startswith("-"):
            wrong = set(word[1:]) - _ZIP_LETTERS
            if wrong:
                raise _not_served(f"-{min(wrong)}", "unzip")
            junk, excluding = junk or "j" in word, excluding or "x" in word
        else:
            (exclude if excluding else members).append(word.strip("/"))
    return Rules(exclude=tuple(exclude), members=tuple(members), junk_paths=junk)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise BadArgument(f"strip-components = {text!r} is no number")
    return int(text)


def _not_served(option: str, program: str) -> NotSupported:
    return NotSupported(
        f"options: {option} of {program} is not served here",
        hint="those that are: see archive.extracted in the documentation; or use cmd.run",
    )
