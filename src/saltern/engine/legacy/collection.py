"""The code of a site's file roots: found when it is first asked for, loaded when something of it is."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, NamedTuple

from saltern.engine.legacy import states as adapting
from saltern.engine.legacy.functions import functions_of, offered
from saltern.engine.legacy.loading import Declined, Loaded, blamed, load
from saltern.engine.legacy.scope import Callables, Live, Moment, Options, entered, functions, moment
from saltern.engine.legacy.sources import CodeFile, Listing, listed, nouns_of
from saltern.sdk import Host, NotFound, SalternError, Unavailable
from saltern.sdk.registry import Function, Registry, StateKind, functions_in, states_in
from saltern.sls.tree import Source, Tree

_logger = logging.getLogger("saltern.modules")


class Noun(NamedTuple):
    """What the file roots have under one name: functions or states.

    ``broken`` says why the file of that name can't be loaded, ``refusals`` why others can't or won't be.
    """

    members: Mapping[str, Any] = {}
    broken: SalternError | None = None
    refusals: Sequence[SalternError] = ()


_NONE = Noun()
#: Where functions and states are looked for.
_PLACES: Mapping[str, Sequence[str]] = {"modules": ("modules",), "states": ("states", "modules")}


class Collection:
    """The code of some environments of a tree, for one host."""

    def __init__(
        self, host: Host, tree: Callable[[], Tree], library: Registry, saltenvs: Sequence[str] = ("base",)
    ) -> None:
        """Take the host to load for, the tree, what else can be called, and the environments in order."""
        self._host = host
        self._tree = tree
        self._library = library
        self._saltenvs = saltenvs
        self._loaded: dict[CodeFile, Loaded | SalternError] = {}
        self._virtual: dict[CodeFile, str | SalternError | None] = {}
        self._nouns: dict[tuple[str, str], Noun] = {}
        self._named: dict[CodeFile, set[str]] = {}
        self._making: dict[CodeFile, ModuleType] = {}
        self._context: dict[str, Any] = {}
        self._options = Options()
        self._lock = threading.RLock()

    # --- what there is -------------------------------------------------------------------------------

    @functools.cached_property
    def listing(self) -> Listing:
        """The files by kind and name; none of a tree that can't be read, as a run of it says."""
        try:
            return listed(self._tree(), self._saltenvs)
        except Unavailable as error:
            _logger.info("no code of the file roots: %s", error)
            return {}

    def functions(self, noun: str) -> Noun:
        """Return the functions of a noun."""
        return self._noun("modules", noun)

    def states(self, noun: str) -> Noun:
        """Return the states of a noun; those of our own shape may lie in ``_modules`` too."""
        return self._noun("states", noun)

    def nouns(self, kind: str) -> list[str]:
        """Return the names under which modules of a kind may be found."""
        files = self.listing.get(kind, {}).values()
        return sorted({name for file in files for name in self._names(file)})

    def contents(self, kind: str) -> dict[str, tuple[str, bytes]]:
        """Return the files of a kind by name: the path in the file root, and the content."""
        files = self.listing.get(kind, {})
        return {name: (file.path, self._source(file).data) for name, file in files.items()}

    def modules(self, kind: str) -> Iterator[Loaded]:
        """Give all modules of a kind that can be used here; what can't be loaded is logged."""
        for file in self.listing.get(kind, {}).values():
            try:
                if self._virtual_name(file) is not None:
                    yield self._load(file)
            except SalternError as error:
                _logger.warning("%s", error)

    def module(self, kind: str, name: str) -> Loaded | None:
        """Return the module that goes by a name; None when there is none. Raises NotSupported."""
        for file in self._candidates(kind, name):
            if self._virtual_name(file) == name:
                return self._load(file)
        return None

    def _noun(self, kind: str, noun: str) -> Noun:
        if not any(map(self.listing.get, _PLACES[kind])):
            return _NONE
        with self._lock:
            if (kind, noun) not in self._nouns:
                self._nouns[kind, noun] = self._made(kind, noun)
            return self._nouns[kind, noun]

    def _made(self, kind: str, noun: str) -> Noun:
        members: dict[str, Any] = {}
        broken: SalternError | None = None
        refusals: list[SalternError] = []
        for file in self._candidates(kind, noun):
            try:
                if self._virtual_name(file) == noun and (file.kind == kind or self._load(file).is_native):
                    members = {**self._members(kind, noun, self._load(file)), **members}
            except Declined as error:
                refusals.append(error)
            except SalternError as error:
                _logger.warning("%s", error)
                refusals.append(error)
                broken = error if file.name == noun else broken
        return Noun(members, broken, refusals)

    def _members(self, kind: str, noun: str, loaded: Loaded) -> Mapping[str, Any]:
        if kind == "states":
            own: Mapping[str, StateKind] = (
                states_in(noun, loaded.module) if loaded.is_native else adapting.states_of(noun, loaded, self)
            )
            return own
        found: Mapping[str, Function] = (
            functions_in(noun, loaded.module) if loaded.is_native else functions_of(noun, loaded, self)
        )
        return found

    def _candidates(self, kind: str, noun: str) -> list[CodeFile]:
        """Return the files that may go by a name, the one that is called so first."""
        files = [
            file
            for place in _PLACES.get(kind, (kind,))
            for file in self.listing.get(place, {}).values()
            if noun in self._names(file)
        ]
        return sorted(files, key=lambda file: file.name != noun)

    def _names(self, file: CodeFile) -> set[str]:
        if file not in self._named:
            try:
                text = self._source(file).data.decode(errors="replace")
            except SalternError:  # whoever asks for it by its name is told
                text = ""
            self._named[file] = nouns_of(file.name, text)
        return self._named[file]

    # --- loading -------------------------------------------------------------------------------------

    def _virtual_name(self, file: CodeFile) -> str | None:
        """Return the name that a module goes by here; None when it doesn't want to be loaded.

        Raises NotSupported when it can't be loaded, or says why it won't be.
        """
        if file not in self._virtual:
            try:
                self._virtual[file] = self._asked(file)
            except SalternError as error:
                self._virtual[file] = error
        found = self._virtual[file]
        if isinstance(found, SalternError):
            raise found
        return found

    def _asked(self, file: CodeFile) -> str | None:
        loaded = self._load(file)
        names = vars(loaded.module)
        name = str(names.get("__virtualname__", file.name)) if not loaded.is_native else file.name
        if loaded.is_native or "__virtual__" not in names:
            return name
        with self.entered(self._host), blamed(loaded.shown, "__virtual__"):
            answer = names["__virtual__"]()
        answer, reason = answer if isinstance(answer, tuple) else (answer, "")
        if answer is True:
            return name
        if isinstance(answer, str):
            return answer
        raise Declined(f"__virtual__ returned {answer!r}: {reason or 'no reason given'}", where=loaded.shown)

    def _source(self, file: CodeFile) -> Source:
        found = self._tree().read(file.saltenv, file.path)
        if found is None:
            raise NotFound(f"salt://{file.path} was listed and is gone")
        return found

    def _load(self, file: CodeFile) -> Loaded:
        with self._lock:
            if file not in self._loaded:
                try:
                    self._loaded[file] = self._read(file)
                except SalternError as error:
                    self._loaded[file] = error
            found = self._loaded[file]
        if isinstance(found, SalternError):
            raise found
        return found

    def _read(self, file: CodeFile) -> Loaded:
        source = self._source(file)

        def sibling(name: str) -> ModuleType | None:
            return self._sibling(file, name)

        def note(module: ModuleType) -> None:
            self._making[file] = module

        with self.entered(self._host):
            try:
                loaded = load(
                    f"{file.kind}.{file.name}", source.data, source.shown, self.names, sibling, note
                )
                begin = vars(loaded.module).get("__init__")
                if callable(begin) and not loaded.is_native:
                    with blamed(source.shown, "__init__"):
                        begin(self._options)
            finally:
                self._making.pop(file, None)
        return loaded

    def _sibling(self, file: CodeFile, name: str) -> ModuleType | None:
        """Return a module beside ``file``, or in its directory when it stands for one."""
        holder = file.name if file.is_package else file.name.rpartition(".")[0]
        wanted = ".".join(filter(None, (holder, name)))
        found = self.listing[file.kind].get(wanted)
        if found is None:
            return None
        return self._making[found] if found in self._making else self._load(found).module

    # --- what modules find around them ---------------------------------------------------------------

    @functools.cached_property
    def names(self) -> dict[str, Any]:
        """Salt's names that are laid into each module."""
        return {
            "__salt__": functions(self._function_names, self._context),
            "__states__": Callables(self._call_state, self._has_state, self._library.state_names),
            "__utils__": Callables(self._call_utility, self._has_utility, list),
            "__opts__": self._options,
            "__grains__": Live(lambda: moment().host.grains),
            "__pillar__": Live(lambda: moment().host.supply.pillar),
            "__low__": Live(lambda: moment().low),
            "__context__": self._context,
            "__proxy__": {},
            "__running__": {},
            "__env__": self._saltenvs[0],
            "__saltenv__": self._saltenvs[0],
        }

    def _function_names(self) -> list[str]:
        own = (f"{noun}.{verb}" for noun in self.nouns("modules") for verb in self.functions(noun).members)
        return sorted({*self._library.names(), *own})

    def _has_state(self, name: str) -> bool:
        noun, _, verb = name.partition(".")
        return verb in self.states(noun).members or verb in self._library.states(noun)

    def _call_state(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        noun, _, verb = name.partition(".")
        kind = self.states(noun).members.get(verb) or self._library.state(name)
        return adapting.ensured(kind, args, kwargs)

    def _utility(self, name: str) -> Callable[..., Any] | None:
        noun, _, verb = name.partition(".")
        own = self.module("utils", noun)
        if own is not None:
            return dict(offered(own.module)).get(verb)
        from saltern.engine.legacy.compat import utils

        held = getattr(utils, noun, None)
        return getattr(held, verb, None)

    def _has_utility(self, name: str) -> bool:
        return self._utility(name) is not None

    def _call_utility(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        found = self._utility(name)
        if found is None:
            raise NotFound(f"there is no utility {name!r}")
        return found(*args, **kwargs)

    def entered(
        self, host: Host, test: bool = False, low: Mapping[str, Any] | None = None
    ) -> AbstractContextManager[None]:
        """Return a context in which the modules work on ``host``."""
        return entered(Moment(host, test, low or {}))

    @property
    def context(self) -> dict[str, Any]:
        """What modules share: ``__context__``."""
        return self._context
