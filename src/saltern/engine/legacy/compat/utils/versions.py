"""``salt.utils.versions``: versions compared, and warnings of what goes."""

from __future__ import annotations

import itertools
import logging
import operator
import re
from typing import Any

_log = logging.getLogger(__name__)
_OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class LooseVersion:
    """A version: numbers and words, compared part by part, a word being less than a number."""

    def __init__(self, vstring: str | None = None) -> None:
        """Take the version's text."""
        self.vstring = str(vstring or "")
        parts = [one for one in re.split(r"(\d+|[a-z]+|\.)", self.vstring) if one and one != "."]
        self.version: list[Any] = [int(one) if one.isdigit() else one for one in parts]

    def __str__(self) -> str:
        return self.vstring

    def __repr__(self) -> str:
        return f"LooseVersion ('{self}')"

    def __hash__(self) -> int:
        return hash(tuple(self.version))

    def __eq__(self, other: object) -> bool:
        return self._against(other) == 0

    def __lt__(self, other: object) -> bool:
        return self._against(other) < 0

    def __le__(self, other: object) -> bool:
        return self._against(other) <= 0

    def __gt__(self, other: object) -> bool:
        return self._against(other) > 0

    def __ge__(self, other: object) -> bool:
        return self._against(other) >= 0

    def _against(self, other: object) -> int:
        theirs = other if isinstance(other, LooseVersion) else LooseVersion(str(other))
        for mine, one in itertools.zip_longest(self.version, theirs.version):
            first, second = _weight(mine), _weight(one)
            if first != second:
                return -1 if first < second else 1
        return 0


StrictVersion = Version = LooseVersion


def _weight(part: Any) -> tuple[int, Any]:
    """Nothing is less than a word, a word less than a number."""
    return (0, 0) if part is None else (2, part) if isinstance(part, int) else (1, part)


def version_cmp(pkg1: str, pkg2: str, ignore_epoch: bool = False) -> int | None:
    """Return -1, 0 or 1 as one version is less than, as great as, or greater than another."""
    (epoch, first), (other, second) = _apart(pkg1), _apart(pkg2)
    if epoch != other and not ignore_epoch:
        return -1 if epoch < other else 1
    return LooseVersion(first)._against(LooseVersion(second))


def _apart(version: str) -> tuple[int, str]:
    """Return the epoch, 0 where none is written, and the rest."""
    epoch, colon, rest = str(version).partition(":")
    return (int(epoch), rest) if colon and epoch.isdigit() else (0, str(version))


def compare(
    ver1: str = "", oper: str = "==", ver2: str = "", cmp_func: Any = None, ignore_epoch: bool = False
) -> bool:
    """Tell whether two versions stand to each other as an operator says."""
    found = (cmp_func or version_cmp)(ver1, ver2)
    return found is not None and oper in _OPERATORS and bool(_OPERATORS[oper](found, 0))


def warn_until(version: Any, message: str, *args: Any, **kwargs: Any) -> None:
    """Say in the log that something will go."""
    _log.warning("%s", message.format(version=version) if "{version" in message else message)


warn_until_date = warn_until


def kwargs_warn_until(kwargs: Any, version: Any, *args: Any, **more: Any) -> None:
    """Say in the log that some arguments will go."""
    if kwargs:
        _log.warning("arguments that will go: %s", ", ".join(map(str, kwargs)))


def check_boto_reqs(**kwargs: Any) -> bool:
    """Tell whether boto3 can be imported."""
    import importlib.util

    return importlib.util.find_spec("boto3") is not None
