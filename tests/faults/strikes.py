"""The faults: each strikes a system under load, and has ended when it returns."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.faults.arena import Arena
from tests.servers.proxy import Proxy

SHORTEST_SECONDS = 1.0


@dataclass(frozen=True)
class Blow:
    """What a fault needs to know: whom to strike, by what chance, and the longest time."""

    arena: Arena
    chance: Random
    most_seconds: float

    def last(self) -> None:
        """Wait as long as this fault lasts; short ones are more frequent than long ones."""
        low, high = math.log(SHORTEST_SECONDS), math.log(max(self.most_seconds, 1.0))
        time.sleep(math.exp(self.chance.uniform(low, high)))

    def one(self, kind: str) -> str:
        """A web process or a worker by chance."""
        return f"{kind}-{self.chance.choice(self.arena.services)}"


def kill_web(blow: Blow) -> None:
    blow.arena.popug.processes.kill(blow.one("web"))


def kill_worker(blow: Blow) -> None:
    blow.arena.popug.processes.kill(blow.one("worker"))


def kill_worker_at_work(blow: Blow) -> None:
    kill_at_work(blow, blow.one("worker"))


def kill_at_work(blow: Blow, name: str) -> None:
    """While the database stands still whoever has work is in the middle of a transaction."""
    database = blow.arena.database.process
    assert database
    database.pause()
    time.sleep(0.5)
    blow.arena.popug.processes.kill(name)
    database.go_on()


def kill_database(blow: Blow) -> None:
    blow.arena.database.kill()
    blow.arena.database.start()


def kill_broker(blow: Blow) -> None:
    blow.arena.broker.kill()
    blow.arena.broker.start()


def pause_web(blow: Blow) -> None:
    _pause(blow, blow.one("web"))


def pause_worker(blow: Blow) -> None:
    _pause(blow, blow.one("worker"))


def _pause(blow: Blow, name: str) -> None:
    blow.arena.popug.processes.pause(name)
    blow.last()
    blow.arena.popug.processes.go_on(name)


def pause_database(blow: Blow) -> None:
    process = blow.arena.database.process
    assert process
    process.pause()
    blow.last()
    process.go_on()


def pause_broker(blow: Blow) -> None:
    process = blow.arena.broker.process
    assert process
    process.pause()
    blow.last()
    process.go_on()


def memory_alarm(blow: Blow) -> None:
    blow.arena.broker.raise_memory_alarm()
    blow.last()
    blow.arena.broker.end_memory_alarm()


def cut_database(blow: Blow) -> None:
    _cut(blow, blow.arena.to_database)


def cut_broker(blow: Blow) -> None:
    _cut(blow, blow.arena.to_broker)


def _cut(blow: Blow, proxy: Proxy) -> None:
    """Cut a few times, then refuse everybody for a moment."""
    for _ in range(blow.chance.randint(1, 4)):
        proxy.cut(reset=blow.chance.random() < 0.5)
        time.sleep(blow.chance.uniform(0.05, 0.5))
    proxy.refuse()
    proxy.cut(reset=blow.chance.random() < 0.5)
    time.sleep(blow.chance.uniform(0.2, 2.0))
    proxy.allow()


def hole_before_database(blow: Blow) -> None:
    _hole(blow, blow.arena.to_database)


def hole_before_broker(blow: Blow) -> None:
    _hole(blow, blow.arena.to_broker)


def _hole(blow: Blow, proxy: Proxy) -> None:
    """All is swallowed; then it comes out late, or is lost with its connections."""
    proxy.hold()
    blow.last()
    if blow.chance.random() < 0.5:
        proxy.cut(reset=blow.chance.random() < 0.5)
    proxy.resume()


def forget_connections_to_broker(blow: Blow) -> None:
    """Both ends believe in their connections, and nothing goes through them any more."""
    blow.arena.to_broker.forget()


def forget_connections_to_database(blow: Blow) -> None:
    blow.arena.to_database.forget()


def lose_on_the_way_to_the_broker(blow: Blow) -> None:
    """All that was sent within a second is lost."""
    blow.arena.to_broker.hold()
    time.sleep(1.0)
    blow.arena.to_broker.cut(reset=True)
    blow.arena.to_broker.resume()


Strike = Callable[[Blow], None]

FAULTS: dict[str, Strike] = {
    "kill -9 of a web": kill_web,
    "kill -9 of a worker": kill_worker,
    "kill -9 of a worker in mid-transaction": kill_worker_at_work,
    "kill -9 of MariaDB": kill_database,
    "kill -9 of RabbitMQ": kill_broker,
    "SIGSTOP of a web": pause_web,
    "SIGSTOP of a worker": pause_worker,
    "SIGSTOP of MariaDB": pause_database,
    "SIGSTOP of RabbitMQ": pause_broker,
    "memory alarm of RabbitMQ": memory_alarm,
    "connections to MariaDB cut": cut_database,
    "connections to RabbitMQ cut": cut_broker,
    "connections to MariaDB in a black hole": hole_before_database,
    "connections to RabbitMQ in a black hole": hole_before_broker,
    "connections to MariaDB silently dead": forget_connections_to_database,
    "connections to RabbitMQ silently dead": forget_connections_to_broker,
}
