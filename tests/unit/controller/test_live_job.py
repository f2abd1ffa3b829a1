"""What is counted of a job is what a recount would give."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from saltern.controller.live import LiveJob, Part, Watcher
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job
from saltern.model.status import SETTLED, VERDICTS, Status
from saltern.model.update import Output, Settled

JID = JobId("20260101000000000000")
KEYS = [AgentKey(letter) for letter in "ABC"]
NEWS = st.one_of(
    st.tuples(st.sampled_from(["A", "B", "C", "stranger"]), st.sampled_from(sorted(Status)), st.just(False)),
    st.tuples(st.sampled_from(["A", "B", "C", "stranger"]), st.sampled_from(sorted(VERDICTS)), st.just(True)),
)


def live_job(status: Status = Status.SENT) -> LiveJob:
    job = Job(jid=JID, fun="test.ping", target="*", user="root", created=0.0, timeout=60.0)
    return LiveJob(job, {key: Part(key.lower(), status, 0.0) for key in KEYS})


def settled(key: AgentKey) -> Settled:
    return Settled(jid=JID, key=key, name=key.lower(), status=Status.OK)


def output(text: str) -> Output:
    return Output(jid=JID, key=KEYS[0], name="a", stream="stdout", data=text)


@given(st.sampled_from([Status.QUEUED, Status.SENT, Status.OFFLINE]), st.lists(NEWS, max_size=30))
def test_counts_equal_a_recount_after_any_news(start: Status, news: list[tuple[str, Status, bool]]) -> None:
    live = live_job(start)
    for now, (key, status, proof) in enumerate(news):
        proven = {key for key, part in live.parts.items() if part.proven}
        moved = live.see(AgentKey(key), status, float(now), proof=proof)
        assert not (moved and key in proven), "what is proven moved"
        statuses = [part.status for part in live.parts.values()]
        assert +live.counts == Counter(statuses)
        assert live.settled == all(status in SETTLED for status in statuses)
        assert {key for key, _ in live.unsettled()} == {
            key for key, part in live.parts.items() if part.status not in SETTLED
        }


def test_news_of_a_stranger_changes_nothing() -> None:
    live = live_job()
    assert not live.see(AgentKey("stranger"), Status.OK, 1.0, proof=True)
    assert live.counts == {Status.SENT: 3}


def test_a_conclusion_is_no_sign_of_life() -> None:
    live = live_job()
    live.see(KEYS[0], Status.UNRESPONSIVE, 5.0)
    assert live.parts[KEYS[0]].heard == 0.0
    live.see(KEYS[0], Status.RUNNING, 6.0)
    assert live.parts[KEYS[0]].heard == 6.0


def test_only_what_no_return_proves_is_left_to_be_written() -> None:
    live = live_job()
    live.see(KEYS[0], Status.RECEIVED, 1.0)
    live.see(KEYS[1], Status.OK, 1.0, proof=True)
    assert live.dirty == {KEYS[0]}


def test_every_move_wakes_the_watchers() -> None:
    live, watcher = live_job(), Watcher(output=False)
    live.watchers.add(watcher)
    live.see(KEYS[0], Status.RECEIVED, 1.0)
    assert watcher.changed.is_set()


def test_a_watcher_that_is_slow_is_bounded_and_misses_no_return() -> None:
    watcher = Watcher(output=True)
    for number in range(20_000):
        watcher.progressed(output(str(number)))
    waiting = len(watcher)
    assert waiting < 20_000
    watcher.settled(settled(KEYS[0]))
    assert len(watcher) == waiting
    assert watcher.missed == {KEYS[0]}


def test_output_is_for_those_who_asked_for_it() -> None:
    watcher = Watcher(output=False)
    watcher.progressed(output("hello"))
    assert not len(watcher)
