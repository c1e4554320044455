"""Popug as a company runs it: twelve processes behind nginx, on RabbitMQ and MariaDB."""

import os
import shutil
import signal
import socket
import string
import subprocess
from contextlib import ExitStack
from pathlib import Path

import requests

from tests import mariadb, rabbitmq
from tests.system.running import (
    ADMIN,
    POPUG,
    START_SECONDS,
    Answer,
    noon_zone,
    popug_command,
)
from tests.waiting import wait_for

NAMES = ("auth", "tasks", "accounts", "billing", "mailer", "analytics")
TEMPLATE = Path(__file__).parents[2] / "nginx/templates/popug.conf.template"
NGINX_HEAD = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 512; }}
http {{
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include /etc/nginx/mime.types;
"""

# Inside a company services reach each other by name; here by path, at an address of theirs.
NGINX_INSIDE = """
  server {{
    listen 127.0.0.1:{port};
    location ~ ^/(?<inner>[a-z]+)/ {{
      rewrite ^/[^/]+(/.*)$ $1 break;
      proxy_set_header Host $http_host;
      proxy_pass http://$inner;
    }}
  }}
}}
"""


def why_not() -> str | None:
    """What is missing here to run it, or None."""
    if not shutil.which("nginx"):
        return "nginx is not installed"
    if not mariadb.reachable():
        return "no MariaDB or MySQL server"
    if not rabbitmq.reachable():
        return "no RabbitMQ server that lets us make virtual hosts"
    return None


class SplitPopug:
    """Web and worker of each service, and nginx; each is stopped by its own id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "popug.log"
        self._servers = ExitStack()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = {name: _free_port() for name in (*NAMES, "nginx", "inside")}
        self.url = f"http://127.0.0.1:{self._ports['nginx']}"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("POPUG_")},
            "POPUG_DATA": str(folder / "data"),
            "POPUG_TIMEZONE": noon_zone(),
            "POPUG_PUBLIC_URL": self.url,
            "POPUG_SERVICE_URL": f"http://127.0.0.1:{self._ports['inside']}/{{service}}",
            "POPUG_LOG_FORMAT": "json",
        }

    def start(self) -> None:
        """Bring everything up, and wait until each service answers through nginx."""
        made = self.command("make-keys", str(self.folder / "data" / "keys"))
        assert made.returncode == 0, made.stderr
        self.environment |= {
            "POPUG_DATABASE_URL": self._servers.enter_context(mariadb.fresh_databases(NAMES)),
            "POPUG_BROKER_URL": self._servers.enter_context(rabbitmq.fresh_vhost()),
        }
        migrated = self.command("migrate")
        assert migrated.returncode == 0, migrated.stderr
        for name in NAMES:
            bind = f"127.0.0.1:{self._ports[name]}"
            self._spawn(
                f"web-{name}",
                [*POPUG, "web", name, "--bind", bind, "--workers", "1"],
            )
            self._spawn(f"worker-{name}", [*POPUG, "worker", name])
        self._start_nginx()
        wait_for(self._ready, "all services behind nginx", START_SECONDS)

    def command(self, *arguments: str, stdin: str = "") -> Answer:
        """A `popug` command on the same databases."""
        return popug_command(self.environment, *arguments, stdin=stdin)

    def add_admin(self) -> None:
        """Add the first person, who can add all others."""
        added = self.command(
            *("users", "add", ADMIN[0], "--name", "Ada", "--role", "admin", "--password-stdin"),
            stdin=ADMIN[1],
        )
        assert added.returncode == 0, added.stderr

    def stop(self) -> None:
        """Ask every process to end, and drop the databases and the virtual host."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._servers.close()

    def _spawn(self, name: str, command: list[str]) -> None:
        with self.log.open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log
            )

    def _start_nginx(self) -> None:
        places = {
            "POPUG_LISTEN": f"127.0.0.1:{self._ports['nginx']}",
            "POPUG_ACCESS_LOG": str(self.folder / "access.log"),
            **{f"{name.upper()}_WEB": f"127.0.0.1:{self._ports[name]}" for name in NAMES},
        }
        body = _Environment(TEMPLATE.read_text()).safe_substitute(places)
        config = self.folder / "nginx.conf"
        inside = NGINX_INSIDE.format(port=self._ports["inside"])
        config.write_text(NGINX_HEAD.format(folder=self.folder) + body + inside)
        self._spawn("nginx", ["nginx", "-c", str(config), "-p", str(self.folder)])

    def _ready(self) -> bool:
        gone = [name for name, p in self._processes.items() if p.poll() is not None]
        assert not gone, f"{gone} ended: {self.log.read_text()[-3000:]}"
        try:
            return all(
                requests.get(f"{self.url}/{name}/healthz", timeout=5).status_code == 200
                for name in NAMES
            )
        except requests.ConnectionError:
            return False


class _Environment(string.Template):
    """Only `${NAME}` is a place to fill in, as envsubst does it; nginx's own `$name` stays."""

    # The base class compiles it, and declares only the result.
    pattern = r"\$(?:(?P<escaped>\Z\A)|(?P<named>\Z\A)|{(?P<braced>[A-Z_]+)}|(?P<invalid>\Z\A))"  # type: ignore[assignment]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
