"""`kill -9` under load, again and again: nothing that was acknowledged is lost or doubled."""

import random
from pathlib import Path

from tests.system.company import Company
from tests.system.load import Journal, Load, check
from tests.system.running import RunningPopug
from tests.waiting import wait_for

KILLS = 20


def test_twenty_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    popug = RunningPopug(tmp_path)
    popug.start()
    popug.add_admin()
    company = Company(popug.url, workers=4)
    journal = Journal()
    load = Load(company, journal)
    for number in range(KILLS):
        before = len(journal.created)
        threads = load.run_for(popug.url, random.uniform(0.2, 0.8))
        if number % 2:  # in every other round something certainly was acknowledged before
            wait_for(lambda before=before: len(journal.created) > before + 2, "the load")  # type: ignore[misc]
        popug.kill()
        load.stop()
        for thread in threads:
            thread.join()
        popug.start()
    assert len(journal.created) > KILLS, "the load must have done something"
    load.url = popug.url
    for key, maker in list(journal.unsure.items()):
        load.create(maker, key)  # as a client would whose answer was lost
    check(popug, company, journal)
    assert popug.stop() == 0
