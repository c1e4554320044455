"""Who is asking: tokens that only auth can sign for people, and each service for itself.

A token is a JWT signed with Ed25519. People carry it in a cookie (or as a bearer
token); services carry one of their own when they ask each other without a person.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.keys import SigningKey

ALGORITHM = "Ed25519"
ISSUER_OF_PEOPLE = "auth"
AUDIENCE = "popug"
SESSION_LIFETIME = timedelta(hours=12)
SERVICE_TOKEN_LIFETIME = timedelta(minutes=5)
SERVICE_ROLE = "service"
LEEWAY_SECONDS = 30
REMEMBERED_MOST = 10_000


class NotTrusted(Exception):
    """A token that is forged, expired or not meant for this."""


@dataclass(frozen=True)
class Identity:
    """Someone signed in. `epoch` counts the changes of his rights when he signed in."""

    user_id: str
    role: str
    name: str = ""
    language: str = "en"
    session_id: str = ""
    epoch: int = 0

    @property
    def is_service(self) -> bool:
        return self.role == SERVICE_ROLE


class Issuer:
    """Signs tokens with one service's private key."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    def for_person(self, who: Identity, now: datetime, expires_at: datetime) -> str:
        """A session token; verifiers take it from auth alone."""
        return self._sign(
            {
                "sub": who.user_id,
                "role": who.role,
                "name": who.name,
                "lang": who.language,
                "sid": who.session_id,
                "epoch": who.epoch,
            },
            now,
            expires_at,
        )

    def for_itself(self, now: datetime) -> str:
        """A short token that says: this is the service itself."""
        claims = {"sub": f"service:{self._key.service}", "role": SERVICE_ROLE}
        return self._sign(claims, now, now + SERVICE_TOKEN_LIFETIME)

    def _sign(self, claims: dict[str, Any], now: datetime, expires_at: datetime) -> str:
        header = {"alg": ALGORITHM, "kid": self._key.kid, "typ": "JWT"}
        common = {
            "iss": self._key.service,
            "aud": AUDIENCE,
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        return jwt.encode(header, claims | common, self._key.key, algorithms=[ALGORITHM])


class Verifier:
    """Checks tokens against the public keys. Thread-safe.

    A signature that was right stays so: a token is remembered by its hash, and from then on
    it is only seen whether it has run out. Rights are not asked for here (`AccessBook`).
    """

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys
        self._seen: dict[bytes, tuple[Identity, float, float]] = {}

    def verify(self, token: str, now: datetime) -> Identity:
        """Whom the token speaks for. Raises NotTrusted, whatever is wrong with it."""
        digest, moment = blake2b(token.encode(errors="replace")).digest(), now.timestamp()
        known = self._seen.get(digest)
        if known and known[1] <= moment < known[2]:
            return known[0]
        claims = self._checked(token, now)
        who = _identity(claims)
        if len(self._seen) >= REMEMBERED_MOST:
            self._seen.clear()
        self._seen[digest] = (who, moment, float(claims["exp"]))
        return who

    def _checked(self, token: str, now: datetime) -> dict[str, Any]:
        try:
            decoded = jwt.decode(token, self._keys, algorithms=[ALGORITHM])
            claims, header = decoded.claims, decoded.header
            registry = jwt.JWTClaimsRegistry(
                now=lambda: int(now.timestamp()),
                leeway=LEEWAY_SECONDS,
                iss={"essential": True},
                aud={"essential": True, "value": AUDIENCE},
                sub={"essential": True},
                iat={"essential": True},
                exp={"essential": True},
            )
            registry.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as broken:
            raise NotTrusted(str(broken)) from broken
        if str(header.get("kid", "")).partition(".")[0] != claims["iss"]:
            raise NotTrusted("signed by another service's key")
        return claims


def _identity(claims: dict[str, Any]) -> Identity:
    if claims.get("role") == SERVICE_ROLE:
        if claims["sub"] != f"service:{claims['iss']}":
            raise NotTrusted("a service may speak only for itself")
        return Identity(claims["sub"], SERVICE_ROLE)
    if claims["iss"] != ISSUER_OF_PEOPLE:
        raise NotTrusted("only auth may speak for people")
    try:
        return Identity(
            user_id=str(claims["sub"]),
            role=str(claims["role"]),
            name=str(claims["name"]),
            language=str(claims["lang"]),
            session_id=str(claims["sid"]),
            epoch=int(claims["epoch"]),
        )
    except (KeyError, ValueError, TypeError) as missing:
        raise NotTrusted(f"claim missing or broken: {missing}") from missing
