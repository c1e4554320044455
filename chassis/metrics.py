"""Prometheus figures of one service: what is counted as it happens.

What is looked up when somebody asks (depths, ages, counts of rows) is in `figures`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.registry import Collector

OTHER = "other"
DONE, FAILED = "done", "failed"
# From an event's time to its commit elsewhere: milliseconds when all is well, and as long
# as something was away when it was not.
LAG_SECONDS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10),
    *(30, 60, 300, 1_800, 3_600),
)
# A job may look and find nothing, or close a day of a hundred thousand accounts.
JOB_SECONDS = (0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300)


@dataclass
class Metrics:
    """Each service has a registry of its own, so that six can live in one process."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        # When a series began is of no use to anybody here, and doubles their number.
        disable_created_metrics()
        registry = self.registry
        self.requests = Counter(
            "http_requests_total",
            "Requests answered",
            ["method", "route", "status"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "http_request_seconds", "Time to answer", ["route"], registry=registry
        )
        self.sent = Counter(
            "events_sent_total", "Events handed to the broker", ["type"], registry=registry
        )
        self.applied = Counter(
            "events_applied_total", "Events applied", ["type"], registry=registry
        )
        self.parked = Counter("events_parked_total", "Events parked", ["type"], registry=registry)
        self.lag_seconds = Histogram(
            "event_lag_seconds",
            "From an event's time to the commit of its effect here",
            ["type"],
            buckets=LAG_SECONDS,
            registry=registry,
        )
        self.job_runs = Counter(
            "job_runs_total", "Runs of a job", ["job_name", "outcome"], registry=registry
        )
        self.job_seconds = Histogram(
            "job_seconds",
            "Time that a run took",
            ["job_name"],
            buckets=JOB_SECONDS,
            registry=registry,
        )

    def expect(self, heard: Iterable[str], jobs: Iterable[str]) -> None:
        """Begin these at zero: of a series that begins at one, no increase is ever seen."""
        for kind in heard:
            self.applied.labels(kind)
            self.lag_seconds.labels(kind)
            self.parked.labels(kind)
        self.parked.labels(OTHER)
        for job in jobs:
            self.job_seconds.labels(job)
            for outcome in (DONE, FAILED):
                self.job_runs.labels(job, outcome)

    def text(self, *more: Collector) -> bytes:
        """The figures, and those of `more`, in Prometheus' text format."""
        counted = generate_latest(self.counted())
        looked_up = CollectorRegistry()
        for collector in more:
            looked_up.register(collector)
        return counted + generate_latest(looked_up)

    def counted(self) -> CollectorRegistry:
        """Where the counted figures are collected from."""
        return self.registry
