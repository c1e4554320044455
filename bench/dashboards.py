"""Milliseconds of the pages that look at much of the past, over a million entries.

Each page is asked for in this process, as a web process answers it, REQUESTS times; the
names and titles that it asks of other services come from a stand-in. Beside it stands the bare
query in the same run: PyMySQL alone, on the same tables (`bench/by_hand/pages.py`). The
statement is the busiest account's: its first page, one some months back, and a file of a
week.

`--large` looks over ten million entries; to write them takes about half an hour and ten
gigabytes, which are given back.
"""

import os
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from werkzeug.test import Client

from bench.by_hand import pages as by_hand
from bench.figures import Figure, Report
from bench.filled import BUSIEST
from bench.filling import MILLION, YEAR, fill
from bench.servers import place
from chassis import logs
from chassis.broker import InProcessBroker
from chassis.identity import Identity, Issuer
from chassis.keys import load_signing_key
from chassis.paging import write_cursor
from chassis.process import open_service
from chassis.settings import load_settings
from popug.system import system
from tests import mariadb

REQUESTS = 100
WEEK, MONTH, YEAR_DAYS = 7, 30, 365
DEEP_DAYS = 200


@dataclass(frozen=True)
class Look:
    """A page, who asks, and the same by hand."""

    name: str
    service: str
    path: str
    role: str
    bare: Callable[[], object]


class StandIn:
    """Answers for the other services: a label for each id, at once."""

    def get(
        self,
        service: str,  # noqa: ARG002 - all answer alike
        path: str,  # noqa: ARG002
        params: Mapping[str, str],
        headers: Mapping[str, str],  # noqa: ARG002
    ) -> tuple[int, Any]:
        ids = params.get("ids", "").split(",")
        items = [{"id": each, "name": "Popug", "title": "Paint"} for each in ids]
        return 200, {"items": items, "next": None}


def measure(report: Report, runs: int) -> None:
    """Each page, and its bare query."""
    size = MILLION if report.large else YEAR
    today = datetime.now(UTC).date()
    with _at_work(today) as (schemas, ask):
        fill(schemas, size, today)
        for look in _looks(today):
            name = f"{size.entries:,} entries, {look.name}"
            both = [
                (_times(lambda each=look: ask(each)), _times(look.bare))  # type: ignore[misc]
                for _ in range(runs)
            ]
            p50 = Figure(name, "ms, p50", [statistics.median(mine) for mine, _ in both])
            bare = Figure(f"{name}: bare", "ms, p50", [statistics.median(its) for _, its in both])
            report.add(
                p50,
                Figure(name, "ms, p99", [_p99(mine) for mine, _ in both]),
                bare,
                p50.over(bare, f"{name}: to the bare query"),
            )


def _looks(today: date) -> Sequence[Look]:
    first = {days: today - timedelta(days=days - 1) for days in (WEEK, MONTH, YEAR_DAYS)}
    deep = today - timedelta(days=DEEP_DAYS)
    after = write_cursor([deep.isoformat(), 2**40])
    week = f"from={first[WEEK]}&to={today}"
    return [
        Look("company year", "accounts", f"/company?from={first[YEAR_DAYS]}&to={today}",
             "manager", lambda: by_hand.company_days(YEAR_DAYS)),
        Look("analytics month", "analytics", f"/?from={first[MONTH]}&to={today}",
             "manager", lambda: by_hand.analytics_days(MONTH)),
        Look("analytics year", "analytics", f"/?from={first[YEAR_DAYS]}&to={today}",
             "manager", lambda: by_hand.analytics_days(YEAR_DAYS)),
        Look("statement, first page", "accounts", "/", "worker",
             lambda: by_hand.statement(BUSIEST, 51)),
        Look(f"statement, {DEEP_DAYS} days back", "accounts", f"/?after={after}", "worker",
             lambda: by_hand.statement(BUSIEST, 51, deep)),
        Look("statement, a week's file", "accounts", f"/statement.csv?{week}", "worker",
             lambda: by_hand.statement_between(BUSIEST, first[WEEK], today)),
    ]  # fmt: skip


def _times(act: Callable[[], object]) -> list[float]:
    act()
    found = []
    for _ in range(REQUESTS):
        began = time.monotonic()
        act()
        found.append((time.monotonic() - began) * 1_000)
    return found


def _p99(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


@contextmanager
def _at_work(today: date) -> Iterator[tuple[Mapping[str, str], Callable[[Look], None]]]:
    """The two services in this process, and how to ask them; gives the names of the databases."""
    with place() as made:
        logs.configure("ERROR", "text")  # the database's user may do all here
        given = {k: v for k, v in made.environment.items() if k.startswith("POPUG_")}
        given |= {"POPUG_PUBLIC_URL": "http://127.0.0.1", "POPUG_TIMEZONE": "UTC"}
        settings = load_settings(given)
        runtimes = {
            name: open_service(system, name, settings, InProcessBroker())
            for name in ("accounts", "analytics")
        }
        for runtime in runtimes.values():
            runtime.remote._transport = StandIn()
        by_hand.SCHEMAS.update(made.schemas)
        by_hand.TODAY = today
        os.environ |= {"BENCH_SERVER": mariadb.SERVER, "BENCH_USER": mariadb.USER,
                       "BENCH_PASSWORD": mariadb.PASSWORD}  # fmt: skip
        issuer = Issuer(load_signing_key(settings.keys, "auth"))
        now = datetime.now(UTC)
        tokens = {
            role: issuer.for_person(
                Identity(BUSIEST, role, "Popug", "en", secrets.token_hex(8)),
                now,
                now + timedelta(hours=12),
            )
            for role in ("worker", "manager")
        }

        def ask(look: Look) -> None:
            app = runtimes[look.service].app
            assert app
            client = Client(app, use_cookies=False)
            headers = {"Authorization": f"Bearer {tokens[look.role]}"}
            answer = client.get(look.path, headers=headers)
            assert answer.status_code == 200, f"{look.path}: {answer.status_code} {answer.text}"
            assert answer.get_data()

        try:
            yield made.schemas, ask
        finally:
            for runtime in runtimes.values():
                runtime.close()
            by_hand.connection().close()
