"""Signing in over https, through nginx that ends TLS, to real services."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests import nginx
from tests.certificates import self_signed
from tests.servers.ports import free_port
from tests.system.running import ADMIN, POPUG, START_SECONDS, popug_command
from tests.waiting import wait_for

NAMES = ("auth", "tasks")


class SecurePopug:
    """The web processes of auth and tasks on files, behind the edge that ends TLS."""

    def __init__(self, folder: Path) -> None:
        self.certificate, key = self_signed(folder / "tls")
        tls, ports = free_port(), {name: free_port() for name in NAMES}
        self.url = f"https://127.0.0.1:{tls}"
        self.edge = nginx.Nginx(
            folder / "edge",
            {name: f"127.0.0.1:{port}" for name, port in ports.items()},
            POPUG_EDGE="tls",
            POPUG_LISTEN_TLS=f"127.0.0.1:{tls}",
            POPUG_CERTIFICATE=str(self.certificate),
            POPUG_CERTIFICATE_KEY=str(key),
            POPUG_PUBLIC_URL=self.url,
        )
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("POPUG_")},
            "POPUG_DATA": str(folder / "data"),
            "POPUG_PUBLIC_URL": self.url,
            "POPUG_SERVICE_URL": "http://127.0.0.1:9/{service}",
        }
        self._command("make-keys", str(folder / "data/keys"))
        self._command("migrate")
        person = ("--name", "Ada", "--role", "admin", "--password-stdin")
        self._command("users", "add", ADMIN[0], *person, stdin=ADMIN[1])
        self._stack = ExitStack()
        log = self._stack.enter_context((folder / "popug.log").open("ab"))
        for name, port in ports.items():
            web = [*POPUG, "web", name, "--bind", f"127.0.0.1:{port}", "--workers", "1"]
            process = subprocess.Popen(web, env=self._environment, stdout=log, stderr=log)
            self._stack.callback(process.wait)
            self._stack.callback(process.send_signal, signal.SIGTERM)
        self._stack.callback(self.edge.stop)
        self.edge.start()

    def ask(self, path: str, method: str = "GET", **more: object) -> requests.Response:
        with requests.Session() as browser:
            return self.ask_in(browser, path, method, **more)

    def ask_in(
        self, browser: requests.Session, path: str, method: str = "GET", **more: object
    ) -> requests.Response:
        url = path if "://" in path else self.url + path
        return browser.request(method, url, verify=str(self.certificate), timeout=30, **more)  # type: ignore[arg-type]

    def ready(self) -> bool:
        return all(self.ask(f"/{name}/healthz").status_code == 200 for name in NAMES)

    def stop(self) -> None:
        self._stack.close()

    def _command(self, *arguments: str, stdin: str = "") -> None:
        answer = popug_command(self._environment, *arguments, stdin=stdin)
        assert answer.returncode == 0, answer.stderr


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecurePopug]:
    if not nginx.installed():
        pytest.skip("nginx is not installed")
    made = SecurePopug(tmp_path_factory.mktemp("https"))
    try:
        wait_for(made.ready, "auth and tasks behind nginx", START_SECONDS)
        yield made
    finally:
        made.stop()


def test_a_person_comes_by_http_signs_in_over_https_and_goes_where_he_wanted(
    secure: SecurePopug,
) -> None:
    with requests.Session() as browser:
        page = secure.ask_in(browser, f"{secure.edge.url}/tasks/board?status=open")
        assert [r.status_code for r in page.history] == [308, 302]
        assert page.url.startswith(f"{secure.url}/auth/login?next=")
        form = {"email": ADMIN[0], "password": ADMIN[1], "next": "/tasks/board?status=open"}
        headers = {"Origin": secure.url}
        arrived = secure.ask_in(browser, "/auth/login", "POST", data=form, headers=headers)
        assert arrived.status_code == 200
        assert arrived.url == f"{secure.url}/tasks/board?status=open"
        given = arrived.history[0].headers["Set-Cookie"]
        assert given.startswith("__Host-popug")
        attributes = {part.strip() for part in given.split(";")[1:]}
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= attributes
        assert not [a for a in attributes if a.startswith("Domain")]
        assert secure.ask_in(browser, "/auth/api/v1/users/me").json()["email"] == ADMIN[0]
        # Over http the cookie stays at home, and so does the page.
        plain = secure.ask_in(browser, f"{secure.edge.url}/auth/me", allow_redirects=False)
        assert plain.status_code == 308
        assert "Cookie" not in plain.request.headers


def test_an_older_browser_may_post_from_our_own_https_pages_only(secure: SecurePopug) -> None:
    form = {"email": ADMIN[0], "password": ADMIN[1]}
    for origin, status in (
        (secure.url, 303),
        (secure.url.replace("https", "http"), 403),
        ("https://evil.test", 403),
    ):
        answer = secure.ask(
            "/auth/login", "POST", data=form, headers={"Origin": origin}, allow_redirects=False
        )
        assert answer.status_code == status, origin


def test_answers_of_services_over_https_say_each_header_once(secure: SecurePopug) -> None:
    for path in ("/auth/login", "/tasks/", "/auth/static/popug.css", "/tasks/api/v1/tasks"):
        raw = secure.ask(path, allow_redirects=False).raw.headers
        for name in ("Strict-Transport-Security", "Content-Security-Policy", "X-Request-Id"):
            assert len(raw.getlist(name)) == 1, (path, name)
