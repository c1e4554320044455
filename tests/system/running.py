"""A real `popug run` for tests: its own folder, a free port, stopped by its own id."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from click.testing import CliRunner

from chassis import logs
from popug.cli import main
from tests.waiting import PATIENCE_SECONDS, wait_for

START_SECONDS = 180
ADMIN = ("admin@popug.test", "correct horse battery")
POPUG = [sys.executable, "-m", "popug"]


def noon_zone() -> str:
    """A time zone in which it is about noon now, so that no test runs across midnight.

    POSIX zones count westwards: Etc/GMT-3 is three hours ahead of UTC.
    """
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


@dataclass(frozen=True)
class Answer:
    """What a command said, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def popug_command(environment: Mapping[str, str], *arguments: str, stdin: str = "") -> Answer:
    """A `popug` command in this process: it takes the same way in, and need not be loaded anew."""
    mine = {name: None for name in os.environ if name.startswith("POPUG_")}
    umask = os.umask(0o022)
    try:
        result = CliRunner().invoke(
            main, arguments, input=stdin, env={**mine, **environment}, prog_name="popug"
        )
    finally:
        os.umask(umask)
        # The command has sent the logs to its own standard error, which is gone.
        logs.configure("WARNING", "text")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


def new_session() -> requests.Session:
    """For requests that may go while a `popug_command` runs: it changes the environment of this
    process, in which `requests` would look for proxies."""
    session = requests.Session()
    session.trust_env = False
    return session


def until_able(ask: Callable[[], requests.Response]) -> requests.Response:
    """The answer. A 503 says that nothing was changed, as another service did not answer in time:
    then it is asked again, as anybody would. (Where it is not known, it says so: `outcome`.)"""
    until = time.monotonic() + PATIENCE_SECONDS
    while (answer := ask()).status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        if '"outcome"' in answer.text or time.monotonic() > until:
            break
        time.sleep(0.2)
    return answer


class RunningPopug:
    """One `popug run` process over a data folder; may be killed and started again."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.log = folder / "popug.log"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("POPUG_")},
            "POPUG_DATA": str(folder / "data"),
            "POPUG_TIMEZONE": noon_zone(),
            **environment,
        }
        self.url = ""
        self._process: subprocess.Popen[str] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, *options: str) -> None:
        """Start and wait until every service is ready; again at the same port."""
        port = str(urlsplit(self.url).port or 0)
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [*POPUG, "run", "--port", port, *options],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("Popug is at "):
                self.url = line.split()[3]
                break
        else:
            raise AssertionError(f"popug did not start: {self.log.read_text()[-3000:]}")
        wait_for(self._ready, "all services ready", START_SECONDS)

    @property
    def groups(self) -> list[int]:
        """Its process group."""
        return [self._process.pid] if self._process else []

    def kill(self) -> None:
        """End the process as a power cut would."""
        assert self._process
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close_output()

    def stop(self, by: signal.Signals = signal.SIGINT) -> int:
        """Ask the process to end, and give back its exit code."""
        if self._process is None or self._process.poll() is not None:
            return 0
        self._process.send_signal(by)
        code = self._process.wait(START_SECONDS)
        self._close_output()
        return code

    def command(self, *arguments: str, stdin: str = "") -> Answer:
        """Another `popug` command on the same data, beside the running system."""
        public = {"POPUG_PUBLIC_URL": self.url or "http://127.0.0.1:8000"}
        return popug_command(public | self.environment, *arguments, stdin=stdin)

    def add_admin(self) -> None:
        """Add the first person, who can add all others."""
        added = self.command(
            *("users", "add", ADMIN[0], "--name", "Ada", "--role", "admin", "--password-stdin"),
            stdin=ADMIN[1],
        )
        assert added.returncode == 0, added.stderr

    def _ready(self) -> bool:
        names = ("auth", "tasks", "accounts", "billing", "mailer", "analytics")
        try:
            return all(
                requests.get(f"{self.url}/{name}/readyz", timeout=5).status_code == 200
                for name in names
            )
        except requests.RequestException:
            return False

    def _close_output(self) -> None:
        assert self._process and self._process.stdout
        self._process.stdout.close()


class Person:
    """Somebody who works through the REST API."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self.session = new_session()
        self._url = url
        user = self.post("/auth/api/v1/login", email=email, password=password)["user"]
        self.id: str = user["id"]

    @property
    def url(self) -> str:
        """Where this person asks."""
        return self._url

    @url.setter
    def url(self, url: str) -> None:
        """Ask elsewhere, still signed in: the cookie's name holds the port of the address."""
        here, there = (f"_{urlsplit(place).port}" for place in (self._url, url))
        for name, value in self.session.cookies.get_dict().items():
            self.session.cookies.pop(name)
            self.session.cookies.set(f"{name.removesuffix(here)}{there}", value)
        self._url = url

    def ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Any request as this person; the answer whatever its status."""
        return self.session.request(method, self.url + path, timeout=30, **arguments)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at `path`, which must be there."""
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        """What a POST answers, which must succeed."""
        answer = until_able(lambda: self.ask("POST", path, json=body or None))
        assert answer.ok, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def items(self, path: str, **query: Any) -> list[Any]:
        """A whole list, followed page by page."""
        found: list[Any] = []
        after: str | None = None
        while True:
            page = self.get(path, limit=200, **query, **({"after": after} if after else {}))
            found += page["items"]
            after = page["next"]
            if after is None:
                return found
