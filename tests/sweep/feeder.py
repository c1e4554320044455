"""A process beside the sweep that does what must be done before a point, and never dies of one.

It answers requests and relays events as a healthy web process and worker do; being
connected all the time, it costs a point next to nothing.
"""

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from chassis.broker import BrokerAway
from chassis.clock import SystemClock
from chassis.relay import Relay
from chassis.system import make_broker
from popug.system import system
from tests.sweep.company import Company
from tests.waiting import wait_for

Order = Callable[..., Any]


class Feeder:
    """Give it a function of the company; it is done over there, and its result comes back."""

    def __init__(self, company: Company) -> None:
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(company, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def do(self, order: Order, *arguments: Any) -> Any:
        """`order(company, *arguments)`; raises what it raised there."""
        self._ours.send((order, arguments))
        fine, result = self._ours.recv()
        assert fine, result
        return result

    def close(self) -> None:
        self._ours.send(None)
        self._process.join()


def relay_tasks(company: Company) -> None:
    """Send what waits in the outbox of tasks."""
    relay: Relay = company.bench.runtime("tasks").relay

    def sent() -> bool:
        try:
            relay.send_waiting()
        except BrokerAway:  # not connected yet
            return False
        return True

    wait_for(sent, "the relay to be connected")


def _serve(company: Company, theirs: Connection) -> None:
    runtime = company.bench.runtime("tasks")
    # A broker that nobody subscribes to consumes nothing.
    broker = make_broker(system, company.bench.settings, "feeder")
    runtime.relay = Relay("tasks", runtime.database, broker)
    broker.start()
    while (order := theirs.recv()) is not None:
        act, arguments = order
        company.bench.clock.put(SystemClock().now())
        try:
            theirs.send((True, act(company, *arguments)))
        except Exception:  # noqa: BLE001 - it is raised where it was asked for
            theirs.send((False, traceback.format_exc()))
    broker.stop()
    company.bench.close()
