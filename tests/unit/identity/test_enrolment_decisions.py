"""Who is taken in: whatever is asked, nobody without proof, with a key cut off, or under a taken name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.identity.enrolment import Answer, Known, Request, decide, prove
from saltern.identity.keys import KeyPair, Kind
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey, fingerprint

PAIR, OTHER = KeyPair.new(Kind.USER), KeyPair.new(Kind.USER)
SUBJECT = "enrol.open"
NAMES = st.sampled_from(["web1", "web2", "db1", "", "../x", "a\x00b"])
STATES = st.sampled_from(sorted(KeyState))


def agent(pair: KeyPair, name: str, state: KeyState) -> Agent:
    key = AgentKey(pair.public)
    return Agent(key=key, name=name, state=state, fingerprint=fingerprint(key), created=0.0)


def request(
    name: str = "web1", *, pair: KeyPair = PAIR, subject: str = SUBJECT, nonce: bytes = bytes(32)
) -> Request:
    return Request(pair.public, name, nonce, prove(pair, subject, name, nonce))


def known(**facts: object) -> Known:
    given = {
        "same_key": None,
        "same_name": None,
        "token_pattern": None,
        "pending": 0,
        "pending_limit": 9,
        **facts,
    }
    return Known(**given)  # type: ignore[arg-type]


WORLDS = st.builds(
    Known,
    same_key=st.none() | st.builds(agent, st.just(PAIR), NAMES, STATES),
    same_name=st.none() | st.builds(agent, st.just(OTHER), NAMES, st.just(KeyState.ACCEPTED)),
    token_pattern=st.none() | st.sampled_from(["*", "web*", "db*", "[!w]*"]),
    pending=st.integers(0, 3),
    pending_limit=st.integers(0, 3),
    token_refusal=st.sampled_from(["", "this join token is expired"]),
)


@given(WORLDS, NAMES, st.sampled_from(["", "nonce", "name", "subject", "proof", "key"]))
def test_a_request_with_anything_forged_is_refused(world: Known, name: str, forged: str) -> None:
    honest = request(name)
    match forged:
        case "nonce":
            honest = honest._replace(nonce=b"\x01" * 32)
        case "name":
            honest = honest._replace(name="web3")
        case "proof":
            honest = honest._replace(proof=bytes(64))
        case "key":
            honest = honest._replace(key=OTHER.public)
        case "subject":
            honest = request(name, subject="enrol.UOTHER")
    if forged:
        assert decide(honest, SUBJECT, world).answer is Answer.REFUSE


@given(WORLDS, NAMES)
def test_who_is_accepted_has_a_right_to_be(world: Known, name: str) -> None:
    verdict = decide(request(name), SUBJECT, world)
    if verdict.answer is not Answer.ACCEPT:
        return
    known_as = world.same_key
    if known_as is not None and known_as.state is KeyState.ACCEPTED:
        assert known_as.name == name
    else:
        assert world.same_name is None
        assert world.token_pattern is not None
        assert not world.token_refusal
        assert known_as is None or known_as.state is KeyState.PENDING


@given(WORLDS, NAMES)
def test_a_key_cut_off_never_comes_back(world: Known, name: str) -> None:
    if world.same_key is not None and world.same_key.state in (KeyState.REVOKED, KeyState.REJECTED):
        assert decide(request(name), SUBJECT, world).answer is Answer.REFUSE


@given(WORLDS, NAMES)
def test_a_refusal_says_why(world: Known, name: str) -> None:
    verdict = decide(request(name), SUBJECT, world)
    assert (verdict.answer is Answer.REFUSE) == bool(verdict.code) == bool(verdict.message)


@given(st.binary(max_size=64), st.binary(max_size=80), st.text(max_size=60), st.text(max_size=60))
def test_garbage_is_refused(nonce: bytes, proof: bytes, key: str, name: str) -> None:
    world = known(token_pattern="*")
    assert decide(Request(key, name, nonce, proof), SUBJECT, world).answer is Answer.REFUSE
    assert decide(Request(PAIR.public, "web1", nonce, proof), SUBJECT, world).answer is Answer.REFUSE


@pytest.mark.parametrize(
    ("world", "answer", "code"),
    [
        (known(token_pattern="*"), Answer.ACCEPT, ""),
        (known(token_pattern="web?"), Answer.ACCEPT, ""),
        (known(token_pattern="db*"), Answer.REFUSE, "token"),
        (known(token_pattern="*", token_refusal="this join token is spent"), Answer.REFUSE, "token"),
        (known(), Answer.WAIT, ""),
        (known(pending=9), Answer.REFUSE, "too_many_pending"),
        (known(pending=9, same_key=agent(PAIR, "web1", KeyState.PENDING)), Answer.WAIT, ""),
        (known(same_key=agent(PAIR, "web1", KeyState.ACCEPTED)), Answer.ACCEPT, ""),
        (known(same_key=agent(PAIR, "db1", KeyState.ACCEPTED)), Answer.REFUSE, "renamed"),
        (known(same_key=agent(PAIR, "web1", KeyState.REVOKED), token_pattern="*"), Answer.REFUSE, "revoked"),
        (
            known(same_name=agent(OTHER, "web1", KeyState.ACCEPTED), token_pattern="*"),
            Answer.REFUSE,
            "duplicate_name",
        ),
    ],
)
def test_each_world_has_its_answer(world: Known, answer: Answer, code: str) -> None:
    verdict = decide(request(), SUBJECT, world)
    assert (verdict.answer, verdict.code) == (answer, code)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_nonce_has_its_length(length: int) -> None:
    assert decide(request(nonce=bytes(length)), SUBJECT, known(token_pattern="*")).code == "no_proof"
