"""Which of two versions is newer: as dpkg, rpm, apk and pacman each see it. Values in, values out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from itertools import zip_longest

from saltern.sdk import BadArgument

#: Returns -1, 0 or 1: the first is older, equal, newer.
Compare = Callable[[str, str], int]

_COMPARISON = re.compile(r"\s*(>=|<=|==|!=|<>|<|>|=)\s*(\S.*)", re.ASCII)


def split_epoch(version: str) -> tuple[int, str]:
    """Return a version's epoch (0 when it has none) and the rest."""
    epoch, colon, rest = version.partition(":")
    return (int(epoch), rest) if colon and epoch.isdecimal() else (0, version)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _compare(one: object, other: object) -> int:
    return bool(one > other) - bool(one < other)  # type: ignore[operator]


# --- dpkg ----------------------------------------------------------------------------------------------


def debian(one: str, other: str) -> int:
    """Compare as dpkg does: epoch, upstream version, revision; ``~`` sorts before the end."""
    (epoch1, rest1), (epoch2, rest2) = split_epoch(one), split_epoch(other)
    if epoch1 != epoch2:
        return _compare(epoch1, epoch2)
    upstream1, _, revision1 = rest1.rpartition("-") if "-" in rest1 else (rest1, "", "")
    upstream2, _, revision2 = rest2.rpartition("-") if "-" in rest2 else (rest2, "", "")
    return _debian_part(upstream1, upstream2) or _debian_part(revision1, revision2)


_DEBIAN_PART = re.compile(r"(\D*)(\d*)", re.ASCII)


def _debian_part(one: str, other: str) -> int:
    for (text1, number1), (text2, number2) in zip_longest(
        _DEBIAN_PART.findall(one), _DEBIAN_PART.findall(other), fillvalue=("", "")
    ):
        order = _debian_text(text1, text2) or _compare(int(number1 or 0), int(number2 or 0))
        if order:
            return order
    return 0


def _debian_text(one: str, other: str) -> int:
    for letter1, letter2 in zip_longest(one, other, fillvalue=""):
        order = _compare(_debian_weight(letter1), _debian_weight(letter2))
        if order:
            return order
    return 0


def _debian_weight(letter: str) -> int:
    if letter == "~":
        return -1
    if letter == "":
        return 0
    return ord(letter) if letter.isalpha() else ord(letter) + 256


# --- rpm and pacman ------------------------------------------------------------------------------------


def rpm(one: str, other: str) -> int:
    """Compare as rpm does: epoch, version, release if both have one; ``~`` before the end, ``^`` after."""
    (epoch1, rest1), (epoch2, rest2) = split_epoch(one), split_epoch(other)
    if epoch1 != epoch2:
        return _compare(epoch1, epoch2)
    version1, _, release1 = rest1.partition("-")
    version2, _, release2 = rest2.partition("-")
    order = _rpm_part(version1, version2)
    return order if order or not (release1 and release2) else _rpm_part(release1, release2)


_RPM_WORD = re.compile(r"[0-9]+|[A-Za-z]+|~|\^", re.ASCII)


def _rpm_part(one: str, other: str) -> int:
    if one == other:
        return 0
    for word1, word2 in zip_longest(_RPM_WORD.findall(one), _RPM_WORD.findall(other)):
        order = _rpm_word(word1, word2)
        if order:
            return order
    return 0


def _rpm_word(one: str | None, other: str | None) -> int:
    """Compare two words; None is the end."""
    for mark, before in (("~", -1), ("^", 1)):
        if mark in (one, other):
            if one == other:
                return 0
            if mark == "^":  # after the end, before anything else
                missing = other if one == mark else one
                before = 1 if missing is None else -1
            return before if one == mark else -before
    if one is None or other is None:
        return 1 if other is None else -1
    if one[0].isdecimal() != other[0].isdecimal():
        return 1 if one[0].isdecimal() else -1
    return _compare(int(one), int(other)) if one[0].isdecimal() else _compare(one, other)


# --- apk -----------------------------------------------------------------------------------------------

_APK = re.compile(
    r"(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<letter>[a-z]?)(?P<suffixes>(?:_[a-z]+[0-9]*)*)(?:-r(?P<release>[0-9]+))?",
    re.ASCII,
)
_APK_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)", re.ASCII)
_APK_ORDER = {"alpha": -4, "beta": -3, "pre": -2, "rc": -1, "cvs": 1, "svn": 2, "git": 3, "hg": 4, "p": 5}


def apk(one: str, other: str) -> int:
    """Compare as apk does: ``1.2.3b_rc1-r2``. What is no such version sorts before all that are."""
    key1, key2 = _apk_key(one), _apk_key(other)
    if key1 is None or key2 is None:
        return _compare((key1 is not None, one), (key2 is not None, other)) if key1 != key2 else 0
    return _compare(key1, key2)


def _apk_key(version: str) -> tuple[object, ...] | None:
    found = _APK.match(version)
    if found is None:
        return None
    first, *rest = found["numbers"].split(".")
    numbers = [(int(first), "")] + [_apk_number(number) for number in rest]
    suffixes = [
        (_APK_ORDER.get(word, 0), int(number or 0)) for word, number in _APK_SUFFIX.findall(found["suffixes"])
    ]
    return numbers, found["letter"], [*suffixes, (0, 0)], int(found["release"] or 0)


def _apk_number(text: str) -> tuple[int, str]:
    """A part with a leading zero is compared as a fraction, so before all those without."""
    return (-1, text) if text.startswith("0") and len(text) > 1 else (int(text), "")


# --- what is wanted ------------------------------------------------------------------------------------


def satisfies(version: str, wanted: str, compare: Compare, *, ignore_epoch: bool = False) -> bool:
    """Tell whether a version is one of those wanted.

    ``wanted`` is a version, one with ``*`` in it, or comparisons divided by commas (``>=1.2, <2``). Without
    an epoch of its own it is compared without the other's when ``ignore_epoch`` is set. Raises BadArgument.
    """
    return all(_holds(version, part, compare, ignore_epoch) for part in wanted.split(","))


def _holds(version: str, wanted: str, compare: Compare, ignore_epoch: bool) -> bool:
    operator, value = parse(wanted)
    if ignore_epoch and not split_epoch(value)[0]:
        version = split_epoch(version)[1]
    if operator in ("=", "==") and ("*" in value or "?" in value or "[" in value):
        return fnmatchcase(version, value)
    order = compare(version, value)
    return {
        "=": order == 0,
        "==": order == 0,
        "!=": order != 0,
        "<>": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[operator]


def parse(wanted: str) -> tuple[str, str]:
    """Return the operator and the version of one comparison. Raises BadArgument."""
    found = _COMPARISON.fullmatch(wanted.strip())
    operator, value = found.groups() if found else ("=", wanted.strip())
    if not value or value[0] in "<>=!" or any(letter.isspace() for letter in value):
        raise BadArgument(f"{wanted!r} is no version", hint="1.2.3, 1.2*, or comparisons: '>=1.2,<2'")
    return operator, value


def is_exact(wanted: str) -> bool:
    """Tell whether ``wanted`` names one version and no more."""
    return "," not in wanted and parse(wanted)[0] in ("=", "==") and not set(wanted) & set("*?[")


def newest(versions: Sequence[str], compare: Compare) -> str:
    """Return the newest of some versions, "" of none."""
    best = ""
    for version in versions:
        if not best or compare(version, best) > 0:
            best = version
    return best
