"""One Popug in containers: its own folder, secrets, project name and ports."""

import json
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.compose.engine import Docker
from tests.servers.ports import free_port
from tests.system.running import ADMIN, Answer, noon_zone
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
IMAGE = "popug:compose-test"
# What the file mounts, and itself. The secrets are the project's own.
MOUNTED = (
    "docker-compose.yml",
    "docker-compose.tls.yml",
    "docker",
    "mysql",
    "nginx",
    "rabbitmq",
    "monitoring",
)
PORTS = ("POPUG_PORT", "POPUG_TLS_PORT", "GRAFANA_PORT", "MAIL_PORT")
# Two cores that start twenty containers take their time.
HEALTHY_SECONDS = 600
# There is no package of Grafana in Debian to make a stand-in of; it is looked at when the
# engine can pull the image.
WITHOUT_STANDIN = {"grafana"}


class Project:
    """`docker compose` on one engine, with images of one kind."""

    def __init__(self, docker: Docker, folder: Path, **images: str) -> None:
        """`images` are variables of docker-compose.yml: `RABBITMQ_IMAGE="rabbitmq:3.10"`."""
        self.docker = docker
        self.folder = folder
        self.name = f"popugtest{secrets.token_hex(4)}"
        self.ports = {name: free_port() for name in PORTS}
        self.files = ["docker-compose.yml"]
        self.url = f"http://127.0.0.1:{self.ports['POPUG_PORT']}"
        self.environment = {
            **{k: v for k, v in docker.environment.items() if not k.startswith("POPUG_")},
            **{name: str(port) for name, port in self.ports.items()},
            "POPUG_ADDRESS": "127.0.0.1",
            "POPUG_IMAGE": IMAGE,
            "POPUG_PUBLIC_URL": self.url,
            "POPUG_TIMEZONE": noon_zone(),
            **images,
        }
        folder.mkdir(parents=True)
        for name in MOUNTED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / name)
        docker(
            *("run", "--rm", "--network=none", f"--user={os.getuid()}:{os.getgid()}"),
            *(f"--volume={folder}:/here", IMAGE, "make-secrets", "/here/secrets"),
        )

    @property
    def compose_command(self) -> list[str]:
        """Compose v2 where the docker command has it, else docker-compose."""
        plugin = self.docker("compose", "version", check=False)
        program = ["docker", "compose"] if plugin else ["docker-compose"]
        folder = ["--project-directory", str(self.folder)]
        files = [f"--file={self.folder / file}" for file in self.files]
        return [*program, *folder, *files, "--project-name", self.name]

    def compose(self, *arguments: str, stdin: str = "") -> Answer:
        """What a command of Compose says."""
        said = subprocess.run(
            [*self.compose_command, *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(said.returncode, said.stdout, said.stderr)

    def command(self, *arguments: str, stdin: str = "") -> Answer:
        """A `popug` command, as an operator gives it."""
        return self.compose("run", "--rm", "-T", "popug", *arguments, stdin=stdin)

    def services(self) -> list[str]:
        """What `up` starts here, the one-shot migration included."""
        named = self.compose("config", "--services").stdout.split()
        without = WITHOUT_STANDIN if self.docker.own else set()
        return sorted(set(named) - without - {"popug", "mail"})

    def up(self, *services: str) -> None:
        """Start these (default: all), and wait until every container is healthy."""
        started = self.compose("up", "-d", *(services or self.services()))
        assert started.returncode == 0, started.stderr[-4000:]
        self.wait_until_healthy()

    def down(self, *options: str) -> None:
        stopped = self.compose("--profile", "mail", "down", *options)
        assert stopped.returncode == 0, stopped.stderr[-4000:]

    def add_admin(self) -> None:
        """Add the first person, who can add all others."""
        added = self.command(
            *("users", "add", ADMIN[0], "--name", "Ada", "--role", "admin", "--password-stdin"),
            stdin=ADMIN[1],
        )
        assert added.returncode == 0, added.stderr

    def containers(self) -> dict[str, dict[str, Any]]:
        """What `docker inspect` tells, by the service's name; ended ones too."""
        label = "com.docker.compose"
        ids = self.docker("ps", "-aq", f"--filter=label={label}.project={self.name}").split()
        found = json.loads(self.docker("inspect", *ids)) if ids else []
        return {c["Config"]["Labels"][f"{label}.service"]: c for c in found}

    def ill(self) -> dict[str, str]:
        """The containers that are not healthy, or for one-shots not done, and how they are."""
        states = {name: c["State"] for name, c in self.containers().items()}
        found = {name: state.get("Health", state)["Status"] for name, state in states.items()}
        done = states.get("migrate", {})
        if done.get("Status") == "exited" and done.get("ExitCode") == 0:
            found["migrate"] = "healthy"
        return {name: status for name, status in found.items() if status != "healthy"}

    def wait_until_healthy(self) -> None:
        try:
            wait_for(lambda: not self.ill(), "all containers healthy", HEALTHY_SECONDS)
        except AssertionError as waited:
            logs = self.compose("logs", "--tail", "20", *self.ill()).stdout[-8000:]
            raise AssertionError(f"{self.ill()}\n{logs}") from waited

    def kill(self, *services: str) -> None:
        """End the main process of these containers, as a crash or the kernel would.

        `docker kill` would not do: for the engine it is a person's wish to stop, which no
        restart policy goes against.
        """
        before = self.containers()
        for service in services:
            os.kill(before[service]["State"]["Pid"], signal.SIGKILL)

        def restarted() -> bool:
            now = self.containers()
            return all(now[s]["RestartCount"] > before[s]["RestartCount"] for s in services)

        wait_for(restarted, f"{services} to be started again", HEALTHY_SECONDS)

    def remove(self) -> None:
        """Leave nothing of it in the engine."""
        self.down("--volumes", "--remove-orphans", "--timeout", "5")
