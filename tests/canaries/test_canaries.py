"""Card numbers go in by every way, and come out by none (rule 13).

`make canaries` brings in a thousand, and looks into the database server's own files too.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from tests import mariadb
from tests.canaries.acts import Acts
from tests.canaries.finder import Finder, card_numbers
from tests.nginx import SERVICES
from tests.system import dump
from tests.system.company import Company
from tests.system.running import RunningPopug
from tests.system.split import SplitPopug, why_not
from tests.waiting import wait_for

SPY = "popug.spy"
# From here on also the files of the database server are read, which takes a while.
MANY = 1_000
WORKERS = 3

System = RunningPopug | SplitPopug


@pytest.fixture(params=["embedded", "split"])
def popug(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[System]:
    if request.param == "embedded":
        system: System = RunningPopug(tmp_path / "popug", POPUG_LOG_LEVEL="DEBUG")
    else:
        reason = why_not() or dump.why_not()
        if reason:
            pytest.skip(reason)
        system = SplitPopug(tmp_path / "popug")
        system.environment["POPUG_LOG_LEVEL"] = "DEBUG"
    try:
        system.start()
        system.add_admin()
        yield system
    finally:
        system.stop()


class Spy:
    """Hears every event that is sent through RabbitMQ, as one more service would."""

    def __init__(self, url: str) -> None:
        self._parameters = pika.URLParameters(url)
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            channel.queue_declare(SPY, durable=True)
            channel.queue_bind(SPY, "popug.events", "#")

    def heard(self) -> bytes:
        """Headers and bodies of all messages."""
        found: list[bytes] = []
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            while True:
                method, properties, body = channel.basic_get(SPY, auto_ack=True)
                if method is None:
                    return b"\n".join(found)
                found.append(f"{method} {properties}".encode() + (body or b""))


def test_no_card_number_comes_out_again(
    popug: System, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    count = int(pytestconfig.getoption("canaries"))
    chance = random.Random()
    numbers = card_numbers(count, chance)
    spy = Spy(popug.environment["POPUG_BROKER_URL"]) if isinstance(popug, SplitPopug) else None
    company = Company(popug.url, workers=WORKERS)
    acts = Acts(company, chance)
    for turn, number in enumerate(numbers):
        acts.do(number, turn)
    _pay(company, acts, numbers)
    if count >= MANY:
        _rotate_the_key(popug)
    _look_at_everything(company, acts)
    places = _places(popug, tmp_path, deep=count >= MANY)
    places["answers"] = b"\n".join(acts.answers)
    if spy:
        places["messages"] = spy.heard()
        assert b"payout_succeeded" in places["messages"], "the messages were heard at all"
    finder = Finder(numbers)
    hits = {place: sorted(found) for place, data in places.items() if (found := finder.found(data))}
    assert hits == {}
    # What may be seen of them is found where it is, so the places were looked at.
    last4 = numbers[0][-4:].encode()
    assert any(last4 in data for data in places.values())
    assert "••••".encode() in places["answers"]


def _pay(company: Company, acts: Acts, numbers: list[str]) -> None:
    """Somebody with a card of these earns something, and the day is closed."""
    for popug, number in zip(company.workers, numbers, strict=False):
        popug.ask("PUT", "/billing/api/v1/cards/me", json={"card_number": number})

    def somebody_is_in_credit() -> bool:
        acts.write_it_into_a_task(numbers[-1])
        return any(company.balances()[popug.id] > 0 for popug in company.workers)

    wait_for(somebody_is_in_credit, "a payout to come")
    today = company.accountant.get("/accounts/api/v1/company")["items"][-1]["date"]
    company.accountant.post(f"/accounts/api/v1/days/{today}/close")

    def paid() -> bool:
        payouts = company.accountant.items("/billing/api/v1/payouts")
        return any(payout["status"] == "succeeded" for payout in payouts)

    wait_for(paid, "a payout that went out")
    kept = company.admin
    wait_for(
        lambda: [m for m in kept.items("/mailer/api/v1/mails") if m["status"] != "queued"],
        "a mail about it",
    )


def _rotate_the_key(popug: System) -> None:
    """All stored cards are opened and sealed anew."""
    keys = str(Path(popug.environment["POPUG_DATA"]) / "keys")
    for step in ("begin", "finish"):
        assert popug.command("rotate-key", step, keys, "cards").returncode == 0

    def retired() -> bool:
        return popug.command("rotate-key", "retire", keys, "cards").returncode == 0

    wait_for(retired, "all cards sealed anew", 120)


def _look_at_everything(company: Company, acts: Acts) -> None:
    """Pages and lists where something of a card might be shown."""
    for who in (company.admin, company.accountant, company.manager, *company.workers):
        for path in (
            *("/billing/", "/billing/payouts", "/billing/cards/shared", "/mailer/", "/tasks/"),
            *("/tasks/board", "/accounts/", "/accounts/users", "/auth/me", "/auth/users"),
            *("/status", "/analytics/", "/billing/api/v1/payouts", "/mailer/api/v1/mails"),
            *(f"/{service}/metrics" for service in SERVICES),
        ):
            answer = who.ask("GET", path)
            acts.answers.append(f"{answer.headers}".encode() + answer.content)


def _places(popug: System, folder: Path, deep: bool) -> dict[str, bytes]:
    """Every file of the system, logs and databases among them; a dump or a backup."""
    if isinstance(popug, SplitPopug):
        urls = popug.environment["POPUG_DATABASE_URL"]
        names = [urls.rpartition("/")[2].replace("{service}", name) for name in SERVICES]
        dump.dump(names, popug.folder / "dump.sql")
        expected = {"dump.sql", "access.log", "nginx-error.log", "popug.log"}
    else:
        names = []
        copied = popug.command("backup", str(popug.folder / "backup"))
        assert copied.returncode == 0, copied.stderr
        expected = {"billing.db", "billing.db-wal", "popug.log"}
    files = [p for p in popug.folder.rglob("*") if p.is_file() and "keys" not in p.parts]
    assert expected <= {path.name for path in files}
    if deep:
        files += _server_files(names)
    return {str(path): path.read_bytes() for path in files}


def _server_files(databases: list[str]) -> list[Path]:
    """The tables' files and the logs of MariaDB, where it runs on this machine."""
    if not databases:
        return []
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("FLUSH TABLES")
        cursor.execute("SELECT @@datadir")
        ((data,),) = cursor.fetchall()
    folders = [Path(str(data)) / name for name in databases]
    tables = [path for folder in folders if folder.is_dir() for path in folder.glob("*.ibd")]
    logs = [path for path in Path(str(data)).glob("ib*") if path.is_file()]
    return [*tables, *logs]
