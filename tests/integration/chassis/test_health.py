"""What a worker answers to machines: whether its threads live, and what it can reach."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import requests

from chassis.broker import BrokerAway, InProcessBroker, QueueState
from chassis.database import Database, DatabaseAway
from chassis.health_server import HealthServer, address
from chassis.jobs import Job
from chassis.runtime import Runtime
from chassis.server import PortTaken
from tests.integration.chassis import counter
from tests.support import Workbench
from tests.waiting import wait_for, wait_until_equal

# SystemExit is the one way out of a thread's loop: it is no Exception.
ends_a_thread = pytest.mark.filterwarnings(
    "ignore:Exception in thread:pytest.PytestUnhandledThreadExceptionWarning"
)
Serve = Callable[[Runtime], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts to answer for a runtime: `serve(runtime)` gives the address."""
    started: list[HealthServer] = []

    def begin(runtime: Runtime) -> str:
        server = HealthServer(runtime, "127.0.0.1", 0)
        server.start()
        started.append(server)
        return f"http://127.0.0.1:{server.port}"

    yield begin
    for server in started:
        server.stop()


def _get(url: str) -> requests.Response:
    return requests.get(url, timeout=10)


@contextmanager
def _away(*_: object) -> Iterator[None]:
    raise DatabaseAway("gone")
    yield


class _SwitchableBroker(InProcessBroker):
    here = True

    def connected(self) -> bool:
        return self.here

    def queues(self, subscriber: str) -> list[QueueState]:
        if not self.here:
            raise BrokerAway("gone")
        return [QueueState(f"popug.{subscriber}.v1", "events", 7, 2)]


def test_a_worker_answers_three_questions_and_no_more(bench: Workbench, serve: Serve) -> None:
    url = serve(bench.runtime())
    assert _get(f"{url}/healthz").json() == {"status": "alive", "service": "counter"}
    assert _get(f"{url}/readyz").json() == {"status": "ready", "service": "counter"}
    metrics = _get(f"{url}/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "\noutbox_depth 0.0\n" in metrics.text
    for path in ("/", "/mine", "/statusz", "/api/v1/counts", "/static/popug.css"):
        assert _get(url + path).status_code == 404
    assert requests.post(f"{url}/healthz", timeout=10).status_code == 405


@ends_a_thread
def test_a_worker_whose_job_ended_is_not_well(
    workbench: Callable[..., Workbench], serve: Serve
) -> None:
    def end(_: Runtime) -> bool:
        raise SystemExit

    jobs = Job("mortal", end, 60), Job("well", lambda _: False, 60)
    runtime = workbench(replace(counter.service, jobs=jobs)).runtime()
    url = serve(runtime)
    assert _get(f"{url}/healthz").status_code == 200
    runtime.start()
    wait_until_equal(
        lambda: _get(f"{url}/healthz").json().get("dead_threads"), ["counter-mortal"], "its end"
    )
    assert _get(f"{url}/healthz").status_code == 503
    runtime.figures.forget()
    assert "\ndead_threads 1.0\n" in _get(f"{url}/metrics").text
    runtime.stop()
    assert _get(f"{url}/healthz").status_code == 200


@ends_a_thread
def test_a_worker_whose_relay_ended_is_not_well(
    bench: Workbench, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = bench.runtime()

    def end() -> int:
        raise SystemExit

    monkeypatch.setattr(runtime.relay, "send_waiting", end)
    url = serve(runtime)
    runtime.start()
    wait_until_equal(
        lambda: _get(f"{url}/healthz").json().get("dead_threads"), ["relay-counter"], "its end"
    )
    runtime.stop()


def test_a_worker_without_its_database_is_alive_and_not_ready(
    bench: Workbench, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = serve(bench.runtime())
    monkeypatch.setattr(Database, "reading", _away)
    assert _get(f"{url}/healthz").status_code == 200
    answer = _get(f"{url}/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, "database")
    assert "\ndatabase_reachable 0.0\n" in _get(f"{url}/metrics").text


def test_a_worker_without_its_broker_is_alive_and_not_ready_and_leaves_the_queues_out(
    bench: Workbench, serve: Serve
) -> None:
    runtime = bench.runtime()
    broker = _SwitchableBroker()
    runtime.broker, runtime.works = broker, True
    url = serve(runtime)
    depth = 'queue_messages{kind="events",queue="popug.counter.v1"} 7.0'
    there = _get(f"{url}/metrics").text
    assert depth in there
    assert 'queue_consumers{kind="events",queue="popug.counter.v1"} 2.0' in there
    assert "\nbroker_connected 1.0\n" in there
    broker.here = False
    runtime.figures.forget()
    assert _get(f"{url}/healthz").status_code == 200
    answer = _get(f"{url}/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, "broker")
    away = _get(f"{url}/metrics").text
    assert "queue_messages{" not in away
    assert "\nbroker_connected 0.0\n" in away


def test_a_database_that_keeps_one_waiting_does_not_keep_the_figures_waiting(
    bench: Workbench, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    @contextmanager
    def slow(self: Database) -> Iterator[None]:
        looks.append(time.monotonic())
        wait_for(lambda: over, "the end of the test")
        raise DatabaseAway("gone")
        yield

    over: list[bool] = []
    monkeypatch.setattr("chassis.figures.PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(Database, "reading", slow)
    url = serve(bench.runtime())
    for _ in range(3):
        assert "\ndatabase_reachable 0.0\n" in _get(f"{url}/metrics").text
    over.append(True)
    # The one that waits is not joined by others.
    assert len(looks) == 1


def test_who_connects_and_says_nothing_is_in_nobodys_way(bench: Workbench, serve: Serve) -> None:
    url = serve(bench.runtime())
    port = int(url.rpartition(":")[2])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    assert _get(f"{url}/healthz").status_code == 200
    for each in silent:
        each.close()


def test_an_address_that_is_taken_is_said_so(bench: Workbench, serve: Serve) -> None:
    port = int(serve(bench.runtime()).rpartition(":")[2])
    with pytest.raises(PortTaken, match=f"127.0.0.1:{port}"):
        HealthServer(bench.runtime(), "127.0.0.1", port)


def test_an_address_is_read_with_its_port() -> None:
    assert address("127.0.0.1:9100") == ("127.0.0.1", 9100)
    assert address("[::]:0") == ("::", 0)
    for wrong in ("", "9100", ":9100", "host:", "host:x", "host:65536", "host:-1", "host:१"):
        with pytest.raises(ValueError, match="ADDRESS:PORT"):
            address(wrong)
