"""Several processes open the bank over one new file at the same moment."""

import multiprocessing
from pathlib import Path
from typing import Any

from bank import book
from bank.app import Bank
from bank.server import open_bank
from chassis.clock import SystemClock
from chassis.settings import load_settings

SECRET = "what all of them know"
PROCESSES, EACH = 4, 20


def opened(folder: Path) -> Bank:
    return open_bank(load_settings({}, data=folder), SECRET, SystemClock(), "")


def pay(folder: Path, number: int, barrier: Any) -> None:
    """Half of the keys are one process's own, the other half is everybody's."""
    barrier.wait()
    bank = opened(folder)
    client = bank.app.test_client()
    for each in range(EACH):
        answer = client.post(
            "/v1/payouts",
            json={"amount": 700, "currency": "USD", "card_number": "4242424242424242"},
            headers={
                "Authorization": f"Bearer {SECRET}",
                "Idempotence-Key": f"{number}-{each}" if each % 2 else f"all-{each}",
            },
        )
        assert answer.status_code == 200, answer.text
    bank.close()


def test_they_open_one_new_book_at_once_and_pay_once_for_a_key(tmp_path: Path) -> None:
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([__name__])
    barrier = server.Barrier(PROCESSES)
    processes = [
        server.Process(target=pay, args=(tmp_path, number, barrier)) for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    bank = opened(tmp_path)
    rows = bank._database.read(lambda r: r.execute(book.transfers.select()).all())
    bank.close()
    assert len(rows) == len({row.key for row in rows}) == EACH // 2 * (PROCESSES + 1)
