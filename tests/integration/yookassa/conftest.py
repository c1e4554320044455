"""A billing that pays through YooKassa, and our own YooKassa behind it."""

import threading
from collections.abc import Callable, Iterator

import pytest
from werkzeug.serving import make_server

import billing
from chassis.clock import MovingClock
from tests.integration.billing.conftest import Desk
from tests.integration.yookassa.kassa import AGENT, SECRET, Kassa
from tests.support import NOON, Workbench


@pytest.fixture
def kassa() -> Kassa:
    return Kassa(MovingClock(NOON))


@pytest.fixture
def url(kassa: Kassa) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, kassa.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v3"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def desk(workbench: Callable[..., Workbench], kassa: Kassa, url: str) -> Desk:
    bench = workbench(
        billing.service,
        gateway="yookassa",
        currency="RUB",
        yookassa_url=url,
        yookassa_agent_id=AGENT,
        yookassa_secret=SECRET,
        gateway_patience_seconds=30,
    )
    bench.clock = kassa.clock
    bench.runtime("billing").clock = kassa.clock
    bench.runtime("billing").database.clock = kassa.clock
    return Desk(bench)
