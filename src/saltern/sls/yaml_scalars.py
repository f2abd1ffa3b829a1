"""What the scalars of YAML 1.1 mean, as PyYAML reads them and as Salt's users rely on it.

A number with a zero in front keeps its digits: ``0644`` is 644.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

_BOOLEANS = {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}


def _boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError("neither true nor false") from None


def _integer(text: str) -> int:
    if text.startswith("0") and not text.startswith(("0b", "0x")):
        text = text.lstrip("0") or "0"
    digits = text.replace("_", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if digits.startswith("0b"):
        return sign * int(digits[2:], 2)
    if digits.startswith("0x"):
        return sign * int(digits[2:], 16)
    if digits.startswith("0") and digits != "0":
        return sign * int(digits, 8)
    if ":" in digits:
        return sign * int(_sexagesimal(digits))
    return sign * int(digits)


def _float(text: str) -> float:
    digits = text.replace("_", "").lower()
    sign = -1.0 if digits.startswith("-") else 1.0
    digits = digits.lstrip("+-")
    if digits == ".inf":
        return sign * float("inf")
    if digits == ".nan":
        return float("nan")
    return sign * (_sexagesimal(digits) if ":" in digits else float(digits))


def _sexagesimal(digits: str) -> float:
    value: float = 0
    for part in digits.split(":"):
        value = value * 60 + float(part)
    return value


def _binary(text: str) -> bytes:
    try:
        data = text.encode("ascii")
        return base64.decodebytes(data + b"=" * (-len(data) % 4))
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError(str(error)) from None


#: What makes a value of a text, by the last part of the YAML tag. They raise ValueError.
CONVERTERS: Mapping[str, Callable[[str], Any]] = {
    "int": _integer,
    "float": _float,
    "bool": _boolean,
    "null": lambda text: None,
    "binary": _binary,
}
