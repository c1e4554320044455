"""Tokens that auth did not sign, or did not sign for this."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from chassis.identity import Identity, Issuer
from chassis.keys import SigningKey, load_signing_key
from chassis.web import cookie_name
from tests.integration.auth.office import Office


def _part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _claims(office: Office, **other: Any) -> dict[str, Any]:
    now = int(office.bench.clock.now().timestamp())
    claims = {
        "iss": "auth",
        "aud": "popug",
        "sub": "u-admin",
        "role": "admin",
        "name": "Eve",
        "lang": "en",
        "sid": "s1",
        "epoch": 1,
        "iat": now,
        "exp": now + 3600,
        **other,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _key(office: Office, service: str = "auth") -> SigningKey:
    return load_signing_key(office.bench.settings.keys, service)


def _signed(
    office: Office, claims: dict[str, Any], key: SigningKey | None = None, **header: Any
) -> str:
    key = key or _key(office)
    head = {"alg": "Ed25519", "kid": key.kid, **header}
    return jwt.encode(head, claims, key.key, algorithms=["Ed25519"])


def _without_signature(office: Office) -> str:
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(_claims(office))}."


def _signature_cut_off(office: Office) -> str:
    return _signed(office, _claims(office)).rpartition(".")[0] + "."


def _hmac_with_the_public_key(office: Office) -> str:
    key = _key(office)
    content = f"{_part({'alg': 'HS256', 'kid': key.kid})}.{_part(_claims(office))}"
    secret = key.key.as_pem(private=False)
    mac = hmac.new(secret, content.encode(), hashlib.sha256).digest()
    return f"{content}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _edited_role(office: Office) -> str:
    head, _, signature = _signed(office, _claims(office, role="worker")).split(".")
    return f"{head}.{_part(_claims(office))}.{signature}"


def _foreign_key(office: Office) -> str:
    foreign = OKPKey.generate_key("Ed25519", private=True)
    stranger = SigningKey("auth", foreign)
    return _signed(office, _claims(office), stranger, kid=_key(office).kid)


def _key_in_the_header(office: Office) -> str:
    foreign = OKPKey.generate_key("Ed25519", private=True)
    stranger = SigningKey("auth", foreign)
    jwk = foreign.as_dict(private=False)
    head = {"alg": "Ed25519", "kid": stranger.kid, "jwk": jwk}
    return jwt.encode(head, _claims(office), foreign, algorithms=["Ed25519"])


def _another_services_key(office: Office) -> str:
    key = _key(office, "tasks")
    now = office.bench.clock.now()
    who = Identity("u-admin", "admin", "Eve", "en", "s1", 1)
    return Issuer(key).for_person(who, now, now.replace(hour=23))


def _another_services_key_as_auth(office: Office) -> str:
    return _signed(office, _claims(office), _key(office, "tasks"))


def _service_as_another_service(office: Office) -> str:
    claims = _claims(office, iss="tasks", sub="service:accounts", role="service")
    return _signed(office, claims, _key(office, "tasks"))


FORGERIES: dict[str, Callable[[Office], str]] = {
    "no signature": _without_signature,
    "signature cut off": _signature_cut_off,
    "HS256 with the public key": _hmac_with_the_public_key,
    "edited role": _edited_role,
    "foreign key": _foreign_key,
    "key in the header": _key_in_the_header,
    "another service's key": _another_services_key,
    "another service's key as auth": _another_services_key_as_auth,
    "service as another service": _service_as_another_service,
    "no expiry": lambda o: _signed(o, _claims(o, exp=None)),
    "no audience": lambda o: _signed(o, _claims(o, aud=None)),
    "no issuer": lambda o: _signed(o, _claims(o, iss=None)),
    "no subject": lambda o: _signed(o, _claims(o, sub=None)),
    "no role": lambda o: _signed(o, _claims(o, role=None)),
    "no session": lambda o: _signed(o, _claims(o, sid=None)),
    "expired": lambda o: _signed(o, _claims(o, exp=_claims(o)["iat"] - 60)),
    "expiry as text": lambda o: _signed(o, _claims(o, exp="never")),
    "another audience": lambda o: _signed(o, _claims(o, aud="shop")),
    "another issuer": lambda o: _signed(o, _claims(o, iss="evil")),
    "nonsense": lambda _: "nonsense",
    "empty parts": lambda _: "..",
    "very long": lambda _: "a" * 4_000,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_nobodys(office: Office, forgery: str) -> None:
    token = FORGERIES[forgery](office)
    stranger = office.bench.client()
    headers = {"Authorization": f"Bearer {token}"}
    for path in ("/auth/api/v1/users", "/auth/api/v1/users/me"):
        answer = stranger.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.mimetype == "application/problem+json"
    changed = stranger.post("/auth/api/v1/users", json={}, headers=headers)
    assert changed.status_code == 401
    stranger.set_cookie(cookie_name(office.bench.settings), token)
    page = stranger.get("/auth/users")
    assert page.status_code == 302
    assert page.location and page.location.startswith("/auth/login?next=")


def test_the_same_claims_rightly_signed_are_taken(office: Office) -> None:
    """So that the forgeries above fail for the reason that they are meant to."""
    headers = {"Authorization": f"Bearer {_signed(office, _claims(office))}"}
    assert office.bench.client().get("/auth/api/v1/users", headers=headers).status_code == 200


def test_a_broken_bearer_token_is_not_replaced_by_the_cookie(office: Office) -> None:
    office.add("Ann")
    client = office.signed_in("Ann")
    for header in ("Bearer nonsense", "Bearer", "Basic YTpi", "nonsense"):
        answer = client.get("/auth/api/v1/users/me", headers={"Authorization": header})
        assert answer.status_code == 401


def test_the_public_keys_verify_the_tokens(office: Office) -> None:
    office.add("Ann")
    answer = office.bench.client().get("/auth/.well-known/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.json
    (published,) = answer.json["keys"]
    assert set(published) == {"kty", "crv", "x", "kid", "use", "alg"}, "nothing private"
    key = OKPKey.import_key(published)
    token = office.token(office.signed_in("Ann"))
    decoded = jwt.decode(token, key, algorithms=["Ed25519"])
    assert decoded.header["kid"] == published["kid"]
    assert decoded.claims["role"] == "worker"
