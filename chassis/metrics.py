"""Prometheus figures of one service."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


@dataclass
class Metrics:
    """Each service has a registry of its own, so that six can live in one process."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.requests = Counter(
            "http_requests_total",
            "Requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "http_request_seconds", "Time to answer", ["route"], registry=self.registry
        )
        self.sent = Counter(
            "events_sent_total", "Events handed to the broker", ["type"], registry=self.registry
        )
        self.applied = Counter(
            "events_applied_total", "Events applied", ["type"], registry=self.registry
        )
        self.parked = Counter(
            "events_parked_total", "Events parked", ["type"], registry=self.registry
        )
        self.outbox_depth = Gauge(
            "outbox_depth", "Events that wait to be sent", registry=self.registry
        )
        self.parked_now = Gauge(
            "parked_events", "Parked events that wait for a person", registry=self.registry
        )

    def text(self) -> bytes:
        """The figures in Prometheus' text format."""
        return generate_latest(self.registry)
