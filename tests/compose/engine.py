"""A Docker engine to test with: the one that answers here, or one of our own."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_for

START_SECONDS = 120
STOP_SECONDS = 120


class Docker:
    """The `docker` command on one engine. `own`: it was started for these tests."""

    def __init__(self, environment: Mapping[str, str], own: bool) -> None:
        self.environment = dict(environment)
        self.own = own

    def __call__(self, *arguments: str, stdin: bytes | None = None, check: bool = True) -> str:
        """What the command said; it must succeed, unless `check` is false."""
        said = subprocess.run(
            ["docker", *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            check=False,
        )
        text = said.stdout.decode(errors="replace").strip()
        wrong = f"docker {' '.join(arguments)}: {text[-2000:]} {said.stderr.decode()[-4000:]}"
        assert said.returncode == 0 or not check, wrong
        return text

    def answers(self) -> bool:
        """Whether there is an engine behind the command."""
        return bool(self("version", "--format", "{{.Server.Version}}", check=False))

    def has(self, image: str) -> bool:
        return bool(self("image", "ls", "--quiet", image))


@contextmanager
def engine(cache: Path) -> Iterator[Docker]:
    """The engine that DOCKER_HOST or this machine offers; else one of our own (as root).

    Its images stay in `cache`; the engine ends with the test, by its own id.
    """
    offered = Docker(os.environ, own=False)
    if offered.answers():
        yield offered
        return
    assert os.geteuid() == 0, "no Docker engine answers, and only root can start one"
    assert shutil.which("dockerd"), "no Docker engine answers, and dockerd is not installed"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    socket = f"unix://{folder}/docker.sock"
    command = [
        *("dockerd", "--host", socket, "--data-root", str(cache / "docker")),
        *("--exec-root", str(folder / "exec"), "--pidfile", str(folder / "docker.pid")),
        # Each project makes bridges of its own; docker0 may be somebody else's.
        *("--bridge", "none"),
    ]
    with (folder / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    docker = Docker({**os.environ, "DOCKER_HOST": socket}, own=True)
    try:
        wait_for(docker.answers, "dockerd to answer", START_SECONDS)
        yield docker
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for mounted in (folder / "exec/netns").glob("*"):  # dockerd leaves it behind
            subprocess.run(["umount", str(mounted)], capture_output=True, check=False)
        shutil.rmtree(folder)
