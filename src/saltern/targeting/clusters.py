"""Range clusters: named sets of names, kept in YAML files, and the range expressions that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from saltern.foundation.errors import SettingsError, nearest
from saltern.targeting import nodeset, ranges
from saltern.targeting.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

_LARGEST_FILE = 16 << 20
_DEEPEST = 100


class Clusters:
    """Clusters by name; each has sections by name; each section is range expressions, united."""

    def __init__(self, sections: Mapping[str, Mapping[str, str | Sequence[str]]]) -> None:
        self._sections = {
            cluster: {name: [text] if isinstance(text, str) else list(text) for name, text in named.items()}
            for cluster, named in sections.items()
        }

    def expand(self, text: str, names: Callable[[], Iterable[str]] = tuple) -> set[str]:
        """Return the names a range expression yields. ``names`` gives those of all agents.

        Raises TargetError for an unknown or circular cluster, and for more than ``nodeset.LIMIT`` names.
        """
        return _Expansion(self, names).text(text)

    def names(self) -> list[str]:
        """Return the clusters' names, sorted."""
        return sorted(self._sections)

    def section(self, cluster: str, section: str) -> list[str] | None:
        """Return the expressions of a section, None if the cluster or the section is not there.

        The section ``KEYS`` is the names of all sections; ``CLUSTER`` is empty where it is not written.
        """
        named = self._sections.get(cluster)
        if named is None:
            return None
        if section == "KEYS":
            return [nodeset.quoted(key) for key in sorted(named)]
        return named.get(section, [] if section == "CLUSTER" else None)

    def keys(self, cluster: str) -> list[str]:
        """Return the names of a cluster's sections, sorted; none for an unknown cluster."""
        return sorted(self._sections.get(cluster, ()))


class _Expansion:
    """One expression's evaluation; each section is evaluated once."""

    def __init__(self, clusters: Clusters, names: Callable[[], Iterable[str]]) -> None:
        self._clusters = clusters
        self._names = names
        self._known: dict[tuple[str, str], set[str]] = {}
        self._open: list[str] = []

    def text(self, text: str) -> set[str]:
        """Return the names an expression yields."""
        found = self._names_of(ranges.parse(text), text)
        if len(found) > nodeset.LIMIT:
            raise TargetError(f"more than {nodeset.LIMIT:,} names", text)
        return found

    def _names_of(self, node: ranges.Node, text: str) -> set[str]:
        match node:
            case ranges.Word():
                return _word(node, text)
            case ranges.Joined():
                return self._joined(node, text)
            case ranges.Search():
                return set(ranges.search(node.pattern).filter(self._names()))
            case ranges.Others():
                return set(self._names()) - self._names_of(node.part, text)
            case ranges.Combined():
                return self._combined(node, text)
            case ranges.Call():
                return self._call(node, text)

    def _combined(self, node: ranges.Combined, text: str) -> set[str]:
        """Unite, subtract or intersect; a ``/pattern/`` on the right looks at the names on the left."""
        steps: list[ranges.Combined] = []
        left: ranges.Node = node
        while isinstance(left, ranges.Combined):
            steps.append(left)
            left = left.left
        found = self._names_of(left, text)
        for step in reversed(steps):
            if isinstance(step.right, ranges.Search) and step.operator != ",":
                right = set(ranges.search(step.right.pattern).filter(found))
            else:
                right = self._names_of(step.right, text)
            found = _OPERATIONS[step.operator](found, right)
        return found

    def _joined(self, node: ranges.Joined, text: str) -> set[str]:
        found = {""}
        for part in node.parts:
            choices = self._names_of(part, text) or {""}
            if len(found) * len(choices) > nodeset.LIMIT:
                raise TargetError(f"more than {nodeset.LIMIT:,} names", text)
            found = {head + tail for head in found for tail in choices}
        return found

    def _call(self, node: ranges.Call, text: str) -> set[str]:
        arguments = [self._names_of(argument, text) for argument in node.arguments]
        match node.function:
            case "allclusters":
                return set(self._clusters.names())
            case "has":
                return {
                    name for name in self._clusters.names() if self._have(name, arguments[0], arguments[1])
                }
            case "mem":
                return {
                    key for name in arguments[0] for key in self._with_any(name, arguments[1], node, text)
                }
            case "clusters":
                return {
                    name for name in self._clusters.names() if self._have(name, {"CLUSTER"}, arguments[0])
                }
            case "groups":
                return self._with_any("GROUPS", arguments[0], node, text)
            case "group":
                arguments = [{f"GROUPS:{name}" for name in arguments[0]}]
        found: set[str] = set()
        for name in arguments[0]:
            cluster, _, section = name.partition(":")
            found |= self._section(cluster, section or "CLUSTER", node, text)
        return found

    def _have(self, cluster: str, sections: set[str], wanted: set[str]) -> bool:
        """Tell whether any of these sections of a cluster, where it has them, holds any name wanted."""
        return any(
            not wanted.isdisjoint(self._evaluated(cluster, section, written))
            for section in sections
            if (written := self._clusters.section(cluster, section)) is not None
        )

    def _with_any(self, cluster: str, wanted: set[str], node: ranges.Call, text: str) -> set[str]:
        """Return the sections of a cluster that hold any name wanted."""
        self._section(cluster, "KEYS", node, text)
        return {key for key in self._clusters.keys(cluster) if self._have(cluster, {key}, wanted)}

    def _section(self, cluster: str, section: str, node: ranges.Call, text: str) -> set[str]:
        written = self._clusters.section(cluster, section)
        if written is not None:
            return self._evaluated(cluster, section, written)
        if cluster in self._clusters.names():
            fault = f"the cluster {cluster!r} has no section {section!r}"
            hint = nearest(section, self._clusters.keys(cluster))
        else:
            fault, hint = f"there is no cluster {cluster!r}", nearest(cluster, self._clusters.names())
        raise TargetError(fault, text, node.position, hint=hint)

    def _evaluated(self, cluster: str, section: str, written: list[str]) -> set[str]:
        mark = (cluster, section)
        if mark in self._known:
            return self._known[mark]
        label = f"%{cluster}:{section}"
        if label in self._open or len(self._open) > _DEEPEST:
            circle = " → ".join(
                [*self._open[self._open.index(label) if label in self._open else -3 :], label]
            )
            raise TargetError("range clusters in a circle", label, hint=circle)
        self._open.append(label)
        found: set[str] = set()
        for text in written:
            found |= self.text(text) if text.strip() else set()
        self._open.pop()
        self._known[mark] = found
        return found


_OPERATIONS: dict[str, Callable[[set[str], set[str]], set[str]]] = {
    ",": set.union,
    "-": set.difference,
    "&": set.intersection,
}


def _word(word: ranges.Word, text: str) -> set[str]:
    """Return the names a word stands for."""
    if word.quoted:
        return {word.text}
    if ".." in word.text:
        span = ranges.span(word.text)
        if span is None:
            raise TargetError(
                f"{word.text!r} is no span of names", text, word.position, hint="as in web01..09"
            )
        prefix, numbers, suffix = span
        return {f"{prefix}{number}{suffix}" for number in numbers}
    return nodeset.expand(word.text) if "[" in word.text else {word.text}


def read(folder: Path) -> Clusters:
    """Return the clusters of a folder: ``NAME.yaml`` is the cluster NAME, a mapping of sections to range
    expressions or lists of them. A folder that is not there has none. Raises SettingsError."""
    if not folder.is_dir():
        return Clusters({})
    return Clusters({path.stem: _sections(path) for path in sorted(folder.glob("*.yaml"))})


def _sections(path: Path) -> dict[str, str | Sequence[str]]:
    import yaml

    if path.stat().st_size > _LARGEST_FILE:
        raise SettingsError(f"larger than {_LARGEST_FILE >> 20} MiB", where=str(path))
    try:
        sections = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)  # noqa: S506  makes only text, lists, mappings
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"not YAML: {error}", where=str(path)) from None
    if sections in (None, ""):
        return {}
    if not isinstance(sections, dict):
        raise SettingsError("a cluster is a mapping of sections", where=str(path))
    for section, written in sections.items():
        if not isinstance(section, str) or not _is_texts(written):
            hint = "a range expression, or a list of them"
            raise SettingsError(
                f"the section {section!r} is neither text nor a list of texts", hint=hint, where=str(path)
            )
    return sections


def _is_texts(written: object) -> bool:
    return isinstance(written, str) or (
        isinstance(written, list) and all(isinstance(one, str) for one in written)
    )
