"""What programs already installed send is understood, and what we send they understand."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from saltern.identity.enrolment import Answer, Known, Request, decide
from saltern.identity.keys import PublicKey
from saltern.messages.v1 import Enrol, Frame, Order, decode, encode, frames
from saltern.messages.v1.orders import verify

DIRECTORY = Path(__file__).parent / "v1"
#: Public halves of the keys that tools/golden_frames.py signs with.
CONTROLLER = "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK"

KINDS: dict[str, type[Frame]] = {
    str(kind.__struct_config__.tag): kind
    for _, kind in inspect.getmembers(frames, inspect.isclass)
    if issubclass(kind, Frame) and kind is not Frame
}


def kept(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DIRECTORY / f"{name}.json").read_text())
    return found


def raw(example: dict[str, Any]) -> bytes:
    return bytes.fromhex("".join(example["hex"]))


EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name in sorted(path.stem for path in DIRECTORY.glob("*.json"))
    for number, example in enumerate(kept(name))
]


def test_every_frame_has_an_example_and_every_example_a_frame() -> None:
    assert sorted(KINDS) == sorted(path.stem for path in DIRECTORY.iterdir()), "run tools.golden_frames"


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_the_kept_bytes_still_mean_the_same(name: str, example: dict[str, Any]) -> None:
    frame = decode(raw(example), KINDS[name])
    assert json.loads(msgspec.json.encode(frame)) == example["value"]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_the_same_value_still_makes_the_kept_bytes(name: str, example: dict[str, Any]) -> None:
    frame = msgspec.convert(example["value"], KINDS[name])
    assert decode(encode(frame), KINDS[name]) == decode(raw(example), KINDS[name])
    assert encode(decode(raw(example), KINDS[name])) == raw(example)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_first_example_sets_every_field(name: str) -> None:
    shown = {field for example in kept(name) for field in example["value"]} - {"t"}
    assert shown == set(KINDS[name].__struct_fields__)


def test_the_kept_signature_still_holds() -> None:
    order = decode(raw(kept("order")[0]), Order)
    assert verify(raw(kept("signed")[0]), PublicKey(CONTROLLER), order.to, order.issued) == order


def test_the_kept_proof_still_holds() -> None:
    asked = decode(raw(kept("enrol")[0]), Enrol)
    request = Request(asked.key, asked.name, asked.nonce, asked.proof)
    world = Known(same_key=None, same_name=None, token_pattern=None, pending=0, pending_limit=1)
    assert decide(request, "enrol.open", world).answer is Answer.WAIT
