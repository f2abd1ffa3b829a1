"""Versions of Python packages, compared as PEP 440 has it."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from saltern.sdk import BadArgument

_VERSION = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|rc|c)[-_.]?(?P<pre_number>\d*))?"
    r"(?:-(?P<implicit>\d+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_number>\d*))?"
    r"(?:[-_.]?(?P<dev>dev)[-_.]?(?P<dev_number>\d*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.IGNORECASE | re.ASCII,
)
_STAGES = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "rc": 2, "c": 2, "pre": 2, "preview": 2}


class Version(msgspec.Struct, frozen=True, order=True):
    """A version; two that mean the same are equal."""

    epoch: int
    release: tuple[int, ...]
    pre: tuple[float, int]
    post: int
    dev: float
    local: tuple[tuple[int, int, str], ...] = ()

    @property
    def public(self) -> Version:
        """The version without what a packager appended after ``+``."""
        return msgspec.structs.replace(self, local=())


def version(text: str) -> Version:
    """Return the version that a text writes. Raises BadArgument."""
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        raise BadArgument(f"{text!r} is no version of a Python package", hint="write 1.2.3")
    part = found.groupdict()
    release = tuple(int(one) for one in part["release"].split("."))
    while len(release) > 1 and release[-1] == 0:
        release = release[:-1]
    is_post = part["implicit"] is not None or part["post"] is not None
    return Version(
        int(part["epoch"] or 0),
        release,
        _stage(part, is_post),
        int(part["implicit"] or part["post_number"] or 0) if is_post else -1,
        int(part["dev_number"] or 0) if part["dev"] else math.inf,
        _local(part["local"]),
    )


def _stage(part: Mapping[str, str | None], is_post: bool) -> tuple[float, int]:
    """Return where before or after the release itself it stands: 1.0.dev1 is before 1.0a1."""
    if part["pre"]:
        return _STAGES[part["pre"].lower()], int(part["pre_number"] or 0)
    return (-math.inf if part["dev"] and not is_post else math.inf), 0


def _local(text: str | None) -> tuple[tuple[int, int, str], ...]:
    words = re.split(r"[-_.]", text.lower()) if text else []
    return tuple((1, int(word), "") if word.isdigit() else (0, 0, word) for word in words)


def satisfies(installed: str, specifiers: tuple[tuple[str, str], ...]) -> bool:
    """Tell whether a version is one that all of some ``(operator, version)`` allow. Raises BadArgument."""
    return all(_is_allowed(installed, sign, wanted) for sign, wanted in specifiers)


def _is_allowed(installed: str, sign: str, wanted: str) -> bool:
    if sign == "===":
        return installed.lower() == wanted.lower()
    if not _VERSION.fullmatch(installed):
        return False
    if wanted.endswith(".*") and sign in ("==", "!="):
        return _has_prefix(installed, wanted[:-2]) is (sign == "==")
    have, want = version(installed), version(wanted)
    if sign in ("==", "!="):
        same = (have if want.local else have.public) == want
        return same is (sign == "==")
    if sign == "~=":
        if "." not in wanted:
            raise BadArgument(f"~={wanted}: at least two numbers are wanted", hint="write ~=1.4")
        stem = re.match(r"v?(\d+!)?[\d.]+", wanted)
        return have.public >= want and _has_prefix(
            installed, stem[0].strip(".").rpartition(".")[0] if stem else wanted
        )
    return _COMPARED[sign](have, want)


def _has_prefix(installed: str, prefix: str) -> bool:
    have, want = version(installed), version(prefix)
    wanted = tuple(int(one) for one in prefix.lower().removeprefix("v").rpartition("!")[2].split("."))
    padded = have.release + (0,) * (len(wanted) - len(have.release))
    return have.epoch == want.epoch and padded[: len(wanted)] == wanted


def _is_less(have: Version, want: Version) -> bool:
    """Tell whether it is before, not counting the pre-releases of what it shall be before."""
    released = msgspec.structs.replace(have, pre=(math.inf, 0), dev=math.inf, local=())
    return have < want and released != want


def _is_more(have: Version, want: Version) -> bool:
    """Tell whether it is after, not counting the post-releases and builds of what it shall be after."""
    plain = msgspec.structs.replace(have, post=-1, dev=math.inf, local=())
    return have.public > want and plain != want


_COMPARED: Mapping[str, Callable[[Version, Version], bool]] = {
    ">=": lambda have, want: operator.ge(have.public, want),
    "<=": lambda have, want: operator.le(have.public, want),
    "<": _is_less,
    ">": _is_more,
}


def sorted_versions(texts: list[str]) -> list[str]:
    """Return versions, oldest first; what is no version comes before all."""

    def key(text: str) -> Any:
        return (1, version(text)) if _VERSION.fullmatch(text) else (0, text)

    return sorted(texts, key=key)
