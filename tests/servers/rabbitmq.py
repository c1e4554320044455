"""A RabbitMQ node of a test's own: its own name, ports, cookie, port mapper and folder."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pika
from pika.exceptions import AMQPError

from tests.servers.ports import free_port
from tests.servers.process import OwnProcess
from tests.waiting import wait_for

START_SECONDS = 180
COMMAND_SECONDS = 120
# RabbitMQ's own default, as a share of the memory that there is.
ENOUGH_MEMORY = "0.4"
# The figures of quorum queues are renewed at each tick; the default is 5 s.
TICK_MS = 500


def why_not() -> str | None:
    """What is missing here to run one, or None."""
    if _scripts() is None:
        return "rabbitmq-server is not installed where Debian puts it"
    return None if _epmd() else "Erlang's epmd is not installed"


class RabbitMqServer:
    """May be killed and started again over the same data."""

    def __init__(self, folder: Path, figures: bool = False) -> None:
        """`figures`: it tells Prometheus how it does, at `figures_address`."""
        self.folder = folder
        self.port = free_port()
        self.log = folder / "rabbitmq.log"
        self.process: OwnProcess | None = None
        self._epmd: OwnProcess | None = None
        folder.mkdir(parents=True, exist_ok=True)
        cookie = folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        config = folder / "advanced.config"
        config.write_text(f"[{{rabbit, [{{quorum_tick_interval, {TICK_MS}}}]}}].\n")
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = {self.address}\n")
        if figures:
            self.figures_address = f"127.0.0.1:{free_port()}"
            (folder / "enabled_plugins").write_text("[rabbitmq_prometheus].\n")
            with (folder / "rabbitmq.conf").open("a") as more:
                host, port = self.figures_address.split(":")
                more.write(f"prometheus.tcp.ip = {host}\nprometheus.tcp.port = {port}\n")
        distribution, tool = free_port(), free_port()
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("RABBITMQ_")},
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"popugtest-{secrets.token_hex(4)}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CTL_DIST_PORT_MIN": str(tool),
            "RABBITMQ_CTL_DIST_PORT_MAX": str(tool),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(config),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, address: str | None = None, vhost: str = "%2F") -> str:
        """A virtual host's URL; `address` is that of a way round."""
        return f"amqp://guest:guest@{address or self.address}/{vhost}"

    @contextmanager
    def fresh_vhost(self) -> Iterator[str]:
        """The name of an empty virtual host."""
        name = f"popugtest-{secrets.token_hex(5)}"
        self.control("add_vhost", name)
        try:
            self.control("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
            yield name
        finally:
            self.control("delete_vhost", name)

    def start(self) -> None:
        """Start and wait until it lets clients in."""
        if self._epmd is None:
            port = self._environment["ERL_EPMD_PORT"]
            command = [_epmd(), "-port", port, "-address", "127.0.0.1"]
            self._epmd = OwnProcess(command, self._environment, self.log)
        scripts = _scripts()
        assert scripts
        command = [str(scripts / "rabbitmq-server")]
        self.process = OwnProcess(command, self._environment, self.log)
        wait_for(self._answers, f"RabbitMQ ({self.log})", START_SECONDS)

    def kill(self) -> None:
        assert self.process
        self.process.kill()

    def stop(self) -> None:
        """Its data is of no use to anybody any more."""
        for process in (self.process, self._epmd):
            if process:
                process.kill()

    def raise_memory_alarm(self) -> None:
        self.control("set_vm_memory_high_watermark", "absolute", "1MB")

    def end_memory_alarm(self) -> None:
        self.control("set_vm_memory_high_watermark", ENOUGH_MEMORY)

    def depths(self, vhost: str) -> dict[str, int]:
        """Every queue with the messages in it, ready or unacknowledged."""
        figures = ("name", "messages_ready", "messages_unacknowledged")
        lines = self.control("list_queues", "-p", vhost, "--no-table-headers", *figures)
        rows = [line.split("\t") for line in lines.splitlines()]
        return {name: int(ready) + int(unacked) for name, ready, unacked in rows}

    def control(self, *command: str) -> str:
        """What `rabbitmqctl` says, which must succeed."""
        scripts = _scripts()
        assert scripts
        done = subprocess.run(
            [str(scripts / "rabbitmqctl"), "--quiet", *command],
            env=self._environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _answers(self) -> bool:
        assert self.process
        assert self.process.ended is None, self.log.read_text(errors="replace")[-3000:]
        parameters = pika.URLParameters(self.url())
        try:
            pika.BlockingConnection(parameters).close()
        except (AMQPError, OSError):
            return False
        return True


def _scripts() -> Path | None:
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))
    return found[-1] if found else None


def _epmd() -> str:
    return shutil.which("epmd") or ""
