"""A MariaDB server of a test's own, fully durable, on a free port and in its own folder."""

import getpass
import os
import shutil
import subprocess
from pathlib import Path

import pymysql

from tests.mariadb import connect
from tests.servers.ports import free_port
from tests.servers.process import OwnProcess
from tests.waiting import wait_for

START_SECONDS = 120
MOST_CONNECTIONS = 500


def why_not() -> str | None:
    """What is missing here to run one, or None."""
    for program in ("mariadbd", "mariadb-install-db"):
        if not _program(program):
            return f"{program} is not installed"
    return None


class MariaDbServer:
    """May be killed and started again over the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "mariadb.log"
        self.process: OwnProcess | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, make the data at the first time, and wait until it answers."""
        data = self.folder / "data"
        if not data.exists():
            made = subprocess.run(
                [
                    _program("mariadb-install-db"),
                    "--no-defaults",
                    f"--datadir={data}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                    f"--user={getpass.getuser()}",
                ],
                check=False,
                capture_output=True,
                text=True,
                timeout=START_SECONDS,
            )
            assert made.returncode == 0, made.stdout + made.stderr
        self.process = OwnProcess(self._command(data), os.environ, self.log)
        wait_for(self._answers, f"MariaDB ({self.log})", START_SECONDS)

    def kill(self) -> None:
        assert self.process
        self.process.kill()

    def stop(self) -> None:
        if self.process:
            self.process.go_on()
            self.process.ask_to_end()
            self.process.wait()

    def _command(self, data: Path) -> list[str]:
        return [
            _program("mariadbd"),
            "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={data}",
            f"--socket={self.folder / 'mariadb.sock'}",
            f"--pid-file={self.folder / 'mariadb.pid'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--max-connections={MOST_CONNECTIONS}",
            "--innodb-flush-log-at-trx-commit=1",
            "--innodb-doublewrite=1",
        ]

    def _answers(self) -> bool:
        assert self.process
        assert self.process.ended is None, self.log.read_text(errors="replace")[-3000:]
        try:
            connect(self.address).close()
        except pymysql.Error:
            return False
        return True


def _program(name: str) -> str:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin") or ""
