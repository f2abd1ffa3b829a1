"""The renderer ``pyobjects``: Python whose calls declare states: ``Pkg.installed("nginx")``.

``File.managed(id, argument=…)`` is the state ``file.managed``; ``File(id)`` a requisite on it, and so is a
state in ``with``: what is declared in its block requires it.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.foundation.errors import NotFound
from saltern.sls.high import LISTS, REVERSED
from saltern.sls.renderers.program import names_of, run
from saltern.sls.template import Template, Work

_IMPORT = re.compile(
    r"^([ \t]*)(?:from[ \t]+salt://(\S+)[ \t]+import[ \t]+(.+?)|import[ \t]+salt://(\S+))[ \t]*$", re.M
)
_WORD = re.compile(r"(?<!^)(?=[A-Z])")
#: How deeply files may import each other.
_DEEPEST = 20


def render(work: Work, template: Template, argument: str) -> Work:
    """Return what the file declares. Raises SlsError that names the line."""
    sheet = _Sheet(template)
    sheet.execute(work.text("pyobjects", template), template)
    return Work(sheet.data(), lambda line: 0)


class _Sheet:
    """What a file, with those it imports, has declared."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._depth = 0
        self._declared: dict[str, dict[str, list[Any]]] = {}
        self._extended: dict[str, dict[str, list[Any]]] = {}
        self._includes: list[Any] = []
        #: The requisites of the ``with`` blocks around, the innermost last.
        self.around: list[Requisite] = []

    def data(self) -> dict[str, Any]:
        """Return high data."""
        head: dict[str, Any] = {"include": self._includes} if self._includes else {}
        if self._extended:
            head["extend"] = self._extended
        return {**head, **self._declared}

    def declare(self, where: _Id, state: str, arguments: Mapping[str, Any]) -> None:
        """Take in a state, with the requisites of the blocks it stands in."""
        plain = {name: _plain(value, name) for name, value in arguments.items()}
        for requisite in self.around:
            plain.setdefault(requisite.kind, []).append(requisite.reference())
        holder = self._extended if where.extends else self._declared
        states = holder.setdefault(where.id, {})
        if state in states:
            raise ValueError(f"{state} is declared twice for the ID {where.id!r}")
        states[state] = [{name: value} for name, value in plain.items()]

    def include(self, *names: Any) -> None:
        """Include SLS."""
        self._includes += names

    def execute(self, text: str, template: Template) -> dict[str, Any]:
        """Run a file and return its names."""
        text = _IMPORT.sub(_call, text)
        names = {**names_of(template), **self._names(text), **self._shortcuts(template)}
        run(text, names, template)
        return names

    def _names(self, text: str) -> dict[str, Any]:
        """Return what stands for each state module that the text may name: ``SshAuth`` for ``ssh_auth``."""
        found = set(re.findall(r"\b[A-Z][A-Za-z0-9]*\b", text)).difference(vars(builtins))
        return {name: Module(self, _WORD.sub("_", name).lower()) for name in found}

    def _shortcuts(self, template: Template) -> dict[str, Any]:
        call = template.world.call
        return {
            "include": self.include,
            "extend": _Id.extension,
            "Map": _map(template),
            "pillar": lambda name, default="": call("pillar.get", name, default),
            "grains": lambda name, default="": call("grains.get", name, default),
            "config": lambda name, default="": call("config.get", name, default),
            "mine": lambda target, function, kind="glob": call("mine.get", target, function, kind),
            "__import_sls__": lambda path, *names: self._imported(path, names, template),
        }

    def _imported(self, path: str, names: tuple[str, ...], template: Template) -> Any:
        """Return names of another file of the tree: all of them as a mapping, else one, or a tuple."""
        source = template.tree.read(template.saltenv, path)
        if source is None:
            raise NotFound(f"there is no file salt://{path}")
        if self._depth >= _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} files import each other (at salt://{path})")
        import msgspec

        text = source.data.decode()
        other = msgspec.structs.replace(template, text=text, path=path, shown=source.shown)
        self._depth += 1
        found = self.execute(text, other)
        self._depth -= 1
        if not names:
            known = {*names_of(template), *self._shortcuts(template)}
            return {name: value for name, value in found.items() if name not in known}
        missing = [name for name in names if name not in found]
        if missing:
            raise ImportError(f"salt://{path} has no {missing[0]!r}")
        return found[names[0]] if len(names) == 1 else tuple(found[name] for name in names)


def _call(found: re.Match[str]) -> str:
    """Return the call that an import of ``salt://`` stands for; the line stays one line."""
    indent, path, names, whole = found.groups()
    if whole or names == "*":
        return f"{indent}globals().update(__import_sls__({whole or path!r}))"
    pairs = [one.strip().partition(" as ") for one in names.split(",")]
    targets = ", ".join((alias or name).strip() for name, _, alias in pairs)
    wanted = ", ".join(repr(name.strip()) for name, _, _ in pairs)
    return f"{indent}{targets} = __import_sls__({path!r}, {wanted})"


class _Id:
    """An ID; one given by ``extend(…)`` is declared elsewhere."""

    def __init__(self, written: str, extends: bool = False) -> None:
        self.id = written
        self.extends = extends

    @classmethod
    def of(cls, given: Any) -> _Id:
        """Take an ID as it is written. Raises TypeError."""
        if isinstance(given, _Id):
            return given
        if not isinstance(given, str) or not given:
            raise TypeError(f"an ID is text, not {given!r}")
        return cls(given)

    @classmethod
    def extension(cls, given: str) -> _Id:
        """Mark an ID as one that another SLS declares."""
        return cls(cls.of(given).id, extends=True)


class Requisite:
    """``Module(id)``, or a state in ``with``: what is declared in its block has it as a requisite."""

    def __init__(self, sheet: _Sheet, module: str, written: str, kind: str = "require") -> None:
        """``kind`` is the requisite that a block gives to the states in it."""
        self._sheet = sheet
        self._module = module
        self._id = written
        self.kind = kind

    def reference(self) -> dict[str, str]:
        """Return it as it stands in a requisite's list."""
        return {self._module: self._id}

    def __enter__(self) -> Requisite:
        """Begin the block."""
        self._sheet.around.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        """End the block."""
        self._sheet.around.remove(self)


class Module:
    """A state module: its attributes declare states, a call of it is a requisite."""

    def __init__(self, sheet: _Sheet, name: str) -> None:
        """Take where states are declared, and the module's name."""
        self._sheet = sheet
        self._name = name

    def __call__(self, written: str, requisite: str = "require") -> Requisite:
        """Return a requisite on a state of this module."""
        return Requisite(self._sheet, self._name, _Id.of(written).id, requisite)

    def __getattr__(self, function: str) -> Callable[..., Requisite]:
        """Return what declares a state."""
        if function.startswith("_"):
            raise AttributeError(function)

        def declare(written: Any, **arguments: Any) -> Requisite:
            where = _Id.of(written)
            self._sheet.declare(where, f"{self._name}.{function}", arguments)
            return Requisite(self._sheet, self._name, where.id)

        return declare


def _plain(value: Any, name: str) -> Any:
    """Return an argument as data: a requisite's kind has a list of references."""
    if name in LISTS or name in REVERSED:
        value = list(value) if isinstance(value, list | tuple) else [value]
    if isinstance(value, Requisite):
        return value.reference()
    return [_plain(one, "") for one in value] if isinstance(value, list | tuple) else value


def _map(template: Template) -> type:
    """Return the class ``Map``: what is derived from it gets the values that suit the machine.

    Its inner classes hold values for machines whose grain ``__grain__`` (``os_family``) is the class's name,
    or ``__match__``; the pillar under the key ``merge`` wins over all.
    """
    call = template.world.call

    class Map:
        """Values that depend on the machine."""

        def __init_subclass__(cls) -> None:
            inner = [(name, one) for name, one in vars(cls).items() if isinstance(one, type)]
            for name, one in inner:
                wanted = getattr(one, "__match__", name)
                found = call("grains.get", getattr(one, "__grain__", "os_family"), "")
                if wanted == found or (isinstance(found, list) and wanted in found):
                    for key, value in vars(one).items():
                        if not key.startswith("_"):
                            setattr(cls, key, value)
            merge = getattr(cls, "merge", "")
            given = call("pillar.get", merge, {}) if merge else {}
            for key, value in (given or {}).items():
                setattr(cls, key, value)

    return Map
