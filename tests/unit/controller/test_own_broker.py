"""The broker's address, as it, this controller and agents need it; and its certificate through the years."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from saltern.controller.running import _listen, _own_url, certify
from saltern.controller.settings import ControllerSettings, Fabric
from saltern.foundation.errors import SettingsError
from saltern.identity import certificates
from saltern.transport.broker import Listen

FILE = Path("x")
NOW = 1_767_225_600.0


def listen(text: str) -> Listen:
    return _listen(msgspec.structs.replace(ControllerSettings(), fabric=Fabric(listen=text)), FILE, FILE)


@pytest.mark.parametrize(
    ("text", "host", "port", "own"),
    [
        ("0.0.0.0:4222", "0.0.0.0", 4222, "tls://127.0.0.1:4222"),
        ("4222", "0.0.0.0", 4222, "tls://127.0.0.1:4222"),
        (":4222", "0.0.0.0", 4222, "tls://127.0.0.1:4222"),
        ("[::]:4222", "::", 4222, "tls://[::1]:4222"),
        ("192.0.2.1:443", "192.0.2.1", 443, "tls://192.0.2.1:443"),
        ("[2001:db8::1]:443", "2001:db8::1", 443, "tls://[2001:db8::1]:443"),
    ],
)
def test_an_address_and_a_port(text: str, host: str, port: int, own: str) -> None:
    found = listen(text)
    assert (found.host, found.port, _own_url(found)) == (host, port, own)


@pytest.mark.parametrize("text", ["", "host", "host:", "host:0", "host:65536", "host:x", "host:-1", "host:٣"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(SettingsError, match=r"fabric\.listen"):
        listen(text)


def test_a_broker_that_runs_for_years_gets_new_certificates(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, NOW)
    reloads: list[bytes] = []
    for day in range(0, 1000, 10):
        certify(tmp_path, NOW + day * 86_400, lambda: reloads.append((tmp_path / "broker.pem").read_bytes()))
    assert len(reloads) == len(set(reloads)) == 2
