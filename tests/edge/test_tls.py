"""The edge in both of its forms is a configuration that nginx takes, and https is https."""

import os
import shutil
import socket
import ssl
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.certificates import self_signed
from tests.edge.conftest import addresses
from tests.edge.mirror import Mirror, ask, say
from tests.nginx import TEMPLATES, Nginx, installed
from tests.servers.ports import free_port

PUBLIC = "https://popug.example:8443"


class Secure:
    """The edge that ends TLS, and how it is asked."""

    def __init__(self, folder: Path, web: dict[str, str]) -> None:
        self.certificate, key = self_signed(folder / "tls")
        self.port = free_port()
        self.nginx = Nginx(
            folder,
            web,
            POPUG_EDGE="tls",
            POPUG_LISTEN_TLS=f"127.0.0.1:{self.port}",
            POPUG_CERTIFICATE=str(self.certificate),
            POPUG_CERTIFICATE_KEY=str(key),
            POPUG_PUBLIC_URL=PUBLIC,
        )

    def get(self, path: str) -> requests.Response:
        return requests.get(
            f"https://127.0.0.1:{self.port}{path}",
            verify=str(self.certificate),
            timeout=30,
            allow_redirects=False,
        )


@pytest.fixture(scope="module")
def secure(
    mirrors: dict[str, Mirror], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secure]:
    made = Secure(tmp_path_factory.mktemp("secure"), addresses(mirrors))
    made.nginx.start()
    yield made
    made.nginx.stop()


def test_nginx_takes_the_plain_form_without_a_warning(edge: Nginx) -> None:
    assert edge.check() == ""


def test_nginx_takes_the_form_with_tls_without_a_warning(secure: Secure) -> None:
    assert secure.nginx.check() == ""


def test_a_form_that_there_is_not_is_refused(tmp_path: Path) -> None:
    if not installed():
        pytest.skip("nginx is not installed")
    assert "edge/both.conf" in Nginx(tmp_path, {}, POPUG_EDGE="both").check()


def test_envsubst_fills_in_what_the_tests_fill_in(edge: Nginx) -> None:
    """The official image calls it with the names of all variables that there are."""
    if not shutil.which("envsubst"):
        pytest.skip("envsubst is not installed")
    known = " ".join(f"${{{name}}}" for name in edge.places)
    for template in TEMPLATES.rglob("*.template"):
        filled = subprocess.run(
            ["envsubst", known],
            input=template.read_text(),
            env={"PATH": os.environ["PATH"], **edge.places},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        made = edge.folder / "conf.d" / template.relative_to(TEMPLATES).with_suffix("")
        assert filled == made.read_text(), template


def test_http_leads_to_https_and_serves_nothing_else(secure: Secure) -> None:
    for path in ("/", "/tasks/board?status=open&q=%2F", "/auth/api/v1/login", "/tasks/metrics"):
        for method in ("GET", "POST"):
            answer = ask(secure.nginx.port, path, method)
            assert answer.status == 308
            assert answer.headers["location"] == PUBLIC + path
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "strict-transport-security" not in answer.headers
    assert ask(secure.nginx.port, "/healthz").status == 200


def test_the_host_that_a_caller_names_leads_nowhere_else(secure: Secure) -> None:
    answer = say(
        secure.nginx.port, "GET /x HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n"
    )
    assert answer and answer.headers["location"] == f"{PUBLIC}/x"


def test_services_hear_that_it_came_over_https(secure: Secure) -> None:
    headers = secure.get("/tasks/x").json()["headers"]
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-host"] == f"127.0.0.1:{secure.port}"


def test_browsers_are_told_to_stay_with_https_and_only_here(secure: Secure, edge: Nginx) -> None:
    for path in ("/", "/nowhere", "/tasks/x", "/mailer/"):
        headers = secure.get(path).headers
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
    for path in ("/", "/nowhere", "/tasks/x"):
        assert "strict-transport-security" not in ask(edge.port, path).headers


def test_http_spoken_to_the_https_port_is_led_there_as_well(secure: Secure) -> None:
    answer = ask(secure.port, "/tasks/x?a=b")
    assert (answer.status, answer.headers["location"]) == (308, f"{PUBLIC}/tasks/x?a=b")


@pytest.mark.parametrize(
    ("version", "taken"),
    [
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(
    secure: Secure, version: ssl.TLSVersion, taken: bool
) -> None:
    context = ssl.create_default_context(cafile=str(secure.certificate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is what is tested
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    assert _speaks(secure.port, context) is taken


@pytest.mark.parametrize("weak", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "AES256-GCM-SHA384"])
def test_weak_ciphers_are_refused(secure: Secure, weak: str) -> None:
    context = ssl.create_default_context(cafile=str(secure.certificate))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{weak}:@SECLEVEL=0")
    assert not _speaks(secure.port, context)


def _speaks(port: int, context: ssl.SSLContext) -> bool:
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
        try:
            context.wrap_socket(plain, server_hostname="127.0.0.1").close()
        except (ssl.SSLError, ConnectionResetError):
            return False
        return True
