"""The sandbox bank over real HTTP beside a billing that pays through it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from werkzeug.serving import make_server

import billing
from bank import book
from bank.app import Bank
from chassis.clock import MovingClock
from chassis.database import Database
from chassis.settings import load_settings
from tests.integration.billing.conftest import Desk
from tests.support import NOON, Workbench

SECRET = "a key that both know"
LIFETIME = timedelta(days=1)


@dataclass
class OpenBank:
    """The bank, its own database, and where it answers."""

    bank: Bank
    database: Database
    clock: MovingClock
    url: str

    def misbehave(self, **shares: int) -> None:
        self.database.run(book.put_faults, shares)


@pytest.fixture
def open_bank(tmp_path: Path) -> Iterator[OpenBank]:
    clock = MovingClock(NOON)
    database = Database(
        f"sqlite:///{tmp_path}/bank.db", clock, load_settings({}, data=tmp_path), "/bank"
    )
    bank = Bank(database, SECRET, LIFETIME, seed=1)
    server = make_server("127.0.0.1", 0, bank.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield OpenBank(bank, database, clock, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()
    database.dispose()


@pytest.fixture
def desk(workbench: Callable[..., Workbench], open_bank: OpenBank) -> Desk:
    bench = workbench(
        billing.service,
        bank_url=open_bank.url,
        bank_key=SECRET,
    )
    bench.clock = open_bank.clock
    bench.runtime("billing").clock = open_bank.clock
    bench.runtime("billing").database.clock = open_bank.clock
    return Desk(bench)
