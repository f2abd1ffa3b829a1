"""Keys, credentials and join tokens: what goes in comes out, and nothing else passes."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.foundation.errors import BadMessage, SalternError, SettingsError, UsageError
from saltern.identity import jwt, permissions, tokens
from saltern.identity.keys import KeyPair, Kind, PublicKey
from saltern.model.ids import AgentKey, is_agent_key

PAIR = KeyPair.new(Kind.USER)
ACCOUNT = KeyPair.new(Kind.ACCOUNT)
TOKEN = tokens.JoinToken(
    urls=("tls://192.0.2.1:4222",), ca="-----BEGIN", host="broker", jwt="a.b.c", seed=PAIR.reveal()
)
SUBJECTS = st.lists(st.text("abc.*>", min_size=1, max_size=8), max_size=4)


def claims(text: str) -> dict[str, object]:
    body = text.split(".")[1]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def changed(text: str, position: int, letter: str) -> str:
    return text[: position % len(text)] + letter + text[position % len(text) + 1 :]


# --- keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "letter"), [(Kind.OPERATOR, "O"), (Kind.ACCOUNT, "A"), (Kind.USER, "U")])
def test_a_key_shows_what_it_stands_for(kind: Kind, letter: str) -> None:
    assert KeyPair.new(kind).public[0] == letter


def test_an_agents_key_has_the_form_of_one() -> None:
    assert is_agent_key(KeyPair.new(Kind.USER).public)


def test_the_secret_shows_nowhere() -> None:
    assert PAIR.reveal() not in repr(PAIR) + str(PAIR) + repr(TOKEN) + f"{TOKEN}"


@given(st.binary(max_size=200))
def test_a_signature_proves_its_message_and_no_other(data: bytes) -> None:
    public, signature = PublicKey(PAIR.public), PAIR.sign(data)
    assert public.verifies(data, signature)
    assert not public.verifies(data + b"x", signature)
    assert not PublicKey(ACCOUNT.public).verifies(data, signature)


@given(st.binary(max_size=100))
def test_random_bytes_are_no_signature(signature: bytes) -> None:
    assert not PublicKey(PAIR.public).verifies(b"data", signature)


@given(st.integers(0, 55), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_key_with_one_letter_changed_is_refused(position: int, letter: str) -> None:
    text = changed(PAIR.public, position, letter)
    if text == PAIR.public:
        assert PublicKey(text).text == PAIR.public
    else:
        with pytest.raises(UsageError):
            PublicKey(text)


@given(st.integers(0, 56), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_seed_with_one_letter_changed_is_refused(position: int, letter: str) -> None:
    text = changed(PAIR.reveal(), position, letter)
    if text != PAIR.reveal():
        with pytest.raises(UsageError, match="private key"):
            KeyPair(text)


@given(st.text(max_size=80) | st.text("ABCDEFG234567=", max_size=80) | st.just(PAIR.public + "=" * 8))
def test_no_other_text_is_a_key(text: str) -> None:
    with pytest.raises(UsageError):
        PublicKey(text)


@given(st.text(max_size=80) | st.text("SUAO234567BC", max_size=60))
def test_no_other_text_is_a_seed(text: str) -> None:
    with pytest.raises(UsageError, match="private key"):
        KeyPair(text)


def test_a_key_is_made_once_private_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "keys/agent.nk"
    made = KeyPair.load_or_make(path, Kind.USER)
    assert KeyPair.load_or_make(path, Kind.USER).public == made.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff\xfe", b"SU" + b"A" * 56])
def test_a_damaged_key_file_is_named_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "agent.nk"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        KeyPair.load_or_make(path, Kind.USER)
    assert caught.value.where == str(path)
    assert path.read_bytes() == content


# --- credentials --------------------------------------------------------------------------------------


@given(st.text(max_size=30), SUBJECTS, SUBJECTS, st.integers(1, 2**33), st.integers(1, 2**33))
def test_a_credential_says_what_it_was_made_to_say(
    name: str, publish: list[str], subscribe: list[str], issued: int, expires: int
) -> None:
    made = jwt.user_jwt(
        PAIR, ACCOUNT.public, "UX", name, publish=publish, subscribe=subscribe, issued=issued, expires=expires
    )
    assert jwt.read(made) == jwt.Claims(sub="UX", iss=PAIR.public, iat=issued, exp=expires, name=name)
    nats = claims(made)["nats"]
    assert isinstance(nats, dict)
    for part, subjects in (("pub", publish), ("sub", subscribe)):
        assert nats[part] == ({"allow": subjects} if subjects else {"deny": [">"]})


def test_it_is_signed_by_whom_it_names() -> None:
    made = jwt.user_jwt(
        PAIR, ACCOUNT.public, "UX", "x", publish=["a"], subscribe=["b"], issued=1, expires=None
    )
    head, _, signature = made.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    assert PublicKey(PAIR.public).verifies(head.encode(), raw)


@given(st.text() | st.text("ey.J-_=", max_size=40) | st.text(max_size=30).map(lambda text: f"a.{text}.b"))
def test_what_is_no_credential_is_an_error(text: str) -> None:
    with pytest.raises(BadMessage):
        jwt.read(text)


def test_revocations_void_what_was_issued_until_then() -> None:
    operator = KeyPair.new(Kind.OPERATOR)
    made = jwt.account_jwt(
        operator, ACCOUNT.public, "A", signing_keys=[PAIR.public], revocations={"UX": 7}, issued=9.9
    )
    nats = claims(made)["nats"]
    assert isinstance(nats, dict)
    assert nats["revocations"] == {"UX": 7}
    assert nats["signing_keys"] == [PAIR.public]
    assert claims(made)["iat"] == 9


def test_an_agent_may_use_its_own_subjects_and_no_others() -> None:
    key = AgentKey(PAIR.public)
    made = permissions.agent_jwt(ACCOUNT, ACCOUNT.public, key, "web1", issued=1, expires=2)
    nats = claims(made)["nats"]
    assert isinstance(nats, dict)
    for subject in nats["pub"]["allow"] + nats["sub"]["allow"]:
        assert key in subject.split(".")
    assert nats["sub"]["allow"] == [f"job.{key}", f"_in.{key}.>"]
    assert "bearer_token" not in nats


def test_the_holder_of_a_token_can_only_enrol() -> None:
    made = permissions.token_jwt(ACCOUNT, ACCOUNT.public, "UTOKEN", issued=1, expires=2)
    nats = claims(made)["nats"]
    assert isinstance(nats, dict)
    assert nats["pub"] == {"allow": ["enrol.UTOKEN"]}
    assert nats["sub"] == {"allow": ["_in.UTOKEN.>"]}


def test_who_comes_with_nothing_can_only_ask_to_be_taken_in() -> None:
    nats = claims(permissions.open_jwt(ACCOUNT, ACCOUNT.public, "UOPEN", issued=1))["nats"]
    assert isinstance(nats, dict)
    assert nats["pub"] == {"allow": ["enrol.open"]}
    assert nats["sub"] == {"allow": ["_open.>"]}


# --- join tokens --------------------------------------------------------------------------------------


def test_a_token_survives_copying_through_a_mail() -> None:
    text = TOKEN.text()
    wrapped = "  " + "\n  ".join(text[start : start + 60] for start in range(0, len(text), 60)) + "\n"
    assert tokens.read(wrapped) == TOKEN
    assert tokens.read(text).id == PAIR.public


@given(st.integers(0, 10_000), st.characters())
def test_a_token_with_one_letter_changed_is_refused_or_the_same(position: int, letter: str) -> None:
    try:
        found = tokens.read(changed(TOKEN.text(), position, letter))
    except UsageError:
        return
    assert found == TOKEN


@given(st.integers(1, len(TOKEN.text()) - 1))
def test_a_token_cut_short_is_refused(length: int) -> None:
    with pytest.raises(UsageError):
        tokens.read(TOKEN.text()[:length])


@given(st.text() | st.text().map(lambda text: "saltern1." + text))
def test_no_other_text_is_a_token(text: str) -> None:
    with pytest.raises(UsageError):
        tokens.read(text)


@settings(max_examples=50)
@given(st.binary(max_size=60))
def test_random_content_is_no_token(content: bytes) -> None:
    import zlib

    body = base64.urlsafe_b64encode(zlib.compress(content)).decode().rstrip("=")
    with pytest.raises(UsageError):
        tokens.read("saltern1." + body)


def test_a_token_that_unpacks_to_far_more_is_refused_early() -> None:
    import zlib

    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(20)) + packer.flush()
    with pytest.raises(UsageError):
        tokens.read("saltern1." + base64.urlsafe_b64encode(bomb).decode())


def test_a_token_whose_key_is_none_is_refused() -> None:
    text = msgspec.structs.replace(TOKEN, seed="SUAAAA")
    with pytest.raises(SalternError):
        tokens.read(text.text())
