"""What workers and web processes of a split system say of themselves to machines."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.nginx import SERVICES
from tests.system.running import popug_command
from tests.system.split import SplitPopug, why_not
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def popug(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SplitPopug]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    system = SplitPopug(tmp_path_factory.mktemp("split"))
    system.start()
    yield system
    system.stop()


@pytest.mark.parametrize("name", SERVICES)
def test_every_worker_is_alive_ready_and_tells_of_its_queues(popug: SplitPopug, name: str) -> None:
    base = f"http://{popug.worker_address(name)}"
    assert requests.get(f"{base}/healthz", timeout=5).json() == {"status": "alive", "service": name}
    assert requests.get(f"{base}/readyz", timeout=5).json() == {"status": "ready", "service": name}
    empty = f'queue_messages{{kind="events",queue="popug.{name}.v1"}} 0.0'

    def figures() -> str:
        # What is not known within some seconds is left out.
        text = requests.get(f"{base}/metrics", timeout=30).text
        return text if empty in text and "\nbroker_connected 1.0\n" in text else ""

    text = wait_for(figures, "figures of an empty queue")
    assert f'queue_consumers{{kind="dead",queue="popug.{name}.dead.v2"}} 1.0' in text
    assert 'queue_messages{kind="unroutable",queue="popug.unroutable.v2"} 0.0' in text
    assert "\ndead_threads 0.0\n" in text


def test_a_worker_shows_no_pages(popug: SplitPopug) -> None:
    for path in ("/", "/login", "/api/v1/users", "/statusz", "/static/popug.css"):
        answer = requests.get(f"http://{popug.worker_address('auth')}{path}", timeout=5)
        assert answer.status_code == 404


def test_a_worker_says_which_address_it_cannot_have(popug: SplitPopug, tmp_path: Path) -> None:
    taken = popug.worker_address("auth")
    refused = popug.command("worker", "mailer", "--bind", taken)
    assert refused.returncode == 1
    assert f"cannot listen on {taken}" in refused.stderr
    nonsense = popug_command({"POPUG_DATA": str(tmp_path)}, "worker", "mailer", "--bind", "nowhere")
    assert nonsense.returncode == 2
    assert "ADDRESS:PORT" in nonsense.stderr
