"""What is asked of a broker, and how its words are read."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.js.api import DiscardPolicy

from saltern.foundation.errors import SettingsError
from saltern.identity import certificates
from saltern.transport import server, streams
from saltern.transport.broker import Listen, Trust, configuration, find_server
from saltern.transport.connection import Endpoint, Message

TRUST = Trust("operator.jwt", "ASYS", "system.jwt", "AACC", "account.jwt", "open.jwt")


def listen(directory: Path) -> Listen:
    return Listen("0.0.0.0", 4222, directory / "broker.pem", directory / "broker.key", 1 << 30)


def test_a_broker_lets_nobody_in_unasked_and_speaks_tls_from_the_first_byte(tmp_path: Path) -> None:
    text = configuration(TRUST, listen(tmp_path), tmp_path)
    for line in (
        "operator: operator.jwt",
        "system_account: ASYS",
        "ASYS: system.jwt",
        "AACC: account.jwt",
        'default_sentinel: "open.jwt"',
        "handshake_first: true",
        'min_version: "1.3"',
        "max_payload: 1048576",
    ):
        assert line in text
    assert "no_auth_user" not in text


def test_a_broker_listens_on_ipv6_as_well(tmp_path: Path) -> None:
    text = configuration(TRUST, listen(tmp_path)._replace(host="::"), tmp_path)
    assert 'host: "::"\nport: 4222\n' in text


def test_the_streams_share_the_space_there_is() -> None:
    declared = streams.declared(1000)
    assert sum(int(stream.max_bytes or 0) for stream in declared) <= 1000
    assert all(int(stream.max_bytes or 0) > 0 for stream in declared), (
        "a stream without a bound fills the disk"
    )


def test_returns_are_refused_and_not_dropped_when_there_is_no_space() -> None:
    kept = {stream.name: stream.discard for stream in streams.declared(1000)}
    assert {kept[name] for name in (streams.RETURNS, streams.BLOBS, streams.GRAINS)} == {DiscardPolicy.NEW}
    assert kept[streams.EVENTS] is DiscardPolicy.OLD


def test_no_message_is_captured_by_two_streams() -> None:
    subjects = [subject for stream in streams.declared(1000) for subject in stream.subjects or ()]
    assert len({subject.split(".")[0] for subject in subjects}) == len(subjects)
    assert not any(subject.startswith(("job", "live", "rpc", "enrol", ">", "*")) for subject in subjects)


def test_streams_are_kept_as_often_as_asked() -> None:
    assert {stream.num_replicas for stream in streams.declared(1000, 3)} == {3}


def test_a_server_on_the_path_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nats-server"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == program


def test_without_a_server_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(SettingsError) as caught:
        find_server()
    assert "saltern[controller]" in caught.value.hint


def test_agents_trust_the_fabrics_ca_and_no_other(tmp_path: Path) -> None:
    _, _, ca = certificates.ensure(tmp_path, 1_767_225_600.0)
    context = Endpoint(("tls://192.0.2.1:4222",), ca).tls()
    assert context is not None
    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3


def test_one_address_with_tls_is_enough_for_all_to_need_it() -> None:
    assert Endpoint(("nats://192.0.2.1:4222",)).tls() is None
    assert Endpoint(("nats://192.0.2.1:4222", "tls://192.0.2.2:4222")).tls() is not None


def test_what_the_broker_reports_is_read() -> None:
    report = {
        "type": "io.nats.server.advisory.v1.client_connect",
        "server": {"id": "NSERVER", "name": "x"},
        "client": {
            "id": 7,
            "user": "UME",
            "name": "agent/0f",
            "host": "192.0.2.9",
            "acc": "AACC",
            "start": "2026-01-02T03:04:05.678901234Z",
        },
    }
    found = server.reported(Message("$SYS", msgspec.json.encode(report), "", cast(Any, None)))
    assert found._replace(started=0.0) == server.Client("NSERVER", 7, "UME", "agent/0f", "192.0.2.9", 0.0)
    assert found.started == pytest.approx(1_767_323_045.678901)


@given(st.integers(0, 4_000_000_000), st.integers(0, 999_999_999))
def test_the_brokers_time_stamps_are_read(seconds: int, nanoseconds: int) -> None:
    from datetime import UTC, datetime

    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
    assert server._seconds(text) == pytest.approx(seconds + nanoseconds / 1e9, abs=1e-5)
    assert server._seconds(f"{text.split('.')[0]}Z") == seconds


def test_no_time_stamp_is_no_time() -> None:
    assert server._seconds("") == 0.0
