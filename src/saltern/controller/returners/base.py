"""What a returner is: the one door that built-in ones and plug-ins come through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from saltern.foundation import settings as reading
from saltern.foundation.errors import SalternError, SettingsError
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One return. Times are seconds since the epoch, ``size`` the bytes of the data.

    ``id`` is always the same for the same return: a return that is delivered twice can be told by it.
    ``data`` is its JSON; unset when there is none, or when it is larger than the returner takes.
    """

    id: str
    jid: JobId
    key: AgentKey
    agent: str
    fun: str
    args: tuple[Any, ...] = ()  # secrets in arguments are covered
    kwargs: dict[str, Any] = {}
    user: str = ""
    target: str = ""
    target_kind: str = "glob"
    status: Status
    retcode: int | None = None
    reason: str = ""
    error: dict[str, Any] | None = None  # kind, message, detail, hint
    created: float
    started: float | None = None
    finished: float | None = None
    size: int = 0
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    def json(self) -> bytes:
        """Return all of it as one JSON object on one line."""
        return msgspec.json.encode(self)

    @property
    def raw(self) -> str:
        """Return the data's JSON; ``null`` when there is none here."""
        return "null" if isinstance(self.data, msgspec.UnsetType) else bytes(self.data).decode()


class Undeliverable(SalternError):
    """A returner will never take some of what it was given.

    ``refused`` tells why, by id; ``later`` are ids to be tried again; the others are delivered. With
    neither, something in the batch is refused and nobody knows what: it is given again in halves.
    """

    code = "undeliverable"

    def __init__(
        self, message: str, *, refused: Mapping[str, str] | None = None, later: Collection[str] = ()
    ) -> None:
        super().__init__(message)
        self.refused = dict(refused or {})
        self.later = frozenset(later)


class Returner(Protocol):
    """Gets returns, in batches. One call at a time."""

    @property
    def address(self) -> str:
        """Return where it delivers to, for people: never with a password."""

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        """Return once the other side has the batch.

        The same return may come again, with the same id. Raises Unavailable when it cannot be delivered
        now, Undeliverable when some of it never can. It may be cancelled when it takes too long.
        """

    async def close(self) -> None:
        """Let go of connections."""


class Thread:
    """One thread of a returner's own, for what blocks: a disk that hangs keeps nobody else waiting."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"saltern-returner-{name}")

    async def run(self, work: Callable[[Sequence[Delivery]], None], batch: Sequence[Delivery]) -> None:
        """Do ``work`` there, after what is under way."""
        await asyncio.wrap_future(self._pool.submit(work, batch))

    def end(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Secret:
    """A setting that is not to be seen: it shows as stars wherever it is printed."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return what it is."""
        return self._text

    def __repr__(self) -> str:
        return "'****'" if self._text else "''"

    def __bool__(self) -> bool:
        return bool(self._text)


class Common(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings that every kind of returner has."""

    kind: str
    functions: tuple[str, ...] = ("*",)  # globs of functions; !glob takes some out again
    always: bool = True  # gets every job's returns; false: only of jobs that ask for it
    batch: int = 500  # returns that are delivered together
    timeout: float = 30.0  # seconds a delivery may take
    keep: str = "7d"  # what could not be delivered for so long is dropped
    waiting: int = 1_000_000  # returns that may wait; beyond it the oldest are dropped
    largest: int = 1024 * 1024  # bytes of data; a return with more is delivered without its data

    def __post_init__(self) -> None:
        for name in ("batch", "timeout", "waiting", "largest"):
            if getattr(self, name) <= 0:
                raise ValueError(f"`{name}` must be more than 0")
        if self.largest > 1024 * 1024:
            raise ValueError("`largest` is at most 1048576")
        if not reading.duration(self.keep):
            raise ValueError("`keep` must be more than 0")


C = TypeVar("C", bound=Common)


class Kind(NamedTuple, Generic[C]):
    """A kind of returner: its settings, and how one is made of them."""

    settings: type[C]
    make: Callable[[C], Returner]


def needs(name: str, extra: str) -> SettingsError:
    """Return the error for a package that is not installed."""
    return SettingsError(
        f"this kind needs the package {name}, which is not installed", hint=f"pip install 'saltern[{extra}]'"
    )


def secret(kind: type, value: object) -> object:
    """Read a Secret for msgspec: a text, or ``{file: /path}``, whose first line it is."""
    if kind is not Secret:
        raise NotImplementedError(kind)
    match value:
        case str():
            return Secret(value)
        case {"file": str(path), **rest} if not rest:
            return Secret(_first_line(Path(path)))
    raise ValueError("a secret is a text, or {file: /path/to/it}")


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").split("\n", 1)[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
