"""How far runs are, as agents tell it: no word of theirs can do harm."""

from __future__ import annotations

import json

import pytest

from saltern.controller import steps
from saltern.controller.live import LiveJob, Part
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job
from saltern.model.status import Status

JOB = Job(jid=JobId("2" * 20), fun="state.apply", target="*", user="root", created=0.0, timeout=60.0)


def live(count: int) -> LiveJob:
    parts = {AgentKey(f"K{n}"): Part(f"web{n}", Status.RUNNING, 0.0) for n in range(count)}
    return LiveJob(JOB, parts)


def test_sums_are_of_all_and_rows_of_those_furthest_behind() -> None:
    job = live(60)
    for number, part in enumerate(job.parts.values()):
        told = {"number": number, "of": 100, "running": "test.nop a", "changed": 1, "failed": 0}
        assert steps.take(job, part, json.dumps(told).encode())
    found = steps.stepped(job)
    assert (found.number, found.of, found.changed) == (sum(range(60)), 6000, 60)
    assert [step.name for step in found.steps] == [f"web{number}" for number in range(steps.SHOWN)]


def test_who_has_returned_is_counted_and_not_shown() -> None:
    job = live(2)
    for part in job.parts.values():
        steps.take(job, part, b'{"number": 1, "of": 2}')
    job.parts[AgentKey("K0")].status = Status.OK
    assert [step.name for step in steps.stepped(job).steps] == ["web1"]
    assert steps.stepped(job).number == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"number": -1, "of": 1}',
        b'{"number": "x"}',
        b'{"of": 99999999999999999999}',
        b"[" * 9000,
        b"\xff",
    ],
)
def test_nonsense_is_left_out(data: bytes) -> None:
    job = live(1)
    assert not steps.take(job, job.parts[AgentKey("K0")], data)
    assert not job.stepped
