"""Trees in memory, and cases of the SLS compiler as data: a tree in, low data or faults out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from saltern.sdk.supply import CachedFile
from saltern.sls.compile import compile_highstate, compile_sls
from saltern.sls.low import Chunk, Compiled
from saltern.sls.tree import Source
from saltern.sls.world import World

#: State modules of Salt with a ``mod_watch``, and with a ``mod_aggregate``, as far as cases use them.
WATCHING = frozenset({"cmd", "module", "mount", "pkg", "service", "test"})
AGGREGATING = frozenset({"pkg"})
#: Where copies of a tree's files lie on a fake host.
CACHE = "/var/lib/saltern/agent/files"


class MemoryTree:
    """Files by environment and path; a path that ends with a slash is an empty directory."""

    def __init__(
        self,
        environments: Mapping[str, Mapping[str, str | bytes]],
        place: Callable[[str, bytes], None] | None = None,
    ) -> None:
        """Take the files, text or bytes. ``place(path, data)`` puts a copy where a host can read it."""
        self._environments = environments
        self._place = place

    def environments(self) -> Sequence[str]:
        """Return the environments' names, ``base`` first."""
        return sorted(self._environments, key=lambda name: name != "base")

    def has_environment(self, saltenv: str) -> bool:
        """Tell whether there is such an environment."""
        return saltenv in self._environments

    def read(self, saltenv: str, path: str) -> Source | None:
        """Return a file, None when there is none."""
        content = self._environments.get(saltenv, {}).get(path)
        if content is None:
            return None
        shown = path if saltenv == "base" else f"{saltenv}/{path}"
        return Source(content.encode() if isinstance(content, str) else content, shown)

    def cached(self, saltenv: str, path: str) -> CachedFile | None:
        """Return a file that was placed where the host can read it, None when there is none."""
        found, known = self.read(saltenv, path), self.known(saltenv, path)
        if found is None or known is None or self._place is None:
            return None
        self._place(known.path, found.data)
        return known

    def known(self, saltenv: str, path: str) -> CachedFile | None:
        """Return where a file would be placed, None when there is none."""
        found = self.read(saltenv, path)
        if found is None:
            return None
        digest = hashlib.sha256(found.data).hexdigest()
        return CachedFile(f"{CACHE}/{digest}", digest, len(found.data), 0o644)

    def files(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all files of an environment, sorted."""
        return sorted(path for path in self._environments.get(saltenv, {}) if not path.endswith("/"))

    def directories(self, saltenv: str) -> Sequence[str]:
        """Return the paths of all directories of an environment, sorted."""
        parts = [path.split("/")[:-1] for path in self._environments.get(saltenv, {})]
        return sorted({"/".join(some[:end]) for some in parts for end in range(1, len(some) + 1)})

    def links(self, saltenv: str) -> Mapping[str, str]:
        """Return the links: there are none."""
        return {}


class ExpectedFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a fault is (``a.sls:3``), what its message holds, and what its hint holds."""

    where: str
    says: str = ""
    hint: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tree and what it comes to.

    ``files`` are those of the environment ``base``, ``environments`` those of others. ``run`` are the SLS
    compiled, unless ``highstate``. ``faults`` are all that are expected. ``differs`` gives the reason why
    this is not what Salt does; what Salt does is then not compared.
    """

    about: str
    files: dict[str, str]
    environments: dict[str, dict[str, str]] = {}
    run: tuple[str, ...] = ("a",)
    highstate: bool = False
    id: str = "web1"
    grains: dict[str, Any] = {}
    pillar: dict[str, Any] = {}
    opts: dict[str, Any] = {}
    exclude: list[Any] = []
    faults: list[ExpectedFault] = []
    differs: str = ""

    @property
    def tree(self) -> MemoryTree:
        """The files as a tree."""
        return MemoryTree({"base": self.files, **self.environments})

    @property
    def world(self) -> World:
        """The machine; of functions it has the few that cases use."""
        facts = {"id": self.id, "os": "Debian", "os_family": "Debian", **self.grains}
        functions = _Functions(facts, self.pillar)
        return World(
            id=self.id,
            grains=facts,
            pillar=self.pillar,
            opts={"id": self.id, **self.opts},
            call=functions.call,
            knows=functions.known.__contains__,
            watches=WATCHING.__contains__,
            aggregates=AGGREGATING.__contains__,
        )

    def compile(self) -> Compiled:
        """Return what the tree comes to."""
        if self.highstate:
            return compile_highstate(self.world, self.tree, exclude=self.exclude)
        return compile_sls(self.world, self.tree, self.run, exclude=self.exclude)


def load_case(path: Path) -> Case:
    """Return the case in a YAML file."""
    return msgspec.yaml.decode(path.read_bytes(), type=Case)


class _Functions:
    """A few functions of Salt's, for templates."""

    def __init__(self, grains: Mapping[str, Any], pillar: Mapping[str, Any]) -> None:
        self.known = {
            "grains.get": self._getter(grains),
            "pillar.get": self._getter(pillar),
            "test.echo": lambda text: text,
            "test.arg": lambda *args, **kwargs: {"args": list(args), "kwargs": kwargs},
        }

    def call(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        from saltern.sdk import NotFound

        if fun not in self.known:
            raise NotFound(f"there is no function {fun!r}")
        return self.known[fun](*args, **kwargs)

    @staticmethod
    def _getter(data: Mapping[str, Any]) -> Any:
        from saltern.sdk.traverse import traverse

        return lambda key, default="": traverse(data, key, default)


def comparable(compiled: Compiled) -> list[dict[str, Any]]:
    """Return the steps of a run in the form in which they are compared with Salt's."""
    return [_chunk(compiled.chunks[step.chunk]) for step in compiled.steps]


def _chunk(chunk: Chunk) -> dict[str, Any]:
    return comparable_low(chunk.low)


#: Requisites as Salt's low data has them.
_REQUISITES = ("require", "watch", "prereq", "onfail", "onchanges", "listen")


def comparable_low(low: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chunk of low data with what counts: no requisite twice, none with a function in its name."""
    kept = {
        key: value
        for key, value in low.items()
        if key not in ("__prereq__", "__prerequiring__", "name_order", "use", "use_in")
        and not key.endswith("_in")
    }
    for key in kept:
        if key.partition("_")[0] in _REQUISITES and isinstance(kept[key], list):
            kept[key] = sorted({_reference(one) for one in kept[key]})
    return kept


def _reference(written: Any) -> str:
    if isinstance(written, str):
        return f"id: {written}"
    module, name = next(iter(written.items()))
    return f"{module}: {name}"
