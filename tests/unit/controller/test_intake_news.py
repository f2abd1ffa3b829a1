"""What agents say out of turn is an event, and takes nobody down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.controller.admission import advertised
from saltern.controller.happenings import Happenings
from saltern.controller.intake import GrainsWatch
from saltern.foundation.clock import SystemClock
from saltern.messages.v1 import Event, Grains, encode
from saltern.model.ids import AgentKey
from saltern.model.system import Happening
from saltern.transport.connection import Message


def message(subject: str, data: bytes) -> Message:
    return Message(subject, data, "", cast(Any, None))


def heard(send: Callable[[Happenings], Any], count: int = 1, pattern: str = "*") -> list[Happening]:
    """Return the first ``count`` events that a listener gets after ``send``."""

    async def run() -> list[Happening]:
        happenings = Happenings(SystemClock())
        listener: AsyncIterator[Happening] = happenings.listen(pattern)
        first = asyncio.ensure_future(anext(listener))
        await asyncio.sleep(0)
        sent = send(happenings)
        if asyncio.iscoroutine(sent):
            await sent
        found = [await asyncio.wait_for(first, 5)]
        while len(found) < count:
            found.append(await asyncio.wait_for(anext(listener), 5))
        return found

    return asyncio.run(run())


def test_an_agents_event_is_the_agents() -> None:
    data = encode(Event(at=5.0, data={"key": "UOTHER", "n": 1}))
    [event] = heard(lambda happenings: happenings._on_event(message("event.UME.disk.full", data)))
    assert event == Happening(at=5.0, tag="disk/full", key=AgentKey("UME"), data={"key": "UOTHER", "n": 1})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01garbage",
        encode(Event(at=1.0, data={"a": {(): 1}})),  # MessagePack can, JSON cannot
        encode(Event(at=1.0, data={"a": msgspec.msgpack.Ext(5, b"x")})),
    ],
)
def test_an_event_that_makes_no_sense_is_an_event(data: bytes) -> None:
    [event] = heard(lambda happenings: happenings._on_event(message("event.UME.disk.full", data)))
    assert event.tag == "malformed"
    assert event.key == "UME"
    assert event.data["tag"] == "disk.full"


@given(st.binary(max_size=100))
def test_whatever_an_agent_sends_listeners_can_be_told(data: bytes) -> None:
    [event] = heard(lambda happenings: happenings._on_event(message("event.UME.x", b"\x01" + data)))
    assert msgspec.json.encode(event)


def test_a_listener_that_falls_behind_is_told_how_much_it_missed() -> None:
    def flood(happenings: Happenings) -> None:
        for number in range(2500):
            happenings.emit("n", {"number": number})

    found = heard(flood, count=2)
    missed = next(event for event in found if event.tag == "events/missed")
    assert missed.data["count"] >= 900


class Fleet:
    """Keeps the grains it is given; its one agent is UME."""

    def __init__(self) -> None:
        self.grains: dict[str, dict[str, Any]] = {}

    def set_grains(self, key: AgentKey, grains: dict[str, Any]) -> None:
        """Keep them."""
        self.grains[key] = grains

    def accepted(self, key: AgentKey) -> object | None:
        """Tell whether it is known."""
        return object() if key == "UME" else None


class Asked:
    """Keeps whose grains are asked for."""

    def __init__(self) -> None:
        self.keys: list[AgentKey] = []

    async def probe(self, key: AgentKey, *, grains: bool) -> None:
        """Keep it."""
        assert grains
        self.keys.append(key)


def watch(happenings: Happenings) -> tuple[GrainsWatch, Fleet, Asked]:
    fleet, asked = Fleet(), Asked()
    return GrainsWatch(cast(Any, fleet), happenings, cast(Any, asked), SystemClock()), fleet, asked


NO_GRAINS = [b"", b"[1]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000]


@pytest.mark.parametrize(
    "data",
    [b"", b'{"os":"x"}', b'{"stream":"RETURNS","seq":7}', *(encode(Grains(data=data)) for data in NO_GRAINS)],
    ids=lambda data: data[:24].hex() or "nothing",
)
def test_grains_that_make_no_sense_are_an_event_and_asked_for_anew(data: bytes) -> None:
    made: list[tuple[GrainsWatch, Fleet, Asked]] = []

    async def send(happenings: Happenings) -> None:
        made.append(watch(happenings))
        await made[0][0].on_grains(message("$KV.grains.UME", data))

    [event] = heard(send)
    assert event.tag == "grains/malformed"
    assert event.data["key"] == "UME"
    assert made[0][1].grains == {}
    assert made[0][2].keys == ["UME"]


def test_nobody_makes_us_ask_again_and_again_nor_ask_strangers() -> None:
    async def run() -> list[AgentKey]:
        grains, _, asked = watch(Happenings(SystemClock()))
        for key in ("UME", "UME", "USTRANGER"):
            await grains.on_grains(message(f"$KV.grains.{key}", b"garbage"))
        return asked.keys

    assert asyncio.run(run()) == ["UME"]


def test_grains_are_the_senders() -> None:
    grains, fleet, _ = watch(Happenings(SystemClock()))
    asyncio.run(grains.on_grains(message("$KV.grains.UME", encode(Grains(data=b'{"os":"Debian"}')))))
    assert fleet.grains == {"UME": {"os": "Debian"}}


@pytest.mark.parametrize(
    ("listen", "advertise", "urls"),
    [
        ("192.0.2.1:4222", [], ("tls://192.0.2.1:4222",)),
        ("[2001:db8::1]:4222", [], ("tls://[2001:db8::1]:4222",)),
        ("0.0.0.0:4222", ["salt.example.com"], ("tls://salt.example.com:4222",)),
        (
            "0.0.0.0:4222",
            ["a.example.com:443", "b.example.com"],
            ("tls://a.example.com:443", "tls://b.example.com:4222"),
        ),
    ],
)
def test_agents_are_told_where_to_dial(listen: str, advertise: list[str], urls: tuple[str, ...]) -> None:
    assert advertised(listen, advertise) == urls


@pytest.mark.parametrize("listen", ["0.0.0.0:4222", "[::]:4222", ":4222"])
def test_who_listens_everywhere_names_this_machine(listen: str) -> None:
    urls = advertised(listen, [])
    assert urls
    assert all(url.startswith("tls://") and url.endswith(":4222") for url in urls)
    assert not any("0.0.0.0" in url or "[::]" in url for url in urls)
