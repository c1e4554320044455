"""Several workers and web processes of one service side by side: the same books."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system import split
from tests.system.company import Company
from tests.system.load import Journal, Load, check
from tests.system.running import POPUG
from tests.system.split import ALL_START_SECONDS, SplitPopug
from tests.waiting import wait_for

DOUBLED = ("tasks", "accounts", "analytics")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SplitPopug]:
    """A split system in which three services have two workers each."""
    if missing := split.why_not():
        pytest.skip(missing)
    popug = SplitPopug(tmp_path_factory.mktemp("crowd"))
    popug.start()
    for name in DOUBLED:
        popug.processes.add(f"worker-{name}-2", [*POPUG, "worker", name])
    popug.add_admin()
    wait_for(
        lambda: all(_begun(popug.log, name) == 2 for name in DOUBLED),
        "both workers of each",
        ALL_START_SECONDS,
    )
    yield popug
    popug.stop()


def test_two_workers_of_a_service_share_its_events_and_double_none(crowd: SplitPopug) -> None:
    company = Company(crowd.url, workers=4)
    journal = Journal()
    load = Load(company, journal)
    threads = load.run_for(crowd.url, 3)
    load.stop()
    for thread in threads:
        thread.join()
    assert journal.created, "the load must have done something"
    check(crowd, company, journal)
    assert crowd.processes.gone() == []
    assert [name for name in DOUBLED if _begun(crowd.log, name) != 2] == []


def test_what_a_click_has_written_is_sent_by_the_process_that_answered_it(
    crowd: SplitPopug,
) -> None:
    workers = ("worker-tasks", "worker-tasks-2")
    company = Company(crowd.url, workers=1)

    def today() -> dict[str, Any]:
        days = company.accountant.get("/accounts/api/v1/company")["items"]
        return dict(days[-1])

    before = today()
    for name in workers:
        crowd.processes.pause(name)
    try:
        company.manager.post("/tasks/api/v1/tasks", title="Rinse the bath")
        wait_for(lambda: today() != before, "the fee, though no worker of tasks runs")
    finally:
        for name in workers:
            crowd.processes.go_on(name)


def _begun(log: Path, service: str) -> int:
    """How many workers of the service said that they had begun."""
    lines = log.read_text().splitlines()
    return sum("worker started" in line and f'"service": "{service}"' in line for line in lines)
