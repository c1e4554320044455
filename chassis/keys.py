"""Signing keys: Ed25519, one private key per service, public keys for all.

The key id is `<service>.<thumbprint>`. A verifier takes a token only from the service
that its key id names, so a leaked key of one service speaks for that service alone.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey


class KeyMissing(Exception):
    """A key that must be there is not, or is no key; the text says which file."""


@dataclass(frozen=True)
class SigningKey:
    """A service's private key."""

    service: str
    key: OKPKey

    @property
    def kid(self) -> str:
        return f"{self.service}.{self.key.thumbprint()[:16]}"

    def public(self) -> dict[str, Any]:
        """The public half as a JWK, with its key id."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "use": "sig", "alg": "Ed25519"}

    def secret(self) -> bytes:
        """The private bytes, from which other secrets of this service are derived."""
        return str(self.key.as_dict(private=True)["d"]).encode()


def load_signing_key(folder: Path, service: str) -> SigningKey:
    """The private key of `service` in `folder`. Raises KeyMissing."""
    path = folder / f"{service}.pem"
    if not path.exists():
        raise KeyMissing(f"{path} is missing: it must hold {service}'s Ed25519 private key (PEM)")
    return SigningKey(service, _read(path, private=True))


def load_public_keys(folder: Path) -> KeySet:
    """All public keys of `folder`. Raises KeyMissing when there is none."""
    keys: list[Any] = [
        _read(path, private=False, kid=path.name.removesuffix(".pub.pem"))
        for path in sorted(folder.glob("*.pub.pem"))
    ]
    if not keys:
        raise KeyMissing(f"no public key (*.pub.pem) in {folder}")
    return KeySet(keys)


def _read(path: Path, private: bool, kid: str | None = None) -> OKPKey:
    try:
        key = OKPKey.import_key(path.read_bytes(), {"kid": kid} if kid else None)
        if key.curve_name == "Ed25519" and key.is_private == private:
            return key
    except (JoseError, ValueError, TypeError, UnsupportedAlgorithm):
        pass  # the error might repeat what the file holds
    half = "private" if private else "public"
    raise KeyMissing(f"{path} holds no Ed25519 {half} key (PEM); put it back from a backup")


def make_keys(folder: Path, services: list[str]) -> None:
    """Make each service's missing key pair in `folder`, readable by the owner alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for service in services:
        path = folder / f"{service}.pem"
        if path.exists():
            continue
        key = new_pair(service)
        write_secret(folder / f"{key.kid}.pub.pem", key.key.as_pem(private=False))
        write_secret(path, key.key.as_pem(private=True))


def new_pair(service: str) -> SigningKey:
    """A fresh key of `service`, written nowhere yet."""
    return SigningKey(service, OKPKey.generate_key("Ed25519", private=True))


def write_secret(path: Path, content: bytes) -> None:
    """Write a file for the owner alone, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
