"""What is typed after a function's name, as values: ``a 5 k=v 'l=[1, 2]' 'd={a: b}' flag=True``.

Each word is YAML, with the exceptions Salt's users rely on: text stays text wherever reading it as YAML
would lose a part of it or turn plain words into something else.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

_NAMED = re.compile(r"([^\d\W][\w.-]*)=(?!=)(.*)")
#: The commonest words need no YAML reader, whose import alone takes longer than all else here.
_PLAIN = re.compile(r"[A-Za-z/]([ -~]*[!-~])?")
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null"})
_DIGITS_AND_UNDERSCORES = re.compile(r"[0-9_]*_[0-9_]*", re.ASCII)
#: A word longer than this, or with brackets nested deeper, is text: YAML readers are slow on such things.
_LONGEST, _DEEPEST = 1_000_000, 100
#: What opens a mapping or a list; other words that YAML reads as one (``a: b``, ``- x``) are text.
_OPENERS = {dict: "{", list: "["}


def parse(words: Iterable[str]) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and the named arguments in ``words``. Takes any words, raises nothing.

    A word is named when it is ``name=value`` on one line, the name beginning with a letter or ``_``; a later
    value of a name replaces an earlier one.
    """
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for word in words:
        found = _NAMED.fullmatch(word)
        if found is None:
            positional.append(value(word))
        else:
            named[found[1]] = value(found[2])
    return positional, named


def value(word: str) -> Any:
    """Return what one word means: a number, a boolean, None, a list, a mapping, or the word itself."""
    if word == "None":
        return None
    if _WHOLE_NUMBER.fullmatch(word):
        return int(word)
    return word if _is_plain(word) or _is_text(word) else read(word)


def read(word: str) -> Any:
    """Return what YAML makes of a word, or the word where that would change its meaning."""
    import yaml

    try:
        found = yaml.load(word, Loader=_loader())  # noqa: S506  a safe loader's child
    except (yaml.YAMLError, ValueError, RecursionError):
        return word
    return found if _keeps_the_meaning(word, found) else word


def _is_plain(word: str) -> bool:
    """Tell that YAML would only return the word as it is."""
    is_simple = _PLAIN.fullmatch(word) is not None and ":" not in word and "#" not in word
    return is_simple and word.lower() not in _YAML_WORDS


def _is_text(word: str) -> bool:
    """Tell that a word must not be read as YAML at all."""
    stripped = word.strip()
    return (
        stripped in ("", "---", "...", "|", "!", ">")
        or _DIGITS_AND_UNDERSCORES.fullmatch(stripped) is not None
        or any(character in word for character in "\t\r\n")
        or len(word) > _LONGEST
        or word.count("[") + word.count("{") > _DEEPEST
    )


def _keeps_the_meaning(word: str, found: Any) -> bool:
    if isinstance(found, dict | list):
        return word.startswith(_OPENERS[type(found)])
    if "#" in word and (found is None or isinstance(found, str)):
        return False  # the rest was lost as a comment
    return found is None or isinstance(found, bool | int | float | str)


@functools.cache
def _loader() -> type[yaml.SafeLoader]:
    """Return YAML 1.1 that knows no times, no merge keys, no aliases, and reads 0644 as 644."""
    import yaml

    class Loader(yaml.SafeLoader):
        """The safe loader, bent to what people mean on a command line."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.composer.ComposerError(None, None, "no aliases here", None)
            return super().compose_node(parent, index)

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            found = super().construct_mapping(node, deep)
            if len(found) != len(node.value):
                raise yaml.constructor.ConstructorError(None, None, "a name is there twice", node.start_mark)
            return found

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _UNREAD]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_constructor("tag:yaml.org,2002:int", _integer)
    return Loader


_UNREAD = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge")


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    """Read a number; zeros in front are for the eye, as in 0644, and do not make it octal."""
    text = str(loader.construct_scalar(node))
    if text.startswith("0") and text.replace("_", "").isdigit():
        text = text.lstrip("0_") or "0"
    node.value = text
    return loader.construct_yaml_int(node)
