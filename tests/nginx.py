"""nginx with the templates of the edge, filled in as the official image does it."""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.servers.ports import free_port

TEMPLATES = Path(__file__).parents[1] / "nginx/templates"
SERVICES = ("auth", "tasks", "accounts", "billing", "mailer", "analytics")
NOBODY = "127.0.0.1:9"  # the discard port, where nothing listens
STOP_SECONDS = 30

# What nginx.conf of the official image has, less what belongs to a whole machine.
HEAD = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 1024; }}
http {{
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  include conf.d/*.conf;
"""


def installed() -> bool:
    """Whether there is an nginx to test with."""
    return shutil.which("nginx") is not None


class Nginx:
    """One nginx in a folder of its own, stopped by its own id."""

    def __init__(self, folder: Path, web: Mapping[str, str], more: str = "", **places: str) -> None:
        """`web` holds addresses of services (the others have none); `more` goes into http{}.

        `places` are filled in over the defaults: a plain edge on a free port.
        """
        self.folder = folder
        self.access_log = folder / "access.log"
        self.error_log = folder / "nginx-error.log"
        self.port = free_port()
        self.places = {
            "POPUG_EDGE": "plain",
            "POPUG_LISTEN": f"127.0.0.1:{self.port}",
            "POPUG_ACCESS_LOG": str(self.access_log),
            "POPUG_RESOLVER": NOBODY,
            **{f"{name.upper()}_WEB": web.get(name, NOBODY) for name in SERVICES},
            **places,
        }
        folder.mkdir(parents=True, exist_ok=True)
        render(folder / "conf.d", self.places)
        # Started by root its workers would be nobody's, who may not write to the folder.
        user = "user root;\n" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(user + HEAD.format(folder=folder) + more + "}\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def command(self) -> list[str]:
        """What starts it in the foreground."""
        return ["nginx", "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder)]

    def check(self) -> str:
        """What `nginx -t` says of the configuration; empty if nothing is wrong."""
        said = subprocess.run([*self.command, "-t"], capture_output=True, text=True, check=False)
        return said.stderr if said.returncode or "[warn]" in said.stderr else ""

    def edit(self, file: str, old: str, new: str) -> None:
        """Change the rendered configuration, where the real figure would make a test wait."""
        path = self.folder / "conf.d" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def start(self) -> None:
        """Start, and wait until it listens."""
        self._process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        while self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                continue
        raise AssertionError(f"nginx did not start: {self.error_log.read_text()}")

    def stop(self) -> None:
        """Ask it to end; requests at hand are finished."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def render(into: Path, places: Mapping[str, str]) -> None:
    """Fill the templates in: envsubst knows `${NAME}` and leaves nginx's own `$name`."""
    for template in TEMPLATES.rglob("*.template"):
        target = into / template.relative_to(TEMPLATES).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(
            re.sub(r"\$\{([A-Z_]+)\}", lambda p: places.get(p[1], p[0]), template.read_text())
        )
    assert os.access(into / "popug.conf", os.R_OK)
