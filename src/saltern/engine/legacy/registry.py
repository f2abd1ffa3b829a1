"""The library as a site has it: the nouns of its file roots, then those of the process."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

from saltern.engine.legacy.collection import Collection, Noun
from saltern.sdk import NotFound, SalternError
from saltern.sdk.registry import Function, Registry, StateKind


class TreeRegistry(Registry):
    """What a user's module has comes before what the library has under the same name."""

    def __init__(self, library: Registry, collection: Collection) -> None:
        """Take what is there without the file roots, and their code."""
        super().__init__()
        self._library = library
        self._own = collection

    def function(self, name: str) -> Function:
        """Return the function called ``name``; see Registry. Raises NotSupported for a broken module."""
        noun, _, verb = name.partition(".")
        found: Function | None = _wanted(self._own.functions(noun), verb, self._library.noun(noun))
        return self._library.function(name) if found is None else found

    def state(self, name: str) -> StateKind:
        """Return the kind of state called ``name``; see Registry. Raises NotSupported for a broken module."""
        noun, _, verb = name.partition(".")
        found: StateKind | None = _wanted(self._own.states(noun), verb, self._library.states(noun))
        return self._library.state(name) if found is None else found

    def noun(self, noun: str) -> Mapping[str, Function]:
        """Return a noun's functions by their names."""
        return {**self._library.noun(noun), **self._own.functions(noun).members}

    def states(self, noun: str) -> Mapping[str, StateKind]:
        """Return a noun's states by their names."""
        return {**self._library.states(noun), **self._own.states(noun).members}

    def nouns(self) -> list[str]:
        """Return the names of all nouns, sorted."""
        return sorted({*self._library.nouns(), *self._own.nouns("modules")})

    def names(self) -> list[str]:
        """Return the names of all functions, sorted."""
        own = {
            f"{noun}.{verb}"
            for noun in self._own.nouns("modules")
            for verb in self._own.functions(noun).members
        }
        return sorted({*self._library.names(), *own})

    def state_names(self) -> list[str]:
        """Return the names of all states, sorted."""
        own = {
            f"{noun}.{verb}" for noun in self._own.nouns("states") for verb in self._own.states(noun).members
        }
        return sorted({*self._library.state_names(), *own})

    def preload(self) -> list[SalternError]:
        """Load every noun; return what went wrong."""
        nouns = [self._own.functions(noun) for noun in self._own.nouns("modules")]
        nouns += [self._own.states(noun) for noun in self._own.nouns("states")]
        return [*self._library.preload(), *(noun.broken for noun in nouns if noun.broken is not None)]

    def reload(self) -> None:
        """Import again what has been imported; the file roots are those of the run."""
        self._library.reload()


def _wanted(own: Noun, verb: str, library: Mapping[str, object]) -> Any:
    """Return a user's function or state; None where the library's is meant. Raises what keeps it away."""
    if verb in own.members:
        return own.members[verb]
    if own.broken is not None:
        raise own.broken
    if own.refusals and verb not in library:
        raise own.refusals[0]
    return None


class CallRegistry(Registry):
    """For a call from outside: the file roots are not asked about what the library has.

    Unless they are known to have something of that name, or the library has not.
    """

    def __init__(self, library: Registry, known: Container[str], beyond: Callable[[], Registry]) -> None:
        """Take the library, the nouns that the file roots are known to have, and what has those too."""
        super().__init__()
        self._library = library
        self._known = known
        self._beyond = beyond

    def noun(self, noun: str) -> Mapping[str, Function]:
        """Return a noun's functions by their names."""
        found = {} if noun in self._known else self._library.noun(noun)
        return found or self._beyond().noun(noun)

    def function(self, name: str) -> Function:
        """Return the function called ``name``; see Registry."""
        if name.partition(".")[0] not in self._known:
            try:
                return self._library.function(name)
            except NotFound:
                if "." not in name:
                    raise
        return self._beyond().function(name)
