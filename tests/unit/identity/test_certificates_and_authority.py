"""The fabric's certificates and the controller's keys: made once, private, renewed in time."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from saltern.identity import certificates, jwt
from saltern.identity.authority import Authority
from saltern.identity.keys import KeyPair, Kind
from saltern.model.ids import AgentKey

NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
DAY = 86_400.0


class Fixed:
    """A clock that stands."""

    def now(self) -> float:
        return NOW

    def steady(self) -> float:
        return 0.0


def loaded(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_brokers_certificate_is_signed_by_the_ca_and_has_one_name(tmp_path: Path) -> None:
    certificate, key, ca = certificates.ensure(tmp_path, NOW)
    found = loaded(certificate)
    found.verify_directly_issued_by(x509.load_pem_x509_certificate(ca.encode()))
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [certificates.BROKER_NAME]
    assert key.read_text().startswith("-----BEGIN PRIVATE KEY-----")


def test_the_ca_can_sign_no_further_authority(tmp_path: Path) -> None:
    certificate, _, ca = certificates.ensure(tmp_path, NOW)
    for pem, is_ca in ((ca.encode(), True), (certificate.read_bytes(), False)):
        constraints = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(
            x509.BasicConstraints
        )
        assert constraints.critical
        assert constraints.value.ca is is_ca
        assert constraints.value.path_length == (0 if is_ca else None)


def test_all_files_are_private(tmp_path: Path) -> None:
    certificates.ensure(tmp_path / "tls", NOW)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()} == {0o600}


def test_nothing_is_made_anew_while_it_is_good(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, NOW)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    certificates.ensure(tmp_path, NOW + 300 * DAY)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_brokers_certificate_is_renewed_in_time_by_the_same_ca(tmp_path: Path) -> None:
    certificate, _, ca = certificates.ensure(tmp_path, NOW)
    old = certificate.read_bytes()
    _, _, later = certificates.ensure(tmp_path, NOW + 360 * DAY)
    assert later == ca
    assert certificate.read_bytes() != old
    assert loaded(certificate).not_valid_after_utc.timestamp() > NOW + 700 * DAY


def test_a_new_ca_gets_a_new_broker_certificate(tmp_path: Path) -> None:
    _, _, ca = certificates.ensure(tmp_path, NOW)
    (tmp_path / "ca.key").unlink()
    certificate, _, other = certificates.ensure(tmp_path, NOW)
    assert other != ca
    loaded(certificate).verify_directly_issued_by(x509.load_pem_x509_certificate(other.encode()))


def test_a_fingerprint_is_of_the_certificate_and_not_of_its_spelling(tmp_path: Path) -> None:
    _, _, ca = certificates.ensure(tmp_path, NOW)
    shown = certificates.fingerprint(ca)
    assert shown == certificates.fingerprint("\n" + ca + "\n\n")
    assert len(shown.split(":")) == 16


def test_an_authority_is_the_same_after_a_restart(tmp_path: Path) -> None:
    first, second = Authority(tmp_path / "keys", Fixed()), Authority(tmp_path / "keys", Fixed())
    for name in ("operator", "system", "account", "signing", "orders", "user", "open"):
        assert getattr(first, name).public == getattr(second, name).public
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_an_agents_credential_is_signed_by_a_key_that_can_be_exchanged(tmp_path: Path) -> None:
    authority = Authority(tmp_path, Fixed())
    key = AgentKey(KeyPair.new(Kind.USER).public)
    text, issued, expires = authority.agent_jwt(key, "web1", 30 * DAY)
    assert (issued, expires) == (NOW, NOW + 30 * DAY)
    claims = jwt.read(text)
    assert (claims.sub, claims.iss, claims.exp) == (key, authority.signing.public, int(expires))
    assert authority.signing.public != authority.account.public


def test_orders_are_signed_with_a_key_of_their_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path, Fixed())
    others = {authority.operator, authority.account, authority.signing, authority.user, authority.open}
    assert authority.orders.public not in {pair.public for pair in others}
