"""Thousands of mails from one worker that is killed, to a server at which things go wrong."""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pika
from sqlalchemy import func, select

from chassis import parking
from chassis.clock import SystemClock
from chassis.database import Database, Transaction
from chassis.events import Envelope, encode
from chassis.ids import new_id
from chassis.settings import load_settings
from mailer.domain import FAILED, QUEUED, SENDING, SENT
from mailer.models import mails
from tests.certificates import Authority
from tests.faults.journal import BrokenPromise
from tests.mails import town
from tests.mails.checker import wrong_with
from tests.mails.neighbours import Neighbours
from tests.mails.post_office import (
    ANSWERED,
    ANSWERS,
    CUTS,
    IN_BODY,
    TAKEN,
    Orders,
    PostOffice,
)
from tests.mails.workers import Start, Worker, start_own
from tests.system.running import popug_command
from tests.waiting import wait_for

QUEUE = "popug.mailer.v1"
ANYWHERE = "anywhere"
MOMENTS = (IN_BODY, TAKEN, ANSWERED, ANYWHERE)
LOOK_SECONDS = 0.02
# One more kill comes after so much of an even share of what is left: mails that a dead worker
# held wait for the end of its lease, and there must be some to kill the last one at.
EARLY = 0.8


@dataclass(frozen=True)
class Plan:
    """How many mails, kills, and the share of mails that a mishap befalls.

    `hurry`: leases and pauses end as soon as a worker is dead, as if they had passed, and
    when the last one was killed the weather is fair. `most_seconds` for all of it.
    """

    mails: int
    kills: int
    mishaps: float = 0.05
    hurry: bool = False
    most_seconds: float = 3_600.0
    start: Start = start_own


@dataclass
class Aim:
    """Kill at this moment, when so many mails more have begun."""

    moment: str
    after: int
    hit: bool = False


@dataclass
class Outcome:
    """What befell the mails, and what was wrong with them in the end."""

    mishaps: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    expected: int = 0
    taken: int = 0
    unreachable: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.expected:,} mails in {self.seconds:.0f} s, {self.taken - self.expected} of "
            f"them twice; {self.unreachable} with no address that is one; worker killed "
            f"{sum(self.kills.values())} times {dict(self.kills)}; mishaps "
            f"{sum(self.mishaps.values())} {dict(self.mishaps)}"
        )


class Campaign:
    """One post office, one worker at a time, and the orders for both."""

    def __init__(self, folder: Path, broker_url: str, plan: Plan, seed: int) -> None:
        self._folder, self._broker_url, self._plan = folder, broker_url, plan
        self._chance = Random(seed)
        self._lock = threading.Lock()
        self._town = town.people(plan.mails)
        self._excused: Counter[str] = Counter()
        self._aim: Aim | None = None
        self._fair = False
        self._worker: Worker | None = None
        self.outcome = Outcome()

    def run(self, say: Callable[[str], None] = lambda _line: None) -> Outcome:
        """Send all of it and look what came. Raises BrokenPromise if it does not end."""
        begun = time.monotonic()
        for noisy in ("mail.log", "pika"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        authority = Authority.in_folder(self._folder / "authority")
        self._office = PostOffice(
            "starttls",
            authority.sign(self._folder / "post-office"),
            signs_in=True,
            orders=Orders(self._befall, self._strike),
        )
        with self._office, Neighbours(self._town) as neighbours:
            self._environment = self._environment_for(neighbours, authority)
            with self._database() as self._mails:
                try:
                    self._send_all(begun, say)
                finally:
                    if self._worker:
                        self._worker.ask_to_end()
                        self._worker.wait()
                self._judge()
        self.outcome.seconds = time.monotonic() - begun
        return self.outcome

    def _send_all(self, begun: float, say: Callable[[str], None]) -> None:
        self._worker = self._start()
        self._publish()
        kills = 0
        while not self._all_done():
            if time.monotonic() - begun > self._plan.most_seconds:
                raise BrokenPromise(f"not done after {self._plan.most_seconds} s: {self._counts()}")
            if self._aim is None and not self._fair:
                self._aim = self._next_aim(kills)
            if self._aim and self._aim.hit and self._aim.moment == ANYWHERE:
                self._worker.kill()
            if self._worker.ended is not None:
                kills += 1
                self._bury(say)
            time.sleep(LOOK_SECONDS)

    def _next_aim(self, kills: int) -> Aim | None:
        left = self._plan.kills - kills
        if left <= 0:
            # Without hurry the weather stays as it is; there is only nobody to kill any more.
            self._fair = True
            return None
        waiting = self._waiting()
        most = max(1, min(int(2 * EARLY * waiting / left), waiting // 2))
        moment = MOMENTS[kills] if kills < len(MOMENTS) else self._chance.choice(MOMENTS)
        return Aim(moment, self._chance.randint(1, most))

    def _bury(self, say: Callable[[str], None]) -> None:
        """What the dead worker still had on its line arrives; of that one mail may come twice."""
        assert self._worker and self._aim, f"the worker died by itself, see {self._log}"
        wait_for(lambda: self._office.is_quiet, "the line of the dead worker to end")
        self.outcome.kills[self._aim.moment] += 1
        if self._office.last_taken:
            self._excused[self._office.last_taken] += 1
        say(f"killed {self._aim.moment}: {self._counts()}, {len(self._office.taken):,} taken")
        if self._plan.hurry:
            self._mails.run(_let_time_pass)
        self._aim = None
        self._worker = self._start()

    def _befall(self) -> str:
        """What befalls the mail that begins now, by chance."""
        with self._lock:
            aim = self._aim
            if aim:
                aim.after -= 1
                aim.hit |= aim.after <= 0 and aim.moment == ANYWHERE
        if (self._fair and self._plan.hurry) or self._chance.random() >= self._plan.mishaps:
            return ""
        fate = self._chance.choice([*ANSWERS, *CUTS])
        self.outcome.mishaps[fate] += 1
        return fate

    def _strike(self, moment: str, message_id: str, fate: str) -> bool:
        """Kill the worker if this is the moment; says whether it is gone."""
        if moment == TAKEN == fate:
            self._excused[message_id] += 1
        with self._lock:
            aim = self._aim
            if not aim or aim.hit or aim.after > 0 or aim.moment != moment or not self._worker:
                return False
            aim.hit = True
            self._worker.kill()
            return True

    def _judge(self) -> None:
        expected = town.expected(self._town)
        self.outcome.expected, self.outcome.taken = len(expected), len(self._office.taken)
        self.outcome.wrong = wrong_with(expected, self._office.taken, self._excused)
        counts = self._counts()
        self.outcome.unreachable = counts.get(FAILED, 0)
        hopeless = sum(not each.reachable for each in self._town)
        if counts != {SENT: len(expected), FAILED: hopeless}:
            self.outcome.wrong.append(f"the mailer counts {counts}")
        if self._mails.read(parking.count):
            self.outcome.wrong.append("events are parked")

    @property
    def _log(self) -> Path:
        return self._folder / "worker.log"

    def _start(self) -> Worker:
        return self._plan.start(self._environment, self._log)

    def _environment_for(self, neighbours: Neighbours, authority: Authority) -> dict[str, str]:
        keys = self._folder / "keys"
        made = {
            **{k: v for k, v in os.environ.items() if not k.startswith("POPUG_")},
            "POPUG_DATA": str(self._folder / "data"),
            "POPUG_KEYS_DIR": str(keys),
            "POPUG_BROKER_URL": self._broker_url,
            "POPUG_SERVICE_URL": neighbours.service_url,
            "POPUG_SMTP_URL": self._office.url,
            "POPUG_MAIL_FROM": f"Popug <popug@{town.HOST}>",
            "POPUG_LOG_LEVEL": "WARNING",
            "SSL_CERT_FILE": str(authority.trusted),
        }
        (self._folder / "data").mkdir()
        for command in (("make-keys", str(keys)), ("migrate", "mailer")):
            answer = popug_command(made, *command)
            assert answer.returncode == 0, answer.stderr
        return made

    @contextmanager
    def _database(self) -> Iterator[Database]:
        """The mailer's database, beside the worker."""
        settings = load_settings({k: v for k, v in self._environment.items() if "POPUG_" in k})
        database = Database(settings.database_for("mailer"), SystemClock(), settings, "/mailer")
        try:
            yield database
        finally:
            database.dispose()

    def _publish(self) -> None:
        """Put all events into the worker's queue, as soon as it has made one."""
        persistent = pika.BasicProperties(delivery_mode=2)
        parameters = pika.URLParameters(self._broker_url)
        with closing(pika.BlockingConnection(parameters)) as connection:
            wait_for(lambda: _exists(connection, QUEUE), "the worker's queue", 120)
            channel = connection.channel()
            channel.confirm_delivery()
            for event in town.events(self._town):
                source = "/popug/" + event.type.split(".")[1]
                body = encode(Envelope(new_id(), source, SystemClock().now(), event))
                channel.basic_publish("", QUEUE, body, persistent)

    def _counts(self) -> dict[str, int]:
        """Mails by status."""
        by_status = select(mails.c.status, func.count()).group_by(mails.c.status)
        with self._mails.reading() as reading:
            return {row[0]: row[1] for row in reading.execute(by_status)}

    def _waiting(self) -> int:
        """How many mails the mailer has not done with, or not even heard of."""
        counts = self._counts()
        all_of_them = len(self._town) + sum(each.payout_fails for each in self._town)
        return all_of_them - counts.get(SENT, 0) - counts.get(FAILED, 0)

    def _all_done(self) -> bool:
        return self._waiting() == 0


def _let_time_pass(tx: Transaction) -> None:
    """End all leases and pauses."""
    tx.execute(mails.update().where(mails.c.status == SENDING).values(claimed_until=tx.now))
    tx.execute(mails.update().where(mails.c.status == QUEUED).values(next_attempt_at=tx.now))


def _exists(connection: pika.BlockingConnection, queue: str) -> bool:
    channel = connection.channel()
    try:
        channel.queue_declare(queue, passive=True)
    except pika.exceptions.ChannelClosedByBroker:
        return False
    channel.close()
    return True
