"""`popug web` is several processes, and its figures are those of all of them."""

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.servers.ports import free_port
from tests.system.running import POPUG, START_SECONDS, popug_command
from tests.waiting import wait_for, wait_until_equal

REQUESTS, LOOKS = 300, 10
SERIES = 'http_requests_total{method="GET",route="/healthz",status="200"} '


class WebProcesses:
    """`popug web auth` with two processes, on files of its own."""

    def __init__(self, folder: Path) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._log = folder / "popug.log"
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("POPUG_")},
            "POPUG_DATA": str(folder / "data"),
            "POPUG_SERVICE_URL": "http://127.0.0.1:9/{service}",
            "TMPDIR": str(self.temporary),
        }
        for command in (["make-keys", str(folder / "data" / "keys")], ["migrate", "auth"]):
            done = popug_command(environment, *command)
            assert done.returncode == 0, done.stderr
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [*POPUG, "web", "auth", "--workers", "2", "--bind", f"127.0.0.1:{port}"]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        wait_for(self._ready, "the first answer", 4 * START_SECONDS)

    def children(self) -> set[int]:
        pid = self.process.pid
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def counted(self) -> float:
        """How many requests to /healthz were answered, as whichever process says."""
        text = requests.get(f"{self.url}/metrics", timeout=30).text
        found = [line for line in text.splitlines() if line.startswith(SERIES)]
        assert len(found) <= 1, "one series, not one for each process"
        return float(found[0].removeprefix(SERIES)) if found else 0

    def ask(self, times: int) -> None:
        def one(_: int) -> None:
            assert requests.get(f"{self.url}/healthz", timeout=30).status_code == 200

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(one, range(times)))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(START_SECONDS)

    def _ready(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebProcesses]:
    started = WebProcesses(tmp_path)
    yield started
    started.stop()


def test_the_figures_are_the_sum_over_all_processes_and_never_go_back(web: WebProcesses) -> None:
    with ThreadPoolExecutor(1) as beside:
        asking = beside.submit(web.ask, REQUESTS)
        seen = [0.0]
        while not asking.done() or len(seen) <= LOOKS:
            seen.append(web.counted())
        asking.result()
    assert seen == sorted(seen)
    # Whoever answers says the same.
    assert {web.counted() for _ in range(20)} == {REQUESTS}
    folder = next(web.temporary.glob("popug-figures-*"))
    assert folder.stat().st_mode & 0o077 == 0

    def all_count() -> bool:
        web.ask(8)
        counting = {int(file.stem.split("_")[1]) for file in folder.glob("counter_*.db")}
        return web.children() <= counting

    wait_for(all_count, "both processes to have answered")


def test_what_a_process_that_was_killed_has_counted_stays(web: WebProcesses) -> None:
    web.ask(50)
    assert web.counted() == 50
    wait_for(lambda: len(web.children()) == 2, "both processes")
    victim = min(web.children())
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: len(c := web.children()) == 2 and victim not in c, "a new process")
    assert web.counted() == 50
    web.ask(50)
    wait_until_equal(web.counted, 100.0, "the sum over old and new processes")


def test_nothing_is_left_behind_when_it_ends(web: WebProcesses) -> None:
    assert list(web.temporary.glob("popug-figures-*"))
    web.stop()
    assert not list(web.temporary.glob("popug-figures-*"))


def test_what_is_looked_up_is_there_once_as_well(web: WebProcesses) -> None:
    text = requests.get(f"{web.url}/metrics", timeout=30).text
    for name in ("outbox_depth", "parked_events", "database_reachable"):
        assert text.count(f"\n{name} ") == 1
    # A web process has no queues, and its service's own figures are its worker's to tell.
    assert "queue_messages" not in text
