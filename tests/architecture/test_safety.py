"""What holds for all services: no change by reading, headers everywhere, no forged token."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey
from sqlalchemy import Connection, event, text

from chassis import outbox
from chassis.identity import Identity, Issuer
from chassis.keys import load_signing_key
from chassis.migrations import differences
from chassis.web import cookie_name
from popug.system import system
from tests.architecture.conftest import Company
from tests.architecture.matrix import LINES

PRESENT = list(LINES)
READS = ("SELECT", "PRAGMA", "BEGIN", "WITH", "ROLLBACK", "COMMIT", "EXPLAIN")


@contextmanager
def _written(company: Company) -> Iterator[list[str]]:
    """Collects every statement that is no read, on all six databases."""
    found: list[str] = []

    def note(_c: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        word = statement.lstrip().upper()
        if word.startswith("BEGIN IMMEDIATE") or not word.startswith(READS):
            found.append(statement)

    engines = [runtime.database.engine for runtime in company.bench.embedded.runtimes.values()]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("who", ["nobody", "worker", "admin"])
def test_no_database_changes_by_a_get(who: str, company: Company) -> None:
    for line in PRESENT:
        if line.method == "GET":
            with _written(company) as written:
                company.ask(line, who).close()
            assert written == [], str(line)


def test_a_refused_cross_site_request_changes_nothing(company: Company) -> None:
    with _written(company) as written:
        for line in PRESENT:
            if line.method != "GET":
                company.ask(line, "admin", headers={"Sec-Fetch-Site": "cross-site"})
    assert written == []


def test_the_check_for_changes_can_fail(company: Company) -> None:
    with _written(company) as written:
        company.client("worker").post("/tasks/api/v1/tasks", json={"title": "Paint the cage"})
        with company.bench.runtime("mailer").database.engine.connect() as connection:
            connection.execute(text("DELETE FROM access WHERE 1 = 0"))
    assert any("INSERT INTO tasks" in statement for statement in written)
    assert any("DELETE FROM access" in statement for statement in written)


# A picture may stand in the page; a chart and a letter carry their style inside.
HARMLESS = {"img-src": {"data:"}, "style-src": {"'unsafe-inline'"}}


@pytest.mark.parametrize("who", ["nobody", "worker", "admin"])
def test_every_answer_has_the_security_headers(who: str, company: Company) -> None:
    for line in PRESENT:
        with company.ask(line, who) as answer:
            _has_headers(answer.headers, str(line))


@pytest.mark.parametrize(
    "path", ["nothing", "nothing/at/all", "api/v1/nothing", "static/nothing", "%00", "a%2F..%2Fb"]
)
def test_errors_have_the_security_headers_too(path: str, company: Company) -> None:
    for name in company.apps:
        with company.client("admin").get(f"/{name}/{path}".replace("//", "/")) as answer:
            assert 400 <= answer.status_code < 500
            _has_headers(answer.headers, f"{name} {path}")


def _has_headers(headers: Any, where: str) -> None:
    policy = dict(
        part.strip().split(" ", 1) if " " in part.strip() else (part.strip(), "")
        for part in headers.get("Content-Security-Policy", "").split(";")
    )
    assert policy.pop("default-src", "") == "'none'", where
    assert policy.pop("script-src", "'self'") == "'self'", where
    for kind, sources in policy.items():
        harmless = {"'none'", "'self'"} | HARMLESS.get(kind, set())
        assert set(sources.split()) <= harmless, f"{where}: {kind} {sources}"
    assert headers.get("X-Content-Type-Options") == "nosniff", where
    assert headers.get("Referrer-Policy") == "same-origin", where


ASKED = {
    "auth": "/auth/api/v1/users/me",
    "tasks": "/tasks/api/v1/tasks",
    "accounts": "/accounts/api/v1/accounts/me",
    "billing": "/billing/api/v1/payouts",
    "mailer": "/mailer/api/v1/mails",
    "analytics": "/analytics/api/v1/days",
}


def _forgeries(company: Company) -> Iterator[tuple[str, str]]:
    bench, now = company.bench, company.bench.clock.now()
    good = bench.token("admin", company.users["admin"])
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    auth = load_signing_key(bench.settings.keys, "auth")
    header = {"alg": "Ed25519", "kid": auth.kid}
    foreign = OKPKey.generate_key("Ed25519", private=True)
    worker = json.loads(
        base64.urlsafe_b64decode(
            bench.token("worker", company.users["worker"]).split(".")[1] + "=="
        )
    )
    no_expiry = {k: v for k, v in claims.items() if k != "exp"}
    stranger = Identity(company.users["admin"], "admin", "A")
    tasks = Issuer(load_signing_key(bench.settings.keys, "tasks"))

    yield "no signature", f"{_part({'alg': 'none'})}.{body}."
    yield "its signature taken away", f"{head}.{body}."
    yield "another algorithm", jwt.encode({"alg": "HS256"}, claims, OctKey.generate_key(256))
    yield "an edited role", ".".join((head, _part(worker | {"role": "admin"}), signature))
    yield "no expiry", jwt.encode(header, no_expiry, auth.key, algorithms=["Ed25519"])
    a_minute_ago = now - timedelta(minutes=1)
    yield "just expired", bench._issuer.for_person(stranger, now - timedelta(days=2), a_minute_ago)
    yield "a foreign key", jwt.encode(header, claims, foreign, algorithms=["Ed25519"])
    yield "a service's key", tasks.for_person(stranger, now, now + timedelta(hours=1))
    yield (
        "another audience",
        jwt.encode(header, claims | {"aud": "shop"}, auth.key, algorithms=["Ed25519"]),
    )
    old = claims | {"iat": claims["iat"] - 90_000, "exp": claims["exp"] - 90_000}
    yield "long over", jwt.encode(header, old, auth.key, algorithms=["Ed25519"])
    yield "garbage", "x.y.z"


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize("service", system.names)
def test_a_forged_token_gets_401_from_every_service(service: str, company: Company) -> None:
    good = company.bench.token("admin", company.users["admin"], session_id="forgeries")
    assert _status(company, service, good) == 200
    tried = list(_forgeries(company))
    assert len(tried) == 11
    for what, token in tried:
        assert _status(company, service, token) == 401, what
        client = company.bench.client()
        client.set_cookie(cookie_name(company.bench.settings), token)
        assert client.get(ASKED[service]).status_code == 401, what


def _status(company: Company, service: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return company.bench.client().get(ASKED[service], headers=headers).status_code


@pytest.mark.parametrize("service", system.names)
def test_migrated_tables_equal_the_declared_ones(service: str, company: Company) -> None:
    runtime = company.bench.runtime(service)
    assert differences(runtime.database, runtime.service.metadata, outbox.metadata) == []


@pytest.mark.parametrize("service", system.names)
def test_a_service_tells_how_it_does(service: str, company: Company) -> None:
    client = company.bench.client()
    assert client.get(f"/{service}/healthz").get_json()["status"] == "alive"
    assert client.get(f"/{service}/readyz").get_json()["status"] == "ready"
    assert "\noutbox_depth " in client.get(f"/{service}/metrics").text


@pytest.mark.parametrize("path", ["/", "/status"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "MADEUP"])
def test_the_front_door_says_in_our_own_words_which_method_it_takes(
    path: str, method: str, company: Company
) -> None:
    with company.client("admin").open(path, method=method) as answer:
        assert answer.status_code == 405
        assert "This address does not take that method." in answer.get_data(as_text=True)
        assert "GET" in answer.headers["Allow"]
        _has_headers(answer.headers, path)
