"""The fabric's own certificate authority: made at first start, trusted by agents and nobody else."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from saltern.foundation import atomic

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

#: The name in the broker's certificate. Agents ask for it whatever address they dial, so the broker may
#: move, and no public name is trusted.
BROKER_NAME = "broker.saltern.internal"

_CA_DAYS = 3650
_BROKER_DAYS = 397
_RENEW_DAYS = 60


def ensure(directory: Path, now: float) -> tuple[Path, Path, str]:
    """Return (certificate file, key file, CA as PEM) for the broker, made or renewed as needed."""
    atomic.private_directory(directory)
    ca_file, ca_key = directory / "ca.pem", directory / "ca.key"
    certificate, key = directory / "broker.pem", directory / "broker.key"
    moment = datetime.fromtimestamp(now, UTC)
    if not (ca_file.exists() and ca_key.exists()):
        _make_ca(ca_file, ca_key, moment)
        certificate.unlink(missing_ok=True)
    if not (certificate.exists() and key.exists()) or _days_left(certificate, moment) < _RENEW_DAYS:
        _make_broker(ca_file, ca_key, certificate, key, moment)
    return certificate, key, ca_file.read_text()


def fingerprint(pem: str) -> str:
    """Return a certificate's SHA-256 as people compare it: 64 hex digits in groups of four."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.strip() + "\n")).hexdigest()
    return ":".join(digest[i : i + 4] for i in range(0, 64, 4))


def _days_left(certificate: Path, now: datetime) -> float:
    from cryptography import x509

    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    return (loaded.not_valid_after_utc - now) / timedelta(days=1)


def _make_ca(certificate: Path, key: Path, now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Saltern fabric CA")])
    made = (
        _builder(name, name, private.public_key(), now, _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )
    _save(made, private, certificate, key)


def _make_broker(ca_file: Path, ca_key: Path, certificate: Path, key: Path, now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority = x509.load_pem_x509_certificate(ca_file.read_bytes())
    signer = serialization.load_pem_private_key(ca_key.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, BROKER_NAME)])
    made = (
        _builder(name, authority.subject, private.public_key(), now, _BROKER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(BROKER_NAME)]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    _save(made, private, certificate, key)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(**wanted: bool) -> x509.KeyUsage:
    from cryptography import x509

    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in names})


def _save(made: x509.Certificate, private: EllipticCurvePrivateKey, certificate: Path, key: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    atomic.write(
        key,
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    atomic.write(certificate, made.public_bytes(serialization.Encoding.PEM))
