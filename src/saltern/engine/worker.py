"""One chunk of a run: its conditions, its state, what it does when watched, its retries."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from saltern.engine import conditions
from saltern.engine.door import PLAIN, Looking, Mending, Surroundings
from saltern.engine.ensure import ensure, failure
from saltern.engine.fields import make
from saltern.engine.journal import Journal
from saltern.engine.result import Result
from saltern.engine.supply import RunSupply
from saltern.sdk import Changes, Host, NotSupported, State
from saltern.sdk.registry import Registry, StateKind
from saltern.sls.low import Chunk


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done with a chunk.

    ``watched`` names the watched states that changed; ``others`` are chunks whose work may be done at one
    go with this one; ``required`` are the names of states of the same module that it requires; ``expected``
    is what a plan foresaw. ``listening`` leaves only what it does when a watched state has changed.
    """

    chunk: Chunk
    dry: bool = False
    watched: tuple[str, ...] = ()
    others: tuple[Chunk, ...] = ()
    required: tuple[str, ...] = ()
    expected: Changes | None = None
    listening: bool = False


#: What a listener is when it has nothing to do.
_OUT_OF_TURN = Result(result=True, ran=False)


class Worker:
    """Does chunks, one at a time or from several threads."""

    def __init__(self, host: Host, supply: RunSupply, registry: Registry, journal: Journal | None) -> None:
        """Take the machine, what it is supplied with, where states come from, and the record to keep."""
        self._host = host
        self._supply = supply
        self._registry = registry
        self._journal = journal

    def do(self, task: Task) -> Result:
        """Return how the chunk ended; whatever it does, nothing is raised but what ends the process."""
        started, begin = self._host.now(), self._host.steady()
        result = self._with_retries(task)
        duration = self._host.steady() - begin
        if not task.dry:
            self._refresh(task.chunk, result)
        return msgspec.structs.replace(result, started=started, duration=duration)

    def not_run(self, result: bool, comment: str) -> Result:
        """Return the result of a chunk that its requisites keep from running."""
        return Result(result=result, comment=comment, started=self._host.now(), ran=False)

    def _with_retries(self, task: Task) -> Result:
        retry, result = task.chunk.globals.retry, self._once(task)
        if retry is None:
            return result
        if task.dry:
            return _would_retry(task.chunk, result)
        said: list[str] = []
        for attempt in range(1, retry.attempts):
            if result.result is retry.until:
                break
            said.append(
                f'Attempt {attempt}: Returned a result of "{result.result}", '
                f'with the following comment: "{result.comment}"'
            )
            self._host.sleep(retry.interval + random.uniform(0, retry.splay))  # noqa: S311  not a secret
            result = self._once(task)
        return msgspec.structs.replace(result, comment="\n".join([*said, result.comment]))

    def _once(self, task: Task) -> Result:
        chunk = task.chunk
        supply, around = self._supply.for_environment(chunk.saltenv), _surroundings(chunk)
        looking = Looking(self._host, around, supply)
        try:
            wanted = conditions.verdict(looking, chunk) if _has_conditions(chunk) else None
            if wanted is not None and not wanted.run:
                return Result(result=True, comment=wanted.comment, skipped=True)
            kind = self._kind(chunk)
            state = self._state(looking, kind, task)
        except Exception as error:
            return failure(error)
        mending = None if task.dry else self._mending(chunk, around, supply)
        result = _OUT_OF_TURN if task.listening else ensure(state, looking, mending, task.expected)
        if task.watched and not result.changed and result.result is not False:
            action = state.when_watched(task.watched)
            result = result if action is None else ensure(action, looking, mending)
        return self._judged(looking, kind, task, result)

    def _kind(self, chunk: Chunk) -> StateKind:
        kind = self._registry.state(chunk.full_name)
        refusal = kind.refusal(self._host)
        if refusal:
            raise NotSupported(f"{kind.name}: {refusal}")
        return kind

    def _state(self, looking: Host, kind: StateKind, task: Task) -> State:
        state = make(looking, kind, task.chunk, task.required)
        others = [make(looking, kind, other) for other in task.others]
        return state.with_others(others) if others else state

    def _mending(self, chunk: Chunk, around: Surroundings, supply: RunSupply) -> Mending:
        journal, key = self._journal, chunk.key
        begun: list[str] = []

        def begin() -> None:
            if journal is not None and not begun:
                begun.append(key)
                journal.begins(key)

        def before(path: str) -> None:
            begin()
            if journal is not None:
                journal.before(self._host, path)

        def beyond(what: str) -> None:
            begin()
            if journal is not None:
                journal.beyond(key, what)

        return Mending(self._host, around, supply, before, beyond)

    def _judged(self, looking: Host, kind: StateKind, task: Task, result: Result) -> Result:
        """Let ``check_cmd`` decide, unless the state takes that argument itself."""
        wanted = task.chunk.globals.check_cmd
        if task.dry or not wanted or "check_cmd" in kind.cls.__struct_fields__:
            return result
        try:
            verdict = conditions.check_commands(looking, task.chunk)
        except Exception as error:
            return failure(error, dict(result.changes))
        comment = "\n".join(filter(None, (result.comment, verdict.comment)))
        return msgspec.structs.replace(result, result=verdict.run, comment=comment)

    def _refresh(self, chunk: Chunk, result: Result) -> None:
        """Read again what the state says it has made out of date."""
        wanted = chunk.globals
        if not result.changed:
            return
        if wanted.reload_modules:
            self._registry.reload()
        if wanted.reload_grains or wanted.reload_modules:
            self._host.forget_grains()
        if wanted.reload_pillar:
            self._supply.site.forget_pillar()


def _has_conditions(chunk: Chunk) -> bool:
    wanted = chunk.globals
    return wanted.onlyif is not None or wanted.unless is not None or wanted.creates is not None


def _surroundings(chunk: Chunk) -> Surroundings:
    wanted = chunk.globals
    if wanted.umask is None and wanted.timeout is None:
        return PLAIN
    return Surroundings(umask=wanted.umask, timeout=wanted.timeout)


def _would_retry(chunk: Chunk, result: Result) -> Result:
    retry = chunk.globals.retry
    assert retry is not None
    said = (
        f"The state would be retried every {retry.interval:g} seconds (with a splay of up to {retry.splay:g} "
        f"seconds) a maximum of {retry.attempts} times or until a result of {retry.until} is returned"
    )
    return msgspec.structs.replace(result, comment="  ".join(filter(None, (result.comment, said))))


def names_of(chunks: Sequence[Chunk], indexes: Sequence[int]) -> tuple[str, ...]:
    """Return chunks as comments name them: ``file: /etc/x``."""
    return tuple(f"{chunks[index].module}: {chunks[index].id}" for index in indexes)


def as_progress(key: str, result: Result, number: int, total: int) -> Mapping[str, Any]:
    """Return what is told of a state that has ended, while the run goes on."""
    return {
        "key": key,
        "result": result.result,
        "changed": result.changed,
        "comment": result.comment,
        "duration": round(result.duration * 1000, 3),
        "number": number,
        "of": total,
    }
