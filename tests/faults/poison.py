"""Malformed messages on the queues of a running system, with good ones among them."""

import re
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from contracts.tasks import TaskAssigned, TaskClosed
from tests.faults.arena import Arena
from tests.faults.journal import BrokenPromise
from tests.faults.malformed import Malformed, some
from tests.nginx import SERVICES
from tests.system.company import Books
from tests.waiting import wait_for

PERSISTENT = pika.BasicProperties(delivery_mode=2)
EVENTS, UNROUTABLE = "popug.events", "popug.unroutable.v2"
TASKS = 40
COPIES = 3
PARKING_SECONDS = 600


def live_through(arena: Arena, how_many: int, chance: Random, say: Callable[[str], None]) -> None:
    """Put them there, and look that each is parked and all else goes on. Raises BrokenPromise."""
    each = how_many // len(SERVICES) + 1
    expected = {name: some(chance, each, name) for name in SERVICES}
    books = Books()
    parameters = pika.URLParameters(arena.broker.url(vhost=arena.vhost))
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    probe = _probe(channel)
    begun = time.monotonic()
    _put(channel, expected, lambda: _work(arena, books))
    _repeat_good_ones(channel, probe)
    channel.basic_publish(EVENTS, "popug.nobody.hears.v1", b"{}", PERSISTENT)
    channel.queue_delete(probe)
    connection.close()
    wait_for(lambda: not _on_the_way(arena), "the queues to empty", PARKING_SECONDS)
    took = time.monotonic() - begun
    _check_parked(arena, expected)
    _check_figures(arena, books)
    sent = sum(map(len, expected.values()))
    say(
        f"{sent:,} malformed messages parked in {took:.0f} s, "
        f"{len(books.closed)} tasks closed and {TASKS} made among them are right, "
        "the unroutable one is kept"
    )


def _probe(channel: BlockingChannel) -> str:
    """A queue that hears all tasks say, so that good messages can be sent once more."""
    name = str(channel.queue_declare("", exclusive=True).method.queue)
    for kind in (TaskAssigned.type, TaskClosed.type):
        channel.queue_bind(name, EVENTS, kind)
    return name


def _put(
    channel: BlockingChannel, messages: dict[str, list[Malformed]], work: Callable[[], None]
) -> None:
    """All of them, each service's in turn, with people at work in the middle."""
    rounds = list(zip(*messages.values(), strict=True))
    for number, one_each in enumerate(rounds):
        for service, message in zip(messages, one_each, strict=True):
            channel.basic_publish("", f"popug.{service}.v1", message.body, PERSISTENT)
        if number % (len(rounds) // TASKS + 1) == 0:
            work()


def _work(arena: Arena, books: Books) -> None:
    """Somebody makes a task, and every other one is closed."""
    company = arena.company
    task = company.manager.post("/tasks/api/v1/tasks", title="A good one among them")
    books.assigned(task)
    if len(books.closed) * 2 <= sum(map(len, books.fees.values())):
        holder = company.by_id[task["assignee_id"]]
        books.closed_by(holder.id, holder.post(f"/tasks/api/v1/tasks/{task['id']}/close"))


def _repeat_good_ones(channel: BlockingChannel, probe: str) -> None:
    """What accounts and analytics have heard comes again, several times."""

    def next_one() -> bytes | None:
        body: bytes | None = channel.basic_get(probe, auto_ack=True)[2]
        return body

    wait_for(lambda: channel.queue_declare(probe, passive=True).method.message_count, "good ones")
    while body := next_one():
        for service in ("accounts", "analytics"):
            for _ in range(COPIES):
                channel.basic_publish("", f"popug.{service}.v1", body, PERSISTENT)


def _on_the_way(arena: Arena) -> dict[str, int]:
    """What waits in outboxes and queues, but for the alarm's."""
    depths = arena.broker_depths()
    depths.pop(UNROUTABLE, None)
    return depths or ({"outboxes": arena.waiting_events()} if arena.waiting_events() else {})


def _check_parked(arena: Arena, expected: dict[str, list[Malformed]]) -> None:
    arena.check_processes()
    kept = arena.broker_depths().get(UNROUTABLE)
    if kept != 1:
        raise BrokenPromise(f"{kept} messages are kept as unroutable instead of 1")
    for service, messages in expected.items():
        patterns = {_shown(message.body): message.reason for message in messages}
        copies = Counter(_shown(message.body) for message in messages)
        parked: list[Any] = arena.company.admin.items(f"/{service}/api/v1/parked")
        found = {event["payload"]: event for event in parked}
        if found.keys() != patterns.keys() or len(parked) != len(patterns):
            lost = [text[:100] for text in patterns.keys() - found.keys()]
            strange = [event["reason"] for text, event in found.items() if text not in patterns]
            raise BrokenPromise(f"{service}: not parked: {lost[:3]}, parked: {strange[:3]}")
        for text, event in found.items():
            if not re.search(patterns[text], event["reason"]):
                raise BrokenPromise(f"{service}: {text[:100]!r} is parked as {event['reason']!r}")
            if event["attempts"] < copies[text]:
                raise BrokenPromise(f"{service}: {text[:100]!r} came {copies[text]} times")


def _shown(body: bytes) -> str:
    return body.decode("utf-8", "backslashreplace")


def _check_figures(arena: Arena, books: Books) -> None:
    company = arena.company
    expected = {person.id: books.balance(person.id) for person in company.candidates}
    if company.balances() != expected:
        raise BrokenPromise(f"balances {company.balances()} instead of {expected}")
    profit = sum(day["profit"] for day in company.manager.items("/analytics/api/v1/days"))
    if profit != books.earned:
        raise BrokenPromise(f"analytics says {profit} instead of {books.earned}")
