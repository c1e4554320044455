"""Tokens: only auth speaks for people, each service speaks for itself."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey, RSAKey

from chassis.identity import Identity, Issuer, NotTrusted, Verifier
from chassis.keys import KeyMissing, load_public_keys, load_signing_key, make_keys

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=12)
ANN = Identity("u1", "worker", "Ann", "ru", "s1", 7)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder, ["auth", "tasks"])
    return folder


@pytest.fixture
def verifier(keys: Path) -> Verifier:
    return Verifier(load_public_keys(keys))


@pytest.fixture
def sign(keys: Path) -> Callable[..., str]:
    """Signs good claims with auth's key, changed as a test says (None: left out)."""
    key = load_signing_key(keys, "auth")

    def make(header: dict[str, Any] | None = None, **changes: Any) -> str:
        claims = {
            "iss": "auth",
            "aud": "popug",
            "sub": "u1",
            "role": "worker",
            "name": "Ann",
            "lang": "en",
            "sid": "s1",
            "epoch": 1,
            "iat": int(NOW.timestamp()),
            "exp": int(LATER.timestamp()),
            **changes,
        }
        claims = {k: v for k, v in claims.items() if v is not None}
        return jwt.encode(
            {"alg": "Ed25519", "kid": key.kid, **(header or {})},
            claims,
            key.key,
            algorithms=["Ed25519"],
        )

    return make


def test_what_auth_signed_is_who_is_asking(keys: Path, verifier: Verifier) -> None:
    token = Issuer(load_signing_key(keys, "auth")).for_person(ANN, NOW, LATER)
    assert verifier.verify(token, NOW) == ANN


def test_a_service_speaks_for_itself(keys: Path, verifier: Verifier) -> None:
    token = Issuer(load_signing_key(keys, "tasks")).for_itself(NOW)
    who = verifier.verify(token, NOW)
    assert who.is_service
    assert who.user_id == "service:tasks"


def test_a_service_cannot_speak_for_a_person(keys: Path, verifier: Verifier) -> None:
    token = Issuer(load_signing_key(keys, "tasks")).for_person(ANN, NOW, LATER)
    with pytest.raises(NotTrusted, match="only auth may speak for people"):
        verifier.verify(token, NOW)


def test_a_service_cannot_speak_for_another(keys: Path, verifier: Verifier) -> None:
    key = load_signing_key(keys, "tasks")
    claims = {
        "iss": "auth",
        "aud": "popug",
        "sub": "service:auth",
        "role": "service",
        "iat": int(NOW.timestamp()),
        "exp": int(LATER.timestamp()),
    }
    for issuer in ("auth", "tasks"):
        token = jwt.encode(
            {"alg": "Ed25519", "kid": key.kid},
            claims | {"iss": issuer},
            key.key,
            algorithms=["Ed25519"],
        )
        with pytest.raises(NotTrusted):
            verifier.verify(token, NOW)


def test_a_session_ends_when_it_says(keys: Path, verifier: Verifier) -> None:
    token = Issuer(load_signing_key(keys, "auth")).for_person(ANN, NOW, LATER)
    assert verifier.verify(token, LATER) == ANN
    with pytest.raises(NotTrusted):
        verifier.verify(token, LATER + timedelta(seconds=31))


def test_a_token_of_the_future_is_refused(keys: Path, verifier: Verifier) -> None:
    token = Issuer(load_signing_key(keys, "auth")).for_person(ANN, NOW, LATER)
    with pytest.raises(NotTrusted):
        verifier.verify(token, NOW - timedelta(seconds=31))


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "role", "name", "lang", "sid", "epoch"])
def test_a_token_without_a_claim_is_refused(
    claim: str, sign: Callable[..., str], verifier: Verifier
) -> None:
    assert verifier.verify(sign(), NOW).user_id == "u1"
    with pytest.raises(NotTrusted):
        verifier.verify(sign(**{claim: None}), NOW)


@pytest.mark.parametrize("claim", ["exp", "iat"])
def test_a_token_without_time_limits_is_refused(
    claim: str, sign: Callable[..., str], verifier: Verifier
) -> None:
    with pytest.raises(NotTrusted):
        verifier.verify(sign(**{claim: None}), NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "shop"},
        {"iss": "evil"},
        {"iss": 7},
        {"exp": "tomorrow"},
        {"epoch": "many"},
        {"epoch": [1]},
        {"role": "service"},
        {"role": "service", "sub": "service:tasks"},
    ],
)
def test_claims_that_are_not_ours_are_refused(
    changes: dict[str, Any], sign: Callable[..., str], verifier: Verifier
) -> None:
    with pytest.raises(NotTrusted):
        verifier.verify(sign(**changes), NOW)


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def test_an_edited_role_breaks_the_signature(sign: Callable[..., str], verifier: Verifier) -> None:
    head, body, signature = sign().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    edited = f"{head}.{_part(claims | {'role': 'admin'})}.{signature}"
    with pytest.raises(NotTrusted):
        verifier.verify(edited, NOW)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "EdDSA", ""])
def test_another_algorithm_is_refused(
    algorithm: str, sign: Callable[..., str], verifier: Verifier
) -> None:
    _, body, signature = sign().split(".")
    for tail in ("", signature):
        with pytest.raises(NotTrusted):
            verifier.verify(f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{body}.{tail}", NOW)


def test_a_public_key_used_as_a_shared_secret_is_refused(
    keys: Path, sign: Callable[..., str], verifier: Verifier
) -> None:
    auth = load_signing_key(keys, "auth")
    signed = f"{_part({'alg': 'HS256', 'kid': auth.kid})}.{sign().split('.')[1]}"
    # By hand: the library refuses to take a public key for a secret.
    digest = hmac.digest(auth.key.as_pem(private=False), signed.encode(), "sha256")
    token = f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
    with pytest.raises(NotTrusted):
        verifier.verify(token, NOW)


@pytest.mark.parametrize("named", ["own", "auths"])
def test_a_foreign_key_is_refused(
    named: str, keys: Path, sign: Callable[..., str], verifier: Verifier
) -> None:
    foreign = OKPKey.generate_key("Ed25519", private=True)
    claims = json.loads(base64.urlsafe_b64decode(sign().split(".")[1] + "=="))
    kid = load_signing_key(keys, "auth").kid if named == "auths" else "auth.foreign"
    public = foreign.as_dict(private=False)
    for header in ({}, {"jwk": public}, {"jku": "https://evil.example/jwks.json"}):
        token = jwt.encode(
            {"alg": "Ed25519", "kid": kid, **header}, claims, foreign, algorithms=["Ed25519"]
        )
        with pytest.raises(NotTrusted):
            verifier.verify(token, NOW)


def test_an_rsa_token_is_refused(sign: Callable[..., str], verifier: Verifier) -> None:
    claims = json.loads(base64.urlsafe_b64decode(sign().split(".")[1] + "=="))
    token = jwt.encode({"alg": "RS256"}, claims, RSAKey.generate_key(2048))
    with pytest.raises(NotTrusted):
        verifier.verify(token, NOW)


@pytest.mark.parametrize("garbage", ["", ".", "..", "a.b.c", "x" * 10_000, "ж.ж.ж", "{}.{}.{}"])
def test_garbage_is_refused(garbage: str, verifier: Verifier) -> None:
    with pytest.raises(NotTrusted):
        verifier.verify(garbage, NOW)


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    make_keys(folder, ["auth"])
    first = load_signing_key(folder, "auth").kid
    make_keys(folder, ["auth", "tasks"])
    assert load_signing_key(folder, "auth").kid == first
    assert len(list(folder.glob("*.pub.pem"))) == 2
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
    assert folder.stat().st_mode & 0o077 == 0


def test_a_missing_key_is_said_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match=r"auth\.pem is missing"):
        load_signing_key(tmp_path, "auth")
    with pytest.raises(KeyMissing, match="no public key"):
        load_public_keys(tmp_path)


def test_the_published_key_holds_no_private_part(keys: Path) -> None:
    public = load_signing_key(keys, "auth").public()
    assert "d" not in public
    assert public["kid"].startswith("auth.")


def _pem(key: OKPKey | RSAKey, private: bool = True) -> bytes:
    return key.as_pem(private=private)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        b"\xff\x00",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        _pem(RSAKey.generate_key(2048)),
        _pem(OKPKey.generate_key("X25519")),
        _pem(OKPKey.generate_key("Ed448")),
        "the other half",
    ],
)
@pytest.mark.parametrize("half", ["private", "public"])
def test_a_file_that_holds_no_such_key_is_named(
    content: bytes | str, half: str, tmp_path: Path
) -> None:
    make_keys(tmp_path, ["auth"])
    (public,) = tmp_path.glob("auth.*.pub.pem")
    private = tmp_path / "auth.pem"
    broken, whole = (private, public) if half == "private" else (public, private)
    broken.write_bytes(content if isinstance(content, bytes) else whole.read_bytes())
    with pytest.raises(KeyMissing, match=f"holds no Ed25519 {half} key") as refused:
        load_signing_key(tmp_path, "auth")
        load_public_keys(tmp_path)
    assert str(broken) in str(refused.value)
