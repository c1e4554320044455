"""Certificates for tests: signed by themselves, or by an authority of the test's own."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = "127.0.0.1"


def self_signed(folder: Path) -> tuple[Path, Path]:
    """The files of a certificate for 127.0.0.1, good for a day, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _written(folder, _certificate("popug.test", HERE, key, None, is_authority=True), key)


@dataclass(frozen=True)
class Authority:
    """Signs certificates; whoever trusts the file `trusted` trusts them."""

    trusted: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def in_folder(cls, folder: Path) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate("authority.test", None, key, None, is_authority=True)
        return cls(_written(folder, certificate, key)[0], certificate, key)

    def sign(self, folder: Path, address: str = HERE, days: int = 1) -> tuple[Path, Path]:
        """The files of a certificate for this IP address, and of its key.

        With negative `days` it has expired so long ago.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        made = _certificate("popug.test", address, key, self, is_authority=False, days=days)
        return _written(folder, made, key)


def _certificate(
    name: str,
    address: str | None,
    key: ec.EllipticCurvePrivateKey,
    by: Authority | None,
    *,
    is_authority: bool,
    days: int = 1,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ends = datetime.now(UTC) + timedelta(days=days)
    signing = by.key if by else key
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=1, hours=1))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()),
            critical=False,
        )
    )
    if address:
        names = [x509.IPAddress(ipaddress.ip_address(address))]
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return made.sign(signing, hashes.SHA256())


def _written(
    folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
