"""Images under the official names, made from Debian's packages, where none can be pulled.

Each folder of `standins/` holds a Dockerfile with the interface of one official image, as
far as docker-compose.yml uses it: environment, entry point, folders, ids. What is built is
kept in the engine under a name that says from what; the official name is put on it.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.compose.engine import Docker

FOLDER = Path(__file__).parent / "standins"
# The suites that change have release files that are soon out of date on a mirror.
BASE = """FROM {imported}
RUN echo 'Acquire::Check-Valid-Until "false";' >/etc/apt/apt.conf.d/90-stand-in
"""
# What lets pip in a container reach the package registries as on this machine. It is put on
# the stand-in for Python alone, and nothing of it is in the repository.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP = Path("/etc/pip.conf")
PASSED = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
REACHING = """FROM {image}
COPY . /etc/stand-in/
ENV {assignments}
"""


@dataclass(frozen=True)
class StandIn:
    """`folder` of `standins/` on a suite of Debian, under the name of an official image."""

    image: str
    folder: str
    suite: str
    package: str = ""  # where the folder leaves it open


COMMON = (
    StandIn("python:3.13-slim", "python", "trixie"),
    StandIn("nginx:1.30", "nginx", "trixie"),
    StandIn("prom/prometheus:v3.5.0", "prometheus", "trixie"),
    StandIn("axllent/mailpit:v1.27", "mailpit", "trixie"),
    StandIn("mysql:8.4", "mysql", "bookworm", "mariadb-server"),
    StandIn("rabbitmq:3.10", "rabbitmq", "bookworm"),
    StandIn("rabbitmq:4", "rabbitmq", "trixie"),
)
# What only Debian's unstable suite has; built when a test names it.
NEWEST = (
    StandIn("rabbitmq:4.3", "rabbitmq", "sid"),
    StandIn("mysql:9.7", "mysql", "sid", "mysql-server"),
)


def provide(docker: Docker, *images: str) -> None:
    """Have these official names stand for something; what is built already is taken."""
    for standin in (*COMMON, *NEWEST):
        if standin.image in images:
            built = _built(docker, standin)
            docker(
                "tag",
                _reaching(docker, built) if standin.folder == "python" else built,
                standin.image,
            )


def _built(docker: Docker, standin: StandIn) -> str:
    folder = FOLDER / standin.folder
    arguments = [f"--build-arg=BASE={_base(docker, standin.suite)}"]
    if standin.package:
        arguments.append(f"--build-arg=PACKAGE={standin.package}")
    name = f"popug-standin/{standin.folder}:{standin.suite}-{_digest(' '.join(arguments), folder)}"
    if not docker.has(name):
        docker("build", "--network=host", *arguments, "--tag", name, str(folder))
    return name


def _base(docker: Docker, suite: str) -> str:
    """A bare Debian."""
    imported, name = f"popug-standin/{suite}:bare", f"popug-standin/{suite}:base"
    if not docker.has(imported):
        _bootstrap(docker, suite, imported)
    if not docker.has(name):
        docker("build", "--tag", name, "-", stdin=BASE.format(imported=imported).encode())
    return name


def _reaching(docker: Docker, image: str) -> str:
    """The image, in which pip reaches what it reaches on this machine."""
    environment = {name: os.environ[name] for name in PASSED if name in os.environ}
    with tempfile.TemporaryDirectory() as folder:
        for variable, path in (("PIP_CERT", CERTIFICATES), ("PIP_CONFIG_FILE", PIP)):
            if path.exists():
                shutil.copy(path, folder)
                environment[variable] = f"/etc/stand-in/{path.name}"
        assignments = " ".join(f'{name}="{value}"' for name, value in environment.items())
        text = REACHING.format(image=image, assignments=assignments or "PIP_NO_INPUT=1")
        (Path(folder) / "Dockerfile").write_text(text)
        name = f"{image}-reaching"
        docker("build", "--tag", name, folder)
    return name


def _bootstrap(docker: Docker, suite: str, name: str) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        subprocess.run(
            ["debootstrap", "--variant=minbase", suite, f"{folder}/root"],
            check=True,
            capture_output=True,
        )
        subprocess.run(["tar", "-C", f"{folder}/root", "-cf", f"{folder}/tar", "."], check=True)
        docker("import", f"{folder}/tar", name)


def _digest(text: str, folder: Path) -> str:
    found = hashlib.sha256(text.encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()[:16]
