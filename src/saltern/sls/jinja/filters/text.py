"""Filters on text: regular expressions, quoting, numbers in text, hashes."""

from __future__ import annotations

import fnmatch
import re
import shlex
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from jinja2 import TemplateRuntimeError

#: The name space of the UUIDs that the filter ``uuid`` gives; Salt's, so that they are the same.
_NAMESPACE = uuid.UUID("91633ebf-1c86-5e33-935a-28061f4b480e")
_SIZE = re.compile(r"([0-9.]*)\s*(.*)")
_UNITS = "bkmgtpezy"


class Raised(TemplateRuntimeError):
    """A template called ``raise``."""


def raise_(message: object) -> NoReturn:
    """End the rendering with the template's own message."""
    raise Raised(str(message))


def _flags(ignorecase: bool, multiline: bool) -> re.RegexFlag:
    return (re.IGNORECASE if ignorecase else re.NOFLAG) | (re.MULTILINE if multiline else re.NOFLAG)


def _groups(found: re.Match[str] | None) -> tuple[str | None, ...] | None:
    if found is None:
        return None
    return found.groups() or (found.group(),)


def regex_search(text: str, regex: str, ignorecase: bool = False, multiline: bool = False) -> Any:
    """Return the groups of the first place that matches (the whole match if there are none), or None."""
    return _groups(re.search(regex, text, _flags(ignorecase, multiline)))


def regex_match(text: str, regex: str, ignorecase: bool = False, multiline: bool = False) -> Any:
    """Return the groups of a match at the beginning (the whole match if there are none), or None."""
    return _groups(re.match(regex, text, _flags(ignorecase, multiline)))


def regex_replace(
    text: str, regex: str, replacement: str, ignorecase: bool = False, multiline: bool = False
) -> str:
    """Return the text with every match replaced; ``\\1`` stands for a group."""
    return re.sub(regex, replacement, text, flags=_flags(ignorecase, multiline))


def matches(text: str, regex: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    """Tell whether the text begins with a match."""
    return re.match(regex, text, _flags(ignorecase, multiline)) is not None


def to_bool(value: Any) -> bool:
    """Return what a person means: ``yes``, ``1``, ``true``, numbers above 0 and full containers are true."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str):
        return value.lower() in ("yes", "1", "true")
    if isinstance(value, int):
        return value > 0
    return value.__hash__ is None and len(value) > 0


def to_num(text: Any) -> Any:
    """Return the number that is written, or the text itself."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def to_bytes(text: str | bytes | bytearray, encoding: str = "utf-8", errors: str = "strict") -> bytes:
    """Return text as bytes."""
    return text.encode(encoding, errors) if isinstance(text, str) else bytes(text)


def is_hex(value: Any) -> bool:
    """Tell whether a text is a number in base 16."""
    try:
        int(value, 16)
    except (TypeError, ValueError):
        return False
    return True


def contains_whitespace(text: str) -> bool:
    """Tell whether any character is white space."""
    return any(char.isspace() for char in text)


def human_to_bytes(size: Any, default_unit: str = "B", handle_metric: bool = False) -> int:
    """Return the bytes of a size such as ``4 MiB``, 0 for what is none; ``handle_metric`` makes MB 10^6."""
    found = _SIZE.match(str(size).strip())
    number = to_num(found[1]) if found else ""
    unit = (found[2] if found else "").lower() or default_unit.lower()
    if isinstance(number, str) or not re.fullmatch(r"b|[kmgtpezy](?:i?b)?", unit):
        return 0
    power = _UNITS.index(unit[0])
    metric = handle_metric and re.fullmatch(r"[kmgtpezy]b", unit) is not None
    return int(number * (1000**power if metric else 1024**power))


def to_snake_case(text: str) -> str:
    """Return ``camelCase`` as ``camel_case``; letters in a row that are all large stay one word."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", text).lower()


def to_camelcase(text: str, uppercamel: bool = False) -> str:
    """Return ``snake_case`` as ``snakeCase``, or as ``SnakeCase``."""
    first, *rest = text.split("_")
    return (first.capitalize() if uppercamel else first) + "".join(word.capitalize() for word in rest)


def check_whitelist_blacklist(value: str, whitelist: Any = None, blacklist: Any = None) -> bool:
    """Tell whether a value passes: on the white list where there is one, and not on the black one."""
    white, black = _patterns(whitelist), _patterns(blacklist)
    if any(_fits(value, pattern) for pattern in black):
        return False
    return not white or any(_fits(value, pattern) for pattern in white)


def _patterns(given: str | Iterable[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())


def _fits(value: str, pattern: str) -> bool:
    """Tell whether a value fits a glob, or else a whole regular expression."""
    try:
        return fnmatch.fnmatch(value, pattern) or re.fullmatch(pattern, value) is not None
    except re.error:
        return False


def _hasher(name: str) -> Callable[[Any], str]:
    def digest(text: Any) -> str:
        import hashlib

        return hashlib.new(name, to_bytes(text), usedforsecurity=False).hexdigest()

    digest.__doc__ = f"Return the {name} of a text in hexadecimal."
    return digest


def _mac(text: Any, secret: Any) -> bytes:
    import hmac

    return hmac.digest(to_bytes(secret), to_bytes(text), "sha256")


def hmac_compute(text: Any, secret: Any) -> str:
    """Return the SHA-256 HMAC of a text in hexadecimal."""
    return _mac(text, secret).hex()


def hmac_check(text: Any, secret: Any, signature: Any) -> bool:
    """Tell whether a signature (base64) is the SHA-256 HMAC of a text."""
    import base64
    import hmac

    return hmac.compare_digest(base64.b64encode(_mac(text, secret)), to_bytes(signature))


def base64_encode(text: Any) -> str:
    """Return a text in base64."""
    import base64

    return base64.b64encode(to_bytes(text)).decode()


def base64_decode(text: Any) -> str | bytes:
    """Return what a base64 text holds: text where it is text, else bytes."""
    import base64

    data = base64.b64decode(to_bytes(text))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def uuid5(text: Any) -> str:
    """Return the UUID that belongs to a text: the same for the same text everywhere."""
    return str(uuid.uuid5(_NAMESPACE, text if isinstance(text, str) else str(text)))


def path_join(*parts: str, use_posixpath: bool = False) -> str:
    """Return the parts of a path joined; a slash at the beginning of a later part does not begin anew."""
    import posixpath

    normal = [posixpath.normpath(str(part)) for part in parts]
    if not normal:
        return ""
    return posixpath.normpath(posixpath.join(normal[0], *(part.lstrip("/") for part in normal[1:])))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "base64_decode": base64_decode,
    "base64_encode": base64_encode,
    "check_whitelist_blacklist": check_whitelist_blacklist,
    "contains_whitespace": contains_whitespace,
    "hmac": hmac_check,
    "hmac_compute": hmac_compute,
    "human_to_bytes": human_to_bytes,
    "is_hex": is_hex,
    "md5": _hasher("md5"),
    "path_join": path_join,
    "quote": shlex.quote,
    "regex_escape": re.escape,
    "regex_match": regex_match,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "sha1": _hasher("sha1"),
    "sha256": _hasher("sha256"),
    "sha512": _hasher("sha512"),
    "str_to_num": to_num,
    "to_bool": to_bool,
    "to_bytes": to_bytes,
    "to_camelcase": to_camelcase,
    "to_num": to_num,
    "to_snake_case": to_snake_case,
    "uuid": uuid5,
}
TESTS: Mapping[str, Callable[..., Any]] = {"match": matches}
GLOBALS: Mapping[str, Callable[..., Any]] = {"raise": raise_}
