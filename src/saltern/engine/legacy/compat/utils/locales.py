"""``salt.utils.locales``: names of locales."""

from __future__ import annotations


def normalize_locale(loc: str) -> str:
    """Return a locale with its character set as systems write it: ``en_US.utf8``."""
    name, dot, rest = loc.partition(".")
    charset, at, modifier = rest.partition("@")
    return f"{name}{dot}{charset.replace('-', '').lower()}{at}{modifier}"


def split_locale(loc: str) -> dict[str, str]:
    """Return a locale's parts."""
    rest, _, charmap = loc.partition(" ")
    rest, _, modifier = rest.partition("@")
    rest, _, codeset = rest.partition(".")
    language, _, territory = rest.partition("_")
    return {
        "language": language,
        "territory": territory,
        "codeset": codeset,
        "modifier": modifier,
        "charmap": charmap,
    }


def join_locale(comps: dict[str, str]) -> str:
    """Return a locale made of its parts."""
    marks = (("language", ""), ("territory", "_"), ("codeset", "."), ("modifier", "@"), ("charmap", " "))
    return "".join(f"{mark}{comps[name]}" for name, mark in marks if comps.get(name))


def sdecode(text: str | bytes) -> str:
    """Return text."""
    return text if isinstance(text, str) else text.decode()


sdecode_if_string = sdecode
