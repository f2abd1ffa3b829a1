"""Who is taken in, and what he gets: the controller's side, around the pure decision."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from saltern.controller.admission import Admission
from saltern.controller.settings import ControllerSettings, Enrolment
from saltern.foundation.errors import Conflict, NotAllowed, UsageError
from saltern.identity import enrolment, jwt
from saltern.identity import tokens as join_tokens
from saltern.identity.authorise import Action, Principal, Role, authorise
from saltern.identity.authority import Authority
from saltern.identity.keys import KeyPair, Kind
from saltern.messages.v1 import Denied, Enrol, Enrolled, Pending, Renewed
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey, fingerprint
from saltern.model.request import TokenRequest
from saltern.model.token import NewToken, Token
from saltern.transport.connection import Endpoint

ADMIN = Principal(name="root", role=Role.ADMIN, via="unix:0")
ENDPOINT = Endpoint(("tls://192.0.2.1:4222",), "-----BEGIN", "broker.saltern.internal")


class Tokens:
    """The store's tokens."""

    def __init__(self) -> None:
        self.made: dict[str, Token] = {}

    async def create(self, token: Token) -> None:
        """Keep a token."""
        self.made[token.id] = token

    async def get(self, id: str) -> Token | None:
        """Return a token."""
        return self.made.get(id)

    def change(self, id: str, **fields: Any) -> None:
        """Change a token."""
        self.made[id] = msgspec.structs.replace(self.made[id], **fields)


class World:
    """Store, fleet, happenings, peers and clock of one controller, in memory."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.time = 1_000_000.0
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.known: dict[AgentKey, Agent] = {}
        self.tokens = Tokens()
        self.race: Exception | None = None
        self.authority = Authority(directory, self)
        everything = cast(Any, self)
        self.admission = Admission(
            authority=self.authority,
            endpoint=ENDPOINT,
            store=everything,
            fleet=everything,
            fabric=everything,
            happenings=everything,
            peers=everything,
            settings=ControllerSettings(enrolment=Enrolment(**settings)),
            clock=self,
        )

    def now(self) -> float:
        """Return the time."""
        return self.time

    steady = now

    @property
    def agents(self) -> World:
        """Stand for the store's agents."""
        return self

    def get(self, key: AgentKey) -> Agent | None:
        """Return an agent of the fleet."""
        return self.known.get(key)

    async def count(self, state: KeyState) -> int:
        """Count agents in a state."""
        return sum(agent.state is state for agent in self.known.values())

    async def add(self, agent: Agent, *, token: str | None) -> Agent:
        """Take an agent in, using up its token; another may have been quicker."""
        if self.race is not None:
            raise self.race
        if token is not None and (left := self.tokens.made[token].uses_left) is not None:
            self.tokens.change(token, uses_left=left - 1)
        return agent

    def accepted(self, key: AgentKey) -> Agent | None:
        """Return the agent if it is trusted."""
        agent = self.known.get(key)
        return agent if agent and agent.state is KeyState.ACCEPTED else None

    def holder(self, name: str, *, besides: AgentKey) -> Agent | None:
        """Return who has a name."""
        return next(
            (
                each
                for each in self.known.values()
                if each.name == name and each.key != besides and self.accepted(each.key)
            ),
            None,
        )

    def put(self, agent: Agent) -> None:
        """Keep an agent."""
        self.known[agent.key] = agent

    def emit(self, tag: str, data: dict[str, Any], key: AgentKey | None = None) -> None:
        """Keep an event."""
        self.events.append((tag, data))

    def tell(self, news: object) -> None:
        """Nobody else is here."""

    # driving

    def token(self, **wishes: Any) -> NewToken:
        """Make a token."""
        decision = authorise(ADMIN, Action.TOKEN_CHANGE)
        return asyncio.run(self.admission.create_token(decision, TokenRequest(**wishes)))

    def enrol(self, pair: KeyPair, name: str, token: str = "open") -> Enrolled | Pending | Denied:
        """Ask to be taken in."""
        subject, nonce = f"enrol.{token}", os.urandom(32)
        proof = enrolment.prove(pair, subject, name, nonce)
        request = Enrol(key=AgentKey(pair.public), name=name, nonce=nonce, proof=proof, version="1")
        return asyncio.run(self.admission.enrol(subject, request))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def pair() -> KeyPair:
    return KeyPair.new(Kind.USER)


def test_a_token_lets_in_who_it_is_for_with_all_it_needs(world: World, pair: KeyPair) -> None:
    made = world.token(id_pattern="web*", grains={"role": "web"})
    answer = world.enrol(pair, "web1", made.id)
    assert isinstance(answer, Enrolled)
    assert (answer.name, answer.grains, answer.urls, answer.ca) == (
        "web1",
        {"role": "web"},
        ENDPOINT.urls,
        ENDPOINT.ca,
    )
    assert answer.signer == world.authority.orders.public
    claims = jwt.read(answer.jwt)
    assert (claims.sub, claims.exp) == (pair.public, int(world.time + 30 * 86_400))
    assert world.events[-1][0] == "enrol/accepted"


def test_a_lost_answer_can_be_asked_for_again_and_uses_nothing_up(world: World, pair: KeyPair) -> None:
    made = world.token(uses=2)
    first, second = world.enrol(pair, "web1", made.id), world.enrol(pair, "web1", made.id)
    assert isinstance(first, Enrolled)
    assert isinstance(second, Enrolled)
    assert world.tokens.made[made.id].uses_left == 1
    assert [tag for tag, _ in world.events] == ["enrol/accepted"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"uses_left": 0}, "this join token is spent"),
        ({"revoked": 1.0}, "this join token is revoked"),
        ({"expires": 1.0}, "this join token is expired"),
        ({"id_pattern": "db*"}, "this token is for names like 'db*', not 'web1'"),
    ],
)
def test_a_token_that_is_no_good_says_why(
    world: World, pair: KeyPair, change: dict[str, Any], says: str
) -> None:
    made = world.token()
    world.tokens.change(made.id, **change)
    answer = world.enrol(pair, "web1", made.id)
    assert isinstance(answer, Denied)
    assert (answer.message, answer.final) == (says, True)
    assert world.events[-1] == ("enrol/refused/token", {"name": "web1", "message": says})
    assert world.known == {}


def test_a_token_nobody_made_lets_nobody_in(world: World, pair: KeyPair) -> None:
    answer = world.enrol(pair, "web1", KeyPair.new(Kind.USER).public)
    assert isinstance(answer, Denied)
    assert answer.message == "there is no such join token"


def test_without_a_token_one_waits_and_the_waiting_are_bounded(tmp_path: Path) -> None:
    world = World(tmp_path, pending_limit=2)
    pairs = [KeyPair.new(Kind.USER) for _ in range(3)]
    answers = [world.enrol(pair, f"web{number}") for number, pair in enumerate(pairs)]
    assert [type(answer) for answer in answers] == [Pending, Pending, Denied]
    assert isinstance(answers[0], Pending)
    assert answers[0].fingerprint == fingerprint(pairs[0].public)
    assert isinstance(world.enrol(pairs[0], "web0"), Pending), "who waits already may ask again"


def test_nobody_waits_where_that_is_not_wanted(tmp_path: Path, pair: KeyPair) -> None:
    assert isinstance(World(tmp_path, pending=False).enrol(pair, "web1"), Denied)


def test_who_loses_a_race_for_a_name_or_a_token_is_told_so(world: World, pair: KeyPair) -> None:
    made = world.token()
    for error in (Conflict("the name 'web1' is taken"), NotAllowed("this join token is spent")):
        world.race = error
        answer = world.enrol(pair, "web1", made.id)
        assert isinstance(answer, Denied)
        assert (answer.code, answer.message) == (error.code, error.message)
        assert world.known == {}


def test_only_who_is_accepted_gets_a_new_credential(world: World, pair: KeyPair) -> None:
    key = AgentKey(pair.public)
    refused = world.admission.renew(key)
    assert isinstance(refused, Denied)
    assert refused.final
    world.enrol(pair, "web1", world.token().id)
    renewed = world.admission.renew(key)
    assert isinstance(renewed, Renewed)
    assert renewed.expires > renewed.issued == world.time


def test_the_secret_of_a_token_is_in_its_text_only(world: World) -> None:
    made = world.token(ttl=60.0, note="for the web")
    inside = join_tokens.read(made.text)
    assert (inside.id, inside.urls, inside.ca, inside.host) == (made.id, *ENDPOINT)
    assert inside.seed not in repr(world.tokens.made[made.id])
    claims = jwt.read(inside.jwt)
    assert (claims.sub, claims.exp) == (made.id, int(world.time + 60))


@pytest.mark.parametrize(
    "wishes", [{"ttl": 0.0}, {"ttl": -1.0}, {"ttl": 1e9}, {"ttl": float("nan")}, {"uses": 0}]
)
def test_a_token_that_makes_no_sense_is_not_made(world: World, wishes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        world.token(**wishes)
    assert world.tokens.made == {}


def test_a_decision_about_something_else_makes_no_token(world: World) -> None:
    with pytest.raises(NotAllowed):
        asyncio.run(world.admission.create_token(authorise(ADMIN, Action.TOKEN_READ), TokenRequest()))
