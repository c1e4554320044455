"""Requests a second and p99 of the main pages and of the API, through nginx and gunicorn.

At each of SIZES all of Popug runs (twelve processes, one web process of 8 threads for each
service) over MariaDB with a company that has a past; `wrk` asks with each number of CLIENTS,
on the same machine. Beside each stands the limit in the same run: a bare Flask page of the
same queries (`bench/by_hand/pages.py`), behind the same nginx, with the same settings of
gunicorn. What is created and closed flows on meanwhile into the ledger and to analytics,
and takes its share of the machine; the bare page's writes wait for nobody.

`--large` adds a million tasks and ten million entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import requests

from bench import filling, wrk
from bench.figures import Figure, Report
from bench.filled import BUSIEST, Filled, filled
from bench.filling import FRESH, HUNDRED_THOUSAND, MILLION, THOUSAND, Size, identifier

SIZES = (THOUSAND, HUNDRED_THOUSAND)
LARGE_SIZES = (*SIZES, MILLION)
CLIENTS = (8, 64)
SECONDS, BARE_SECONDS = 2, 1
# Requests to each page before anything is measured.
WARMING = 10
# More than anybody closes in all the runs at one size.
TO_CLOSE = 60_000
API = "/tasks/api/v1/tasks"


@dataclass(frozen=True)
class Place:
    """What is asked for: by whom, where, and where the bare one stands."""

    name: str
    role: str
    path: str
    bare: str
    kind: str = "get"


PLACES: Sequence[Place] = (
    Place("my tasks", "worker", "/tasks/", f"/mine/{BUSIEST}"),
    Place("board, manager", "manager", "/tasks/board", "/board"),
    Place("my account", "worker", "/accounts/", f"/account/{BUSIEST}"),
    Place("company days", "manager", "/accounts/company", "/company"),
    Place("analytics", "manager", "/analytics/", "/analytics"),
    Place("payouts", "accountant", "/billing/payouts", "/payouts"),
    Place("GET tasks", "worker", API, "/list"),
    Place("GET balance", "worker", "/accounts/api/v1/accounts/me", f"/balance/{BUSIEST}"),
    Place("create a task", "worker", API, f"/create/{BUSIEST}", "create"),
    Place("close a task", "worker", API + "/%s/close", "/close/%s", "close"),
)


def measure(report: Report, runs: int) -> None:
    """Each place at each size with each number of clients; then how p99 grows with the size."""
    if missing := wrk.missing():
        raise SystemExit(missing)
    sizes = LARGE_SIZES if report.large else SIZES
    slowest = [_at(report, size, runs) for size in sizes]
    for size, found in zip(sizes[1:], slowest[1:], strict=True):
        for name, figure in found.items():
            grown = f"{name}: p99 with {size.tasks:,} tasks, to that with {sizes[0].tasks:,}"
            report.add(figure.over(slowest[0][name], grown))


def _at(report: Report, size: Size, runs: int) -> dict[str, Figure]:
    """All places at one size; p99 by place and clients."""
    found: dict[str, Figure] = {}
    with filled(size) as place:
        asking = _Asking(place)
        for each in PLACES:
            for clients in CLIENTS:
                name = f"{each.name}, {clients} clients"
                title = f"{size.tasks:,} tasks, {name}"
                figures = _one(asking, each, clients, title, runs)
                report.add(*figures)
                found[name] = figures[-2]
    return found


def _one(asking: "_Asking", place: Place, clients: int, name: str, runs: int) -> tuple[Figure, ...]:
    """Rates and how they compare, what it costs, then p99 of Popug and of the bare one."""
    both = [(asking.popug(place, clients), asking.bare(place, clients)) for _ in range(runs)]
    rate = Figure(name, "requests/s", [mine.rate for mine, _ in both])
    bare = Figure(f"{name}: bare", "requests/s", [its.rate for _, its in both])
    return (
        rate,
        bare,
        rate.over(bare, f"{name}: to the bare one"),
        Figure(f"{name}: of the machine", "ms/request", [mine.processor for mine, _ in both]),
        Figure(f"{name}: p99", "ms", [mine.p99 for mine, _ in both]),
        Figure(f"{name}: p99, bare", "ms", [its.p99 for _, its in both]),
    )


class _Asking:
    """Asks both systems; what is to be closed is there."""

    def __init__(self, place: Filled) -> None:
        self._place = place
        self._tokens = {role: place.token(role) for role in ("worker", "manager", "accountant")}
        self._next = 0
        filling.add_fresh_tasks(place.schemas, 0, TO_CLOSE, holder=0)
        for each in PLACES:
            if each.kind == "get":
                for _ in range(WARMING):
                    self._check(place.url + each.path, each.role)
                    self._check(place.bare_url + each.bare, each.role)

    def popug(self, place: Place, clients: int) -> wrk.Load:
        """Ask Popug."""
        return self._ask(place, self._place.url + place.path, clients, SECONDS)

    def bare(self, place: Place, clients: int) -> wrk.Load:
        """Ask the bare one."""
        return self._ask(place, self._place.bare_url + place.bare, clients, BARE_SECONDS)

    def _ask(self, place: Place, url: str, clients: int, seconds: int) -> wrk.Load:
        script = wrk.creating("Paint the cage") if place.kind == "create" else ""
        if place.kind == "close":
            path = "/" + url.split("/", 3)[3]
            prefix = identifier(FRESH, 0)[:-12]
            script = wrk.closing(path, prefix, self._next)
            url = url.replace("%s", "")
        load = wrk.run(url, clients, seconds, self._tokens[place.role], script, self._place.folder)
        if place.kind == "close":
            # Threads count each for itself, and what was on its way at the end is closed too.
            self._next += 2 * load.requests + 4 * clients
            assert self._next < TO_CLOSE, "too few tasks to close"
        return load

    def _check(self, url: str, role: str) -> None:
        headers = {"Authorization": f"Bearer {self._tokens[role]}"}
        answer = requests.get(url, headers=headers, timeout=30, allow_redirects=False)
        assert answer.status_code == 200, f"{url}: {answer.status_code} {answer.text[:500]}"
