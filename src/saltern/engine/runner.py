"""A compiled run, made: each state when its requisites say so, in order or at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from saltern.engine.journal import Journal
from saltern.engine.mark import of_arguments
from saltern.engine.requisites import COMMENTS, Judgement, Status, judge
from saltern.engine.result import Result, in_salt_shape
from saltern.engine.sequence import waits
from saltern.engine.worker import Task, Worker, as_progress, names_of
from saltern.sdk import Changes
from saltern.sls.low import Chunk, Compiled, Kind, Step

if TYPE_CHECKING:
    from concurrent.futures import Future

#: Tells whether the run shall stop before the next state.
Stop = Callable[[], bool]
#: Is told of each state that has ended.
Tell = Callable[[Mapping[str, Any]], None]


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """How a run is made. ``expected`` holds what a plan foresaw, by the chunks' keys; ``marks`` adds what a
    plan knows states by to their results.
    """

    test: bool = False
    auto: bool = False  # at once whatever the requisites leave independent
    failhard: bool = False
    threads: int = min(8, (os.cpu_count() or 1) + 4)
    expected: Mapping[str, Changes] | None = None
    marks: bool = False


class Run:
    """One run of a compiled tree."""

    def __init__(
        self,
        compiled: Compiled,
        worker: Worker,
        wishes: Wishes,
        *,
        journal: Journal | None = None,
        tell: Tell = lambda told: None,
        stop: Stop = lambda: False,
    ) -> None:
        """Take what to run, who does the work, and whom to tell."""
        self._compiled = compiled
        self._worker = worker
        self._wishes = wishes
        self._journal = journal
        self._tell = tell
        self._stop = stop
        self._results: dict[int, Result] = {}
        self._looks: dict[int, Result] = {}
        self._listeners: list[tuple[Chunk, Result]] = []
        self._before = _prerequirers(compiled)
        self._groups = {index: group for group in compiled.aggregates for index in group}
        self._halted = False
        self._following = ""  # the key of the state that runs after the present one, where that is known
        self._total = sum(not step.look for step in compiled.steps)

    def perform(self) -> dict[str, dict[str, Any]]:
        """Make the run and return its results in Salt's shape, in Salt's order."""
        if self._wishes.auto or any(chunk.globals.parallel for chunk in self._compiled.chunks):
            self._at_once()
        else:
            self._in_turn()
        if not self._stop():  # also after failhard has ended the run: what has changed is to be heard
            self._listen()
        return dict(self._shaped())

    # --- the order ------------------------------------------------------------------------------------

    def _may_go_on(self) -> bool:
        self._halted = self._halted or self._stop()
        return not self._halted

    def _in_turn(self) -> None:
        """Make one step after another; what is at work is told with what has ended before it."""
        keys = [self._compiled.chunks[step.chunk].key for step in self._compiled.steps if not step.look]
        self._tell({"number": 0, "of": self._total, "next": keys[0] if keys else ""})
        for step in self._compiled.steps:
            if self._may_go_on():
                self._following = next(iter(keys[len(self._results) + 1 :]), "")
                self._keep(step, self._made(self._next(step)))
        self._following = ""

    def _at_once(self) -> None:
        """Start each step as soon as those it waits for have ended."""
        from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

        open_ = waits(self._compiled, auto=self._wishes.auto)
        waiting: dict[int, list[int]] = {}
        for step, needed in enumerate(open_):
            for one in needed:
                waiting.setdefault(one, []).append(step)
        ready = [step for step, needed in enumerate(open_) if not needed]
        running: dict[Future[Result], int] = {}
        with ThreadPoolExecutor(self._wishes.threads) as pool:
            while ready or running:
                for number in ready if self._may_go_on() else []:
                    running[pool.submit(self._made, self._next(self._compiled.steps[number]))] = number
                ready = []
                ended = wait(running, return_when=FIRST_COMPLETED).done if running else set()
                for number in sorted(running[one] for one in ended):
                    ready += _freed(number, waiting, open_)
                for future in ended:
                    self._keep(self._compiled.steps[running.pop(future)], future.result())

    def _keep(self, step: Step, result: Result) -> None:
        if step.look:
            self._looks[step.chunk] = result
            return
        chunk = self._compiled.chunks[step.chunk]
        self._results[step.chunk] = result
        self._ended(chunk, result)
        failhard = chunk.globals.failhard or self._wishes.failhard
        if failhard and result.result is False and not self._wishes.test:
            self._halted = True

    def _ended(self, chunk: Chunk, result: Result) -> None:
        if self._journal is not None:
            self._journal.ends(chunk.key, result.result, result.changes, result.comment)
        number = len(self._results) + len(self._listeners)
        told = {**as_progress(chunk.key, result, number, self._total), "next": self._following}
        event = chunk.globals.fire_event
        self._tell(told if event is False else {**told, "event": event})

    # --- one step ---------------------------------------------------------------------------------------

    def _made(self, what: Task | Result) -> Result:
        """Do what is to be done; this alone happens in other threads."""
        return self._worker.do(what) if isinstance(what, Task) else what

    def _next(self, step: Step) -> Task | Result:
        """Return what is to be done, or the result of what is not."""
        chunk = self._compiled.chunks[step.chunk]
        judgement = judge(chunk, self._results, self._looks, self._before.get(step.chunk, ()))
        if judgement.status not in (Status.MET, Status.CHANGED):
            return self._not_run(judgement)
        watched = names_of(self._compiled.chunks, judgement.changed)
        dry = step.look or self._is_dry(chunk)
        return Task(
            chunk=chunk,
            dry=dry,
            watched=watched,
            others=() if dry else self._others(step.chunk),
            required=self._required(chunk),
            expected=self._expected(chunk, watched),
        )

    def _required(self, chunk: Chunk) -> tuple[str, ...]:
        """Return the names of the states of its module that a chunk requires."""
        chunks = self._compiled.chunks
        return tuple(
            chunks[target].name
            for requisite in chunk.requisites
            if requisite.kind is Kind.REQUIRE
            for target in requisite.targets
            if chunks[target].module == chunk.module
        )

    def _is_dry(self, chunk: Chunk) -> bool:
        return self._wishes.test if chunk.globals.test is None else chunk.globals.test

    def _expected(self, chunk: Chunk, watched: tuple[str, ...]) -> Changes | None:
        """Return what a plan foresaw, unless a state before this one has changed what it depends on."""
        if self._wishes.expected is None or watched:
            return None
        planned = self._wishes.expected.get(chunk.key, Changes())
        changed_before = any(result.changed for result in self._results.values())
        return None if planned and changed_before else planned

    def _others(self, index: int) -> tuple[Chunk, ...]:
        """Return the chunks that may be done at one go with this one: same group, nothing to wait for."""
        chunks = self._compiled.chunks
        return tuple(
            chunks[other]
            for other in self._groups.get(index, ())
            if other != index and other not in self._results and self._is_free(chunks[other])
        )

    def _is_free(self, chunk: Chunk) -> bool:
        wanted = chunk.globals
        conditional = (wanted.onlyif, wanted.unless, wanted.creates, wanted.retry, wanted.test)
        return (
            all(one is None for one in conditional)
            and all(
                target in self._results and self._results[target].result is not False
                for requisite in chunk.requisites
                if requisite.kind in (Kind.REQUIRE, Kind.WATCH)
                for target in requisite.targets
            )
            and all(
                requisite.kind in (Kind.REQUIRE, Kind.WATCH, Kind.LISTEN) for requisite in chunk.requisites
            )
        )

    def _not_run(self, judgement: Judgement) -> Result:
        if judgement.status is not Status.FAILED:
            return self._worker.not_run(True, COMMENTS[judgement.status])
        chunks = self._compiled.chunks
        failed = ", ".join(f"{chunks[one].sls}.{chunks[one].id}" for one in dict.fromkeys(judgement.failed))
        return self._worker.not_run(False, f"One or more requisite failed: {failed}")

    # --- after all ----------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Let those that listen do what they do when a watched state has changed, each once."""
        for listener in self._compiled.listeners:
            changed = [one for one in listener.sources if one in self._results and self._results[one].changed]
            if not changed or self._stop():
                continue
            chunk = self._compiled.chunks[listener.chunk]
            watched = names_of(self._compiled.chunks, changed)
            task = Task(chunk=chunk, dry=self._is_dry(chunk), watched=watched, listening=True)
            result = self._worker.do(task)
            if result.ran:
                heard = msgspec.structs.replace(chunk, id=f"listener_{chunk.id}", function="mod_watch")
                self._listeners.append((heard, result))
                self._ended(heard, result)

    def _shaped(self) -> Iterator[tuple[str, dict[str, Any]]]:
        number = 0
        for step in self._compiled.steps:
            if step.look or step.chunk not in self._results:
                continue
            chunk, result = self._compiled.chunks[step.chunk], self._results[step.chunk]
            key, shape = _shape(chunk, result, number)
            yield key, {**shape, "marks": [of_arguments(chunk), result.mark]} if self._wishes.marks else shape
            number += 1
        for chunk, result in self._listeners:
            yield _shape(chunk, result, number)
            number += 1


def _shape(chunk: Chunk, result: Result, number: int) -> tuple[str, dict[str, Any]]:
    return chunk.key, in_salt_shape(result, chunk.id, chunk.name, chunk.sls, number)


def _freed(step: int, waiting: Mapping[int, list[int]], open_: list[set[int]]) -> Iterator[int]:
    """Give the steps that waited for ``step`` and now wait for nothing more."""
    for one in waiting.get(step, ()):
        open_[one].discard(step)
        if not open_[one]:
            yield one


def _prerequirers(compiled: Compiled) -> dict[int, list[int]]:
    """Return for each chunk those that have a ``prereq`` on it."""
    found: dict[int, list[int]] = {}
    for index, chunk in enumerate(compiled.chunks):
        for requisite in chunk.requisites:
            if requisite.kind is Kind.PREREQ:
                for target in requisite.targets:
                    found.setdefault(target, []).append(index)
    return found
