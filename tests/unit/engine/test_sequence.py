"""Which steps wait for which."""

from __future__ import annotations

from saltern.engine.sequence import waits
from saltern.sls.low import Chunk, Compiled, Globals, Kind, Requisite, Step


def chunk(name: str, *needs: int, kind: Kind = Kind.REQUIRE, parallel: bool = False) -> Chunk:
    requisites = (Requisite(kind=kind, module="test", pattern="*", targets=needs),) if needs else ()
    return Chunk(
        module="test",
        function="nop",
        id=name,
        name=name,
        sls="a",
        saltenv="base",
        order=1,
        requisites=requisites,
        globals=Globals(parallel=parallel),
    )


def run(*chunks: Chunk, steps: tuple[Step, ...] = ()) -> Compiled:
    return Compiled(chunks=chunks, steps=steps or tuple(map(Step, range(len(chunks)))))


def test_in_order_each_waits_for_the_one_before() -> None:
    assert waits(run(chunk("a"), chunk("b"), chunk("c")), auto=False) == [set(), {0}, {1}]


def test_nobody_waits_for_what_runs_beside_unless_it_is_required() -> None:
    compiled = run(chunk("a"), chunk("b", parallel=True), chunk("c"), chunk("d", 1))
    assert waits(compiled, auto=False) == [set(), {0}, {0}, {1, 2}]


def test_at_once_only_requisites_count() -> None:
    assert waits(run(chunk("a"), chunk("b"), chunk("c", 0)), auto=True) == [set(), set(), {0}]


def test_who_listens_waits_for_nobody() -> None:
    assert waits(run(chunk("a"), chunk("b", 0, kind=Kind.LISTEN)), auto=True) == [set(), set()]


def test_a_prereq_waits_for_the_look_and_the_other_for_it() -> None:
    compiled = run(
        chunk("before", 1, kind=Kind.PREREQ), chunk("it"), steps=(Step(1, look=True), Step(0), Step(1))
    )
    assert waits(compiled, auto=True) == [set(), {0}, {0, 1}]


def test_paths_wait_for_what_is_at_above_and_below_them() -> None:
    compiled = run(
        chunk("/srv"), chunk("/srv/a/b"), chunk("/etc"), chunk("/srv/a/b"), chunk("/srv/a"), chunk("x")
    )
    assert waits(compiled, auto=True) == [set(), {0}, set(), {0, 1}, {0, 3}, set()]
