"""A company with a past, written straight into the databases: its books agree with each other.

Each of PEOPLE works each day: they get tasks for FEE and close them for REWARD by turns, the
day's gain is paid out, and the day is closed; today is open. Every tenth never closes a
task and owes more each day. The first person, the busiest, does as much as a hundred. The
tasks that are listed are others, spread evenly; one in four is open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tests import mariadb

FEE, REWARD = 15_00, 25_00
BUSIEST_TIMES = 100
DEBTOR_EVERY = 10
NUMBERS = 10_000
ROWS_AT_ONCE = 500_000
CURRENCY = "USD"

# Ids as SQL and as Lua and Python write them: a kind, and a number.
ID = "01900000-0000-7000-{kind}-{number:012x}"
PERSON, TASK, FRESH, ENTRY, ASSIGNMENT, PAYOUT = "8000", "8001", "8002", "8003", "8004", "8005"


@dataclass(frozen=True)
class Size:
    """How much there is: tasks on the board, entries in the ledger (both sides counted)."""

    tasks: int
    entries: int
    people: int
    days: int

    @property
    def shares(self) -> int:
        """How many ordinary people's work all of it is."""
        return self.people - 1 + BUSIEST_TIMES

    @property
    def turns(self) -> int:
        """Pairs of a fee and a reward for each ordinary person and day."""
        return max(1, self.entries // (4 * self.shares * self.days))


THOUSAND = Size(1_000, 10_000, people=20, days=20)
HUNDRED_THOUSAND = Size(100_000, 200_000, people=200, days=60)
YEAR = Size(10_000, 1_000_000, people=500, days=365)
MILLION = Size(1_000_000, 10_000_000, people=1_000, days=365)


def identifier(kind: str, number: int) -> str:
    """The id of the thing of this kind and number."""
    return ID.format(kind=kind, number=number)


def _sql_id(kind: str, number: str) -> str:
    return f"CONCAT('01900000-0000-7000-{kind}-', LPAD(LOWER(HEX({number})), 12, '0'))"


def fill(schemas: Mapping[str, str], size: Size, today: date) -> None:
    """Fill migrated, empty databases; `schemas` are their names by service."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        # All keys are made here, each once: to look for them would take most of the time.
        cursor.execute("SET SESSION unique_checks = 0, autocommit = 1")
        _Filler(cursor, schemas, size, today).fill()
        for schema in schemas.values():
            _analyze(cursor, schema)


def add_fresh_tasks(schemas: Mapping[str, str], first: int, count: int, holder: int) -> None:
    """Open tasks FRESH from this number on, all held by one person."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"USE `{schemas['tasks']}`")
        for start in range(first, first + count, NUMBERS):
            most = min(NUMBERS, first + count - start)
            _add_tasks(cursor, FRESH, f"({start} + n)", f"numbers WHERE n < {most}", str(holder))
        connection.commit()
        _analyze(cursor, schemas["tasks"])


def _analyze(cursor: Any, schema: str) -> None:
    """Have the server know at once how much there is; by itself it looks after some seconds."""
    cursor.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", [schema]
    )
    tables = ", ".join(f"`{schema}`.`{row[0]}`" for row in cursor.fetchall())
    if tables:
        cursor.execute(f"ANALYZE TABLE {tables}")
        cursor.fetchall()


def _add_tasks(cursor: Any, kind: str, number: str, source: str, holder: str) -> None:
    closed = "0" if kind == FRESH else f"{number} % 4 > 0"
    task, assignment = _sql_id(kind, number), _sql_id(ASSIGNMENT, f"{number} + {int(kind) << 32}")
    person = _sql_id(PERSON, holder)
    at = f"TIMESTAMPADD(SECOND, {number} % 86400, UTC_TIMESTAMP(6) - INTERVAL 2 DAY)"
    cursor.execute(
        "INSERT INTO tasks (id, jira_id, title, title_folded, description, status, assignee_id,"
        " assignment_id, fee, reward, created_by, created_at, closed_at)"
        f" SELECT {task}, CONCAT('POPUG-', {number}), CONCAT('Paint cage ', {number}),"
        f" CONCAT('paint cage ', {number}), '', IF({closed}, 'closed', 'open'), {person},"
        f" {assignment}, 1000 + 100 * ({number} % 11), 2000 + 100 * ({number} % 21), {person},"
        f" {at}, IF({closed}, {at} + INTERVAL 1 HOUR, NULL) FROM {source}"
    )
    cursor.execute(
        "INSERT INTO assignments (id, task_id, assignee_id, reason, assigned_at)"
        f" SELECT {assignment}, {task}, {person}, 'created', {at} FROM {source}"
    )


class _Filler:
    def __init__(self, cursor: Any, schemas: Mapping[str, str], size: Size, today: date) -> None:
        self._cursor = cursor
        self._schemas = schemas
        self._size = size
        self._days = [today - timedelta(days=n) for n in reversed(range(size.days))]

    def fill(self) -> None:
        for service in ("auth", "tasks", "accounts", "analytics", "billing"):
            if service in self._schemas:
                self._cursor.execute(f"USE `{self._schemas[service]}`")
                self._numbers()
                getattr(self, f"_{service}")()

    def _numbers(self) -> None:
        self._cursor.execute("CREATE TABLE numbers (n INT PRIMARY KEY)")
        rows = [[n] for n in range(NUMBERS)]
        self._cursor.executemany("INSERT INTO numbers (n) VALUES (%s)", rows)

    def _auth(self) -> None:
        self._cursor.execute(
            "INSERT INTO users (id, email, name, folded_name, role, language, active, epoch,"
            f" password_hash, created_at) SELECT {_sql_id(PERSON, 'n')},"
            " CONCAT('popug', n, '@popug.test'), CONCAT('Popug ', n), CONCAT('popug ', n),"
            " 'worker', 'en', 1, 0, '', UTC_TIMESTAMP(6) FROM numbers WHERE n < %s",
            [self._size.people],
        )

    def _tasks(self) -> None:
        for start in range(0, self._size.tasks, ROWS_AT_ONCE):
            end = min(start + ROWS_AT_ONCE, self._size.tasks)
            number = f"({start} + a.n * {NUMBERS} + b.n)"
            source = f"numbers a JOIN numbers b WHERE a.n < 100 AND {number} < {end}"
            _add_tasks(self._cursor, TASK, number, source, f"{number} % {self._size.people}")

    def _accounts(self) -> None:
        self._people_of_the_day()
        for number, day in enumerate(self._days):
            is_open = day == self._days[-1]
            for side in ("popug", "company"):
                self._cursor.execute(_ENTRIES[side], self._of_day(number, day, is_open))
        yesterday = self._days[-2]
        self._cursor.execute("UPDATE ledger_state SET closing_through = %s", [yesterday])
        self._cursor.execute(_BALANCES)
        self._cursor.execute(_CLOSED_DAYS, [yesterday])
        self._cursor.execute(_COMPANY_SUMS)

    def _of_day(self, number: int, day: date, is_open: bool) -> dict[str, Any]:
        first = number * self._size.turns * 4 * self._size.shares
        at = datetime.combine(day, time(8), UTC).replace(tzinfo=None)
        return {"first": first, "number": number, "day": day, "at": at, "open": is_open,
                "tasks": self._size.tasks}  # fmt: skip

    def _people_of_the_day(self) -> None:
        """Each person's entries of a day: `work` fees and rewards, and where they begin."""
        self._cursor.execute(
            "CREATE TABLE people (n INT PRIMARY KEY, user_id VARCHAR(64) CHARACTER SET ascii"
            " COLLATE ascii_bin, work INT, before_him INT, owes INT)"
        )
        turns, rows, before = self._size.turns, [], 0
        for n in range(self._size.people):
            work = 2 * turns * (BUSIEST_TIMES if n == 0 else 1)
            owes = n % DEBTOR_EVERY == DEBTOR_EVERY - 1
            rows.append([n, identifier(PERSON, n), work, before, owes])
            before += work + 1
        self._cursor.executemany("INSERT INTO people VALUES (%s, %s, %s, %s, %s)", rows)

    def _analytics(self) -> None:
        ledger = self._schemas["accounts"]
        for statement in _FIGURES:
            self._cursor.execute(statement.format(ledger=ledger))

    def _billing(self) -> None:
        self._cursor.execute(
            "INSERT INTO payouts (id, user_id, date, amount, currency, status, gateway,"
            " idempotency_key, gateway_ref, attempts, created_at, updated_at)"
            " SELECT transaction_id, user_id, day, -sum, %s, 'succeeded', 'sandbox',"
            " transaction_id, transaction_id, 1, occurred_at, occurred_at"
            f" FROM `{self._schemas['accounts']}`.entries WHERE kind = 'payout' AND side = 'popug'",
            [CURRENCY],
        )


# The k-th of a person's entries of a day: fee, reward, fee, reward, ... and the payout.
_NUMBER = "%(first)s + p.before_him + k.n"
_KIND = "IF(k.n = p.work, 'payout', IF(p.owes OR k.n % 2 = 0, 'fee', 'reward'))"
_SUM = (
    f"IF(k.n = p.work, -{REWARD - FEE} * (p.work DIV 2),"
    f" IF(p.owes OR k.n % 2 = 0, -{FEE}, {REWARD}))"
)
_BALANCE = (
    f"IF(p.owes, -{FEE} * (%(number)s * p.work + k.n + 1), IF(k.n = p.work, 0,"
    f" {REWARD - FEE} * (k.n DIV 2) + IF(k.n % 2 = 0, -{FEE}, {REWARD - FEE})))"
)
_SOURCE = f"IF(k.n = p.work, CONCAT(p.user_id, ':', %(day)s), {_sql_id(ASSIGNMENT, _NUMBER)})"


def _entries_of(side: str) -> str:
    total, balance = (_SUM, _BALANCE) if side == "popug" else (f"-({_SUM})", "NULL")
    statement = (
        "INSERT INTO entries (transaction_id, side, kind, source_id, user_id, task_id,"
        " occurred_at, day, sum, balance, note, posted_at)"
        f" SELECT {_sql_id(ENTRY, _NUMBER)}, '{side}', {_KIND}, {_SOURCE}, p.user_id,"
        f" IF(k.n = p.work, NULL, {_sql_id(TASK, f'({_NUMBER}) % %(tasks)s')}),"
        f" TIMESTAMPADD(SECOND, k.n % 30000, %(at)s), %(day)s, {total}, {balance}, '', %(at)s"
        " FROM people p JOIN numbers k ON k.n <= p.work"
        " WHERE k.n < p.work OR NOT (p.owes OR %(open)s) ORDER BY p.n, k.n"
    )
    return statement.replace(" % ", " MOD ")


_ENTRIES = {side: _entries_of(side) for side in ("popug", "company")}
_BALANCES = (
    "INSERT INTO accounts (user_id, balance, updated_at) SELECT user_id, SUM(sum), MAX(posted_at)"
    " FROM entries WHERE side = 'popug' GROUP BY user_id"
)
_CLOSED_DAYS = (
    "INSERT INTO business_days (date, status, last_user_id, payouts, amount, last_position,"
    " started_at, closed_at, closed_by) SELECT day, 'closed', '', SUM(kind = 'payout'),"
    " SUM(IF(kind = 'payout', sum, 0)), MAX(position), MAX(posted_at), MAX(posted_at), 'clock'"
    " FROM entries WHERE side = 'company' AND day <= %s GROUP BY day"
)
_COMPANY_SUMS = (
    "INSERT INTO company_sums (date, slot, fees, rewards, payouts, corrected) SELECT day, 0,"
    " SUM(IF(kind = 'fee', sum, 0)), SUM(IF(kind = 'reward', -sum, 0)),"
    " SUM(IF(kind = 'payout', sum, 0)), 0 FROM entries WHERE side = 'company' GROUP BY day"
)
_FIGURES: Sequence[str] = (
    "INSERT INTO days (date, fees, rewards, top_task_id, top_reward) SELECT day,"
    " SUM(IF(kind = 'fee', sum, 0)), SUM(IF(kind = 'reward', -sum, 0)),"
    " MIN(IF(kind = 'reward', task_id, NULL)), MAX(IF(kind = 'reward', -sum, NULL))"
    " FROM `{ledger}`.entries WHERE side = 'company' GROUP BY day",
    "INSERT INTO user_days (user_id, date, sum) SELECT user_id, day, SUM(sum)"
    " FROM `{ledger}`.entries WHERE side = 'popug' GROUP BY user_id, day",
    "INSERT INTO standings (user_id, balance, last_date)"
    " SELECT user_id, SUM(sum), MAX(date) FROM user_days GROUP BY user_id",
    "INSERT INTO loser_changes (date, losers)"
    " SELECT date, SUM((balance < 0) - (balance - sum < 0)) FROM (SELECT date, sum,"
    " SUM(sum) OVER (PARTITION BY user_id ORDER BY date) AS balance FROM user_days) AS running"
    " GROUP BY date",
)
