"""The compiled run: what the engine is given.

``compile`` (``saltern.sls.compile``) makes a ``Compiled``: the chunks in the order they run, the steps
(a chunk that another has a ``prereq`` on is first looked at, then run), and every fault that was found.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from saltern.sls.fault import NOWHERE, Fault, Place, SlsError


class Kind(enum.StrEnum):
    """What a requisite is about; the order is Salt's order of weight, lightest first."""

    ONFAIL = "onfail"
    REQUIRE = "require"
    ONCHANGES = "onchanges"
    WATCH = "watch"
    PREREQ = "prereq"
    LISTEN = "listen"


class Quantity(enum.StrEnum):
    """How many of a requisite's targets count: ``require``, ``require_any``, ``onfail_all``."""

    PLAIN = ""
    ANY = "any"
    ALL = "all"


class Requisite(msgspec.Struct, frozen=True, kw_only=True):
    """One requisite of a chunk, resolved.

    ``module`` and ``pattern`` are as written: ``module`` is a state module, ``id`` for any module, or
    ``sls``; ``pattern`` an id, a name or an SLS, possibly a glob. ``targets`` are indexes into
    ``Compiled.chunks``. It may have none: a required SLS that is empty holds nothing to wait for.
    """

    kind: Kind
    quantity: Quantity = Quantity.PLAIN
    module: str
    pattern: str
    targets: tuple[int, ...] = ()

    @property
    def type(self) -> str:
        """The requisite's name in an SLS: ``watch``, ``onfail_any``."""
        return f"{self.kind}_{self.quantity}" if self.quantity else str(self.kind)


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """Run a state again until its result is ``until``; ``interval`` and ``splay`` are seconds."""

    attempts: int = 2
    until: bool = True
    interval: float = 30
    splay: float = 0


class Globals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What any state may be given, whatever its module.

    ``onlyif``, ``unless`` and ``check_cmd`` hold commands (text) and calls (mappings with ``fun`` and
    the function's arguments); None means that the state does not have it, which is not an empty list.
    ``umask`` is the number that its octal digits mean. ``test`` is None when the state follows the run.
    """

    onlyif: tuple[Any, ...] | None = None
    unless: tuple[Any, ...] | None = None
    creates: tuple[str, ...] | None = None
    check_cmd: tuple[Any, ...] | None = None
    cmd_opts_exclude: tuple[str, ...] = ()
    retry: Retry | None = None
    failhard: bool = False
    parallel: bool = False
    reload_modules: bool = False
    reload_grains: bool = False
    reload_pillar: bool = False
    fire_event: bool | str = False
    runas: str | None = None
    runas_password: str | None = None
    umask: int | None = None
    timeout: float | None = None
    saltenv: str | None = None
    no_log: bool = False
    aggregate: Any = None
    test: bool | None = None


NO_GLOBALS = Globals()


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """One state to run: ``module.function`` with its arguments.

    ``id`` is the declaration it came from and ``name`` what it works on; ``sls`` and ``saltenv`` say
    which file declared it, ``where`` the place of the id in that file, ``lines`` that of each argument.
    ``args`` are the function's own arguments with ``name`` left out; what every state understands is in
    ``globals`` and ``requisites``. A ``__slot__:`` text stays text: the engine fills it in at run time.
    ``low`` is the chunk as Salt's low data; a function that takes ``runas`` or ``saltenv`` itself finds
    it there. ``order`` is where it was declared (``order:`` says otherwise).
    """

    module: str
    function: str
    id: str
    name: str
    sls: str
    saltenv: str
    where: Place = NOWHERE
    lines: Mapping[str, int] = {}
    order: float
    args: Mapping[str, Any] = {}
    requisites: tuple[Requisite, ...] = ()
    globals: Globals = NO_GLOBALS
    low: Mapping[str, Any] = {}
    #: Another chunk has a ``prereq`` on this one, or this one has a ``prereq`` on others.
    prerequired: bool = False
    prerequiring: bool = False
    #: May be merged with others of its module: ``state_aggregate`` or ``aggregate`` says so.
    aggregate: bool = False

    @property
    def full_name(self) -> str:
        """The state as SLS name it: ``file.managed``."""
        return f"{self.module}.{self.function}"

    @property
    def key(self) -> str:
        """The key of this chunk in a highstate's return."""
        return f"{self.module}_|-{self.id}_|-{self.name}_|-{self.function}"

    def place_of(self, argument: str) -> Place:
        """Return where an argument is written, or else the id."""
        line = self.lines.get(argument, 0)
        return Place(self.where.path, line) if line else self.where


class Step(msgspec.Struct, frozen=True):
    """One thing a run does: look whether ``chunk`` (an index) would change anything, or run it."""

    chunk: int
    look: bool = False


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """When any of ``sources`` has changed, ``mod_watch`` of ``chunk`` is called after all chunks have run."""

    chunk: int
    sources: tuple[int, ...]


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """A run ready to be made, or the reasons why it can't be.

    With ``faults`` the chunks are those that could be made; they must not be run. ``aggregates`` are
    groups of chunks (indexes) that may run as one.
    """

    chunks: tuple[Chunk, ...] = ()
    steps: tuple[Step, ...] = ()
    listeners: tuple[Listener, ...] = ()
    aggregates: tuple[tuple[int, ...], ...] = ()
    faults: tuple[Fault, ...] = ()

    def check(self) -> Compiled:
        """Return this. Raises SlsError with all faults when there are any."""
        if self.faults:
            raise SlsError(self.faults)
        return self

    def dependencies(self) -> Iterator[tuple[int, int]]:
        """Give each (chunk, chunk that must be done before it), so that the rest may run at once."""
        for index, chunk in enumerate(self.chunks):
            for requisite in chunk.requisites:
                if requisite.kind is Kind.LISTEN:
                    continue
                for target in requisite.targets:
                    yield (target, index) if requisite.kind is Kind.PREREQ else (index, target)
