"""Presence stays the truth, whatever order the news comes in."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from saltern.controller.presence import Change, Link, LinkId, Presence
from saltern.model.ids import AgentKey

KEYS = st.sampled_from([AgentKey("A"), AgentKey("B")])
INSTANCES = st.sampled_from(["one", "two"])
LINK_IDS = st.builds(LinkId, st.sampled_from(["s", "t"]), st.integers(1, 12))


@st.composite
def links(draw: st.DrawFn) -> Link:
    """A connection whose number says whose it is, as a broker never uses a number again."""
    id = draw(LINK_IDS)
    owner = AgentKey("AB"[id.number % 2])
    return Link(id, owner, ("one", "two")[id.number // 2 % 2], "192.0.2.1", 5.0)


class AnyOrder(RuleBasedStateMachine):
    """Keeps the plain facts beside, and the sum of all changes told."""

    def __init__(self) -> None:
        super().__init__()
        self.presence = Presence({AgentKey("A"): "one"})
        self.links: dict[LinkId, Link] = {}
        self.used: set[LinkId] = set()
        self.asked = False
        self.answer: list[Link] | None = None
        self.welcomed: dict[AgentKey, str] = {AgentKey("A"): "one"}
        self.told: dict[AgentKey, str] = {}  # who is online, with which process

    def tell(self, changes: list[Change]) -> None:
        """Take in changes; none may say what was known already."""
        for change in changes:
            assert self.told.get(change.key) != (change.instance if change.online else None)
            if change.online:
                self.told[change.key] = change.instance
            else:
                del self.told[change.key]

    @rule(link=links())
    def connect(self, link: Link) -> None:
        if link.id in self.used:
            return
        self.used.add(link.id)
        self.links[link.id] = link
        self.tell(self.presence.connected(link))

    @rule(id=LINK_IDS)
    def disconnect(self, id: LinkId) -> None:
        self.used.add(id)
        self.links.pop(id, None)
        self.tell(self.presence.disconnected(id, 9.0))

    @rule(key=KEYS, instance=INSTANCES)
    def welcome(self, key: AgentKey, instance: str) -> None:
        self.welcomed[key] = instance
        self.tell(self.presence.welcome(key, instance, 9.0))

    @rule(key=KEYS)
    def forget(self, key: AgentKey) -> None:
        self.welcomed.pop(key, None)
        self.tell(self.presence.forget(key, 9.0))

    @rule()
    def ask_the_broker(self) -> None:
        self.presence.ask()
        self.answer = None
        self.asked = True

    @precondition(lambda self: self.asked)
    @rule()
    def it_answers_with_what_is_at_that_moment(self) -> None:
        self.answer = list(self.links.values())

    @precondition(lambda self: self.asked and self.answer is not None)
    @rule()
    def the_answer_arrives_when_more_has_happened(self) -> None:
        assert self.answer is not None
        self.asked = False
        self.tell(self.presence.replace(self.answer, 9.0))

    @rule(unheard=st.lists(links(), max_size=6))
    def lose_the_broker_and_find_it_again(self, unheard: list[Link]) -> None:
        self.links = {}
        self.tell(self.presence.lose(9.0))
        self.presence.ask()
        self.asked = False
        self.links = {link.id: link for link in unheard if link.id not in self.used}
        self.used |= set(self.links)
        self.tell(self.presence.replace(self.links.values(), 9.0))

    @invariant()
    def online_is_a_link_of_the_welcomed_process(self) -> None:
        expected = {link.key for link in self.links.values() if self.welcomed.get(link.key) == link.instance}
        assert {key for key in ("A", "B") if self.presence.online(AgentKey(key))} == expected
        assert len(self.presence) == len(expected)

    @invariant()
    def the_changes_told_add_up_to_who_is_online(self) -> None:
        online = {key for key in self.welcomed if self.presence.online(key)}
        assert self.told == {key: self.welcomed[key] for key in online}

    @invariant()
    def rivals_are_links_of_another_process_that_was_welcomed(self) -> None:
        for key in (AgentKey("A"), AgentKey("B")):
            rivals = self.presence.others(key, "two")
            assert all(link.instance == self.welcomed[key] != "two" for link in rivals)
            assert bool(rivals) == (self.presence.online(key) and self.welcomed[key] != "two")


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_a_revoked_agent_is_gone_before_its_connection_is() -> None:
    presence = Presence({})
    key = AgentKey("A")
    presence.connected(Link(LinkId("s", 1), key, "one", "192.0.2.1", 5.0))
    assert presence.welcome(key, "one", 6.0) == [Change(key, True, 6.0, "one", "192.0.2.1")]
    assert presence.forget(key, 7.0) == [Change(key, False, 7.0, "one", "192.0.2.1")]
    assert presence.disconnected(LinkId("s", 1), 8.0) == []


def test_an_old_process_that_leaves_late_does_not_take_the_new_one_with_it() -> None:
    presence = Presence({})
    key = AgentKey("A")
    for number, instance in ((1, "old"), (2, "new")):
        presence.connected(Link(LinkId("s", number), key, instance, "192.0.2.1", 5.0))
        presence.welcome(key, instance, 6.0)
    assert presence.disconnected(LinkId("s", 1), 7.0) == []
    assert presence.online(key)
