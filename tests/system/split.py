"""Popug as a company runs it: twelve processes behind nginx, on RabbitMQ and MariaDB.

Each service works as a database user of its own, who may do only what it needs.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import requests

from tests import mariadb, nginx, rabbitmq
from tests.mariadb import Limited
from tests.nginx import SERVICES as NAMES
from tests.servers.ports import free_port
from tests.system.running import (
    ADMIN,
    POPUG,
    START_SECONDS,
    Answer,
    noon_zone,
    popug_command,
)
from tests.system.supervisor import Supervisor
from tests.waiting import wait_for

# Thirteen programs that start at once, on a machine that may be busy.
ALL_START_SECONDS = 4 * START_SECONDS
# Inside a company services reach each other by name; here by path, at an address of theirs.
NGINX_INSIDE = """
  server {{
    listen 127.0.0.1:{port};
    location ~ ^/(?<service>[a-z]+)/ {{
      rewrite ^/[^/]+(/.*)$ $1 break;
      proxy_set_header Host $http_host;
      proxy_pass http://$web;
    }}
  }}
"""


def why_not() -> str | None:
    """What is missing here to run it, or None."""
    if not nginx.installed():
        return "nginx is not installed"
    if not mariadb.reachable():
        return "no MariaDB or MySQL server"
    if not rabbitmq.reachable():
        return "no RabbitMQ server that lets us make virtual hosts"
    return None


@dataclass(frozen=True)
class Servers:
    """Empty databases, and the URL of an empty virtual host."""

    databases: Limited
    broker_url: str


class SplitPopug:
    """Web and worker of each service, and nginx; each is stopped by its own id."""

    def __init__(
        self,
        folder: Path,
        servers: Servers | None = None,
        services: Sequence[str] = NAMES,
        programs: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Without `servers`, databases and a virtual host are made on those of the machine.

        Only `services` run; `programs` name what stands in for `popug` in a process.
        """
        self.folder = folder
        self.services = services
        self._programs = programs or {}
        self.log = folder / "popug.log"
        self._servers = servers
        self._made = ExitStack()
        self._ports = {name: free_port() for name in (*NAMES, "inside")}
        self._worker_ports = {name: free_port() for name in NAMES}
        self.edge = nginx.Nginx(
            folder / "edge",
            {name: f"127.0.0.1:{self._ports[name]}" for name in NAMES},
            NGINX_INSIDE.format(port=self._ports["inside"]),
        )
        self.url = self.edge.url
        self.inside_url = f"http://127.0.0.1:{self._ports['inside']}"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("POPUG_")},
            "POPUG_DATA": str(folder / "data"),
            "POPUG_TIMEZONE": noon_zone(),
            "POPUG_PUBLIC_URL": self.url,
            "POPUG_SERVICE_URL": f"{self.inside_url}/{{service}}",
            "POPUG_LOG_FORMAT": "json",
        }
        self.processes = Supervisor(self.environment, self.log)

    def start(self) -> None:
        """Bring everything up, and wait until each service answers through nginx."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        made = self.command("make-keys", str(self.folder / "data" / "keys"))
        assert made.returncode == 0, made.stderr
        servers = self._servers or Servers(
            self._made.enter_context(mariadb.limited_databases(NAMES)),
            self._made.enter_context(rabbitmq.fresh_vhost()),
        )
        self.environment["POPUG_DATABASE_URL"] = servers.databases.url
        self.environment["POPUG_BROKER_URL"] = servers.broker_url
        owner = {
            "POPUG_DATABASE_URL": servers.databases.owner_url,
            "POPUG_DATABASE_USER": servers.databases.user,
        }
        migrated = popug_command(self.environment | owner, "migrate")
        assert migrated.returncode == 0, migrated.stderr
        for name in self.services:
            bind = f"127.0.0.1:{self._ports[name]}"
            health = f"127.0.0.1:{self._worker_ports[name]}"
            self._run(f"web-{name}", "web", name, "--bind", bind, "--workers", "1")
            self._run(f"worker-{name}", "worker", name, "--bind", health)
        self.edge.start()
        wait_for(self._ready, "all services behind nginx", ALL_START_SECONDS)

    @property
    def groups(self) -> list[int]:
        """The process groups of its web processes and workers."""
        return self.processes.groups

    def web_address(self, name: str) -> str:
        """Host and port of a service's web process, past nginx."""
        return f"127.0.0.1:{self._ports[name]}"

    def worker_address(self, name: str) -> str:
        """Host and port at which a service's worker says how it does."""
        return f"127.0.0.1:{self._worker_ports[name]}"

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
        """Ask every process to end, and drop the databases and the virtual host.

        Raises AssertionError if a process had to be killed or ended with an error.
        """
        try:
            self.processes.stop()
        finally:
            self.edge.stop()
            self._made.close()

    def _run(self, name: str, *arguments: str) -> None:
        self.processes.add(name, [*self._programs.get(name, POPUG), *arguments])

    def _ready(self) -> bool:
        gone = self.processes.gone()
        assert not gone, f"{gone} ended: {self._complaints()}"
        try:
            return all(
                requests.get(f"{self.url}/{name}/healthz", timeout=5).status_code == 200
                for name in self.services
            ) and all(
                requests.get(f"http://{self.worker_address(name)}/readyz", timeout=5).ok
                for name in self.services
            )
        except requests.RequestException:
            return False

    def _complaints(self) -> str:
        """What the log says beside its information, the last of it."""
        lines = self.log.read_text().splitlines()
        return "\n".join(line for line in lines if '"level": "info"' not in line)[-3000:]
