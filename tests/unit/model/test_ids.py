"""Identifiers: their form, their order, and that each is made once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.model.ids import JobId, fingerprint, is_agent_key, is_agent_name, is_job_id, new_job_id


def test_a_job_id_is_the_time_of_its_making() -> None:
    moment = datetime(2126, 11, 22, 13, 5, 0, 123456, tzinfo=UTC).timestamp()
    assert new_job_id(moment).startswith("21261122130500")


def test_job_ids_are_made_once_and_sort_by_time_also_when_the_clock_goes_back() -> None:
    now = datetime(2127, 1, 1, tzinfo=UTC).timestamp()
    made = [new_job_id(now - step) for step in range(100)]
    assert made == sorted(set(made))
    assert all(is_job_id(jid) for jid in made)


def test_threads_never_make_the_same_job_id() -> None:
    made: list[JobId] = []

    def make() -> None:
        made.extend([new_job_id(1.0) for _ in range(500)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 2000


@pytest.mark.parametrize("text", ["", "2" * 19, "2" * 21, "٢" * 20, "2" * 20 + "\n", "../../../../../../etc"])
def test_what_is_no_job_id(text: str) -> None:
    assert not is_job_id(text)


@pytest.mark.parametrize(
    "text", ["", "U" + "A" * 54, "A" * 56, "U" + "a" * 55, "U" + "1" * 55, "UA\n" + "A" * 53]
)
def test_what_is_no_agent_key(text: str) -> None:
    assert not is_agent_key(text)


@pytest.mark.parametrize("text", ["web1", "web1.example.com", "a", "A-b_c.9", "x" * 253])
def test_what_may_be_a_name(text: str) -> None:
    assert is_agent_name(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a..b", "-a", "a-", "a/b", "a b", "a\n", "a\x00", "ａ", "*", "x" * 254, "{{ x }}"]
)
def test_what_may_not_be_a_name(text: str) -> None:
    assert not is_agent_name(text)


@given(st.text())
def test_a_name_is_harmless_wherever_it_is_put(text: str) -> None:
    if is_agent_name(text):
        assert text.isascii()
        assert not set(text) & set("/\\*?[]{}<>|&;$`'\" \t\r\n\x00@:,()!#%+=~^")
        assert ".." not in text
        assert not text.startswith(("-", "."))


def test_a_fingerprint_is_written_as_people_know_it() -> None:
    shown = fingerprint("UABC")
    assert shown.startswith("SHA256:")
    assert len(shown) == len("SHA256:") + 43
